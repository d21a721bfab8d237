"""
The films of a session: samples, films of a dataset, and uploads, each under a key that stays.

- an archive is unpacked once, and only as far as memory allows
- the chosen film stays chosen while others come and go; if it is removed, the next one takes its place
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from xraylab import formats
from xraylab.app import told, uploads
from xraylab.app.samples import Sample, samples
from xraylab.app.thumbnails import shape_of
from xraylab.data.datasets import Dataset
from xraylab.data.intake import films_in
from xraylab.data.phantoms import marked
from xraylab.imaging import Film, Refused
from xraylab.imaging.picture import png

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MOST_BYTES = 512 * 2**20  # unpacked uploads of one session
SAMPLES = "samples"  # owner of the sample films
_MOST_FILMS = 500
_UNPACKED, _SAMPLES, _BROUGHT = "unpacked films", "sample films", "films of datasets"  # session keys
_CHOSEN, _BESIDE, _PLACE = "film chosen", "film beside", "place of the film"
_TOLD = "film told to the list"  # session key of ``told``


@dataclass(frozen=True)
class Copy:
    """Where a film comes from that is the copy in a dataset: the 256 × 256 pixels that networks see."""

    dataset: str
    shape: float  # width to height of the film itself


@dataclass(frozen=True, eq=False)
class Item:
    """A film of this session."""

    key: str
    film: Film | Refused
    owner: str  # id of its upload, or SAMPLES, or its key if it comes from a dataset
    sample: Sample | None = None
    copy: Copy | None = None

    @property
    def identity(self) -> str:
        """The film's hash, or the reason if it was refused."""
        return self.film.why if isinstance(self.film, Refused) else self.film.sha256


def all_items(given: "Sequence[UploadedFile]") -> list[Item]:
    """List the films of this session: samples, films of datasets, uploads.

    Parameters
    ----------
    given : sequence of UploadedFile
        All uploads.
    """
    uploaded = [
        Item(key_of(upload.file_id, place), film, upload.file_id) for upload, place, film in _unpacked(given)
    ]
    brought: dict[str, tuple[Film, Copy]] = st.session_state.get(_BROUGHT, {})
    uploaded = [*(Item(key, film, key, copy=copy) for key, (film, copy) in brought.items()), *uploaded]
    if not has_samples():
        return uploaded
    drawn = [
        Item(key_of(SAMPLES, place), sample.film, SAMPLES, sample) for place, sample in enumerate(samples())
    ]
    return [*drawn, *uploaded]


def draw_uploader() -> "list[UploadedFile]":
    """Draw the uploader of a screen and return all uploads; the first film of new ones is chosen."""
    before = {upload.file_id for upload in uploads.present()}
    now = uploads.draw(most_megabytes=MOST_BYTES // 2**20)
    new = next((upload for upload in now if upload.file_id not in before), None)
    if new is not None:
        choose(key_of(new.file_id))
    return now


def show_samples(chosen: int = 0) -> None:
    """Put the sample films before the uploads, and choose one of them."""
    st.session_state[_SAMPLES] = True
    choose(key_of(SAMPLES, chosen))


def has_samples() -> bool:
    """Return whether the sample films are among the films."""
    return bool(st.session_state.get(_SAMPLES))


def bring(dataset: Dataset, row: int) -> None:
    """Put a film of a dataset among the films, and choose it; its label stays behind.

    Parameters
    ----------
    row : int
        Of the catalog.
    """
    pixels = np.asarray(dataset.pixels[row])
    # Read finds the same pixels in the file, so the film gets the same score there.
    data = marked(pixels) if dataset.info.kind == "phantoms" else png(Image.fromarray(pixels))
    film = Film(PurePosixPath(str(dataset.catalog["path"].iloc[row])).name, data)
    key = key_of(f"film of a dataset {film.sha256}")
    st.session_state.setdefault(_BROUGHT, {})[key] = film, Copy(dataset.info.name, shape_of(dataset, row))
    choose(key)


def remove(owners: Collection[str]) -> None:
    """Take films away that weren't uploaded, given by their owners."""
    if SAMPLES in owners:
        st.session_state.pop(_SAMPLES, None)
    for owner in owners:
        st.session_state.get(_BROUGHT, {}).pop(owner, None)


def key_of(upload: str, place: int = 0) -> str:
    """Return the key of a film from the id of its upload and its place in it."""
    return f"{upload} {place}"


def choose(key: str) -> None:
    """Choose a film; the list follows."""
    st.session_state[_CHOSEN] = key
    told.tell_anew(_TOLD)


def chosen_in_list(key: str) -> None:
    """Note the film that a person chose in the list, which shows it already."""
    st.session_state[_CHOSEN] = key
    if st.session_state.get(_BESIDE) == key:
        del st.session_state[_BESIDE]


def show_beside(key: str) -> None:
    """Show a film beside the chosen one; none if the key is empty."""
    st.session_state[_BESIDE] = key


def told_to_list() -> tuple[str, int]:
    """Return the film that the list is told to choose; see ``told``."""
    return told.told(_TOLD, st.session_state[_CHOSEN])


def chosen(items: Sequence[Item]) -> int:
    """Return the place of the chosen film; if it is gone, of the one that took its place."""
    keys = [item.key for item in items]
    key = st.session_state.get(_CHOSEN)
    if key not in keys:
        place = min(st.session_state.get(_PLACE, 0), len(keys) - 1)
        choose(keys[place])
    st.session_state[_PLACE] = keys.index(st.session_state[_CHOSEN])
    return int(st.session_state[_PLACE])


def beside(items: Sequence[Item]) -> int | None:
    """Return the place of the film that is shown beside the chosen one; None without one."""
    key = st.session_state.get(_BESIDE)
    if key == st.session_state.get(_CHOSEN):
        return None
    return next((place for place, item in enumerate(items) if item.key == key), None)


def _unpacked(given: "Sequence[UploadedFile]") -> "list[tuple[UploadedFile, int, Film | Refused]]":
    """List the films of all uploads, with their places in their uploads.

    The films of an upload are kept together with the limits at that time: if another upload is removed, there
    is more room, and the archive is unpacked again.
    """
    kept: dict[tuple[str, int, int], list[Film | Refused]] = st.session_state.get(_UNPACKED, {})
    now: dict[tuple[str, int, int], list[Film | Refused]] = {}
    films: list[tuple[UploadedFile, int, Film | Refused]] = []
    left, bytes_left = _MOST_FILMS, MOST_BYTES
    for upload in given:
        if left <= 0 or bytes_left <= 0:
            break
        key = upload.file_id, left, bytes_left
        now[key] = kept[key] if key in kept else _films_of(upload, left, bytes_left)
        films += [(upload, place, film) for place, film in enumerate(now[key])]
        left -= len(now[key])
        bytes_left -= sum(_bytes_of(film) for film in now[key])
    st.session_state[_UNPACKED] = now
    for key in kept.keys() - now.keys():
        # Buttons of the last run may still hold a film that was removed, but not its pixels.
        for film in kept[key]:
            if isinstance(film, Film):
                film.drop_pixels()
    if len(films) >= _MOST_FILMS or bytes_left <= 0:
        st.warning(
            f"This page reads {formats.count(len(films))} films at once. On the command line, predict reads "
            "any number of them."
        )
    return films


def _films_of(upload: "UploadedFile", most: int, most_bytes: int) -> list[Film | Refused]:
    films: list[Film | Refused] = []
    for film in films_in(upload.name, upload.getvalue()):
        if len(films) >= most or most_bytes <= 0:
            break
        films.append(film)
        most_bytes -= _bytes_of(film)
    return films


def _bytes_of(film: Film | Refused) -> int:
    return len(film.data) if isinstance(film, Film) else 0
