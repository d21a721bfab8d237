"""
Pictures that a reader asked to keep: ``cases/<number>/film.png``, and its few tags in ``film.json``.

- a new folder carries a mark until its case is in the log: see ``sweeping``
- the PNG is encoded here from grey values, so nothing else from the uploaded file is kept
- tags are kept only if they are on short lists of DICOM terms: a name in the wrong field is dropped
"""

import contextlib
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xraylab.errors import NotFoundError
from xraylab.files import new_folder, remove_file, retired, storage_errors, write_bytes, write_json
from xraylab.imaging.picture import png
from xraylab.settings import Settings
from xraylab.stored import TABLE_BYTES, check_file, read_file

_PICTURE, _TAGS = "film.png", "film.json"
_MARK = ".unconfirmed"
_MODALITIES = frozenset({"CR", "DX", "DR", "RG", "RF", "XA", "CT", "MR", "US", "OT", "SC"})
_VIEWS = frozenset({"PA", "AP", "LL", "RL", "LLD", "RLD", "LLO", "RLO"})
_BODY_PARTS = frozenset(
    {"CHEST", "THORAX", "LUNG", "ABDOMEN", "SPINE", "SHOULDER", "HAND", "SKULL", "PELVIS"}
)
_OLDEST = 90  # an age above 89 may identify a patient (45 CFR 164.514(b)(2)(i)(C))


@dataclass(frozen=True)
class Tags:
    """The tags of a film that may be kept with its grey values; anything else becomes None."""

    modality: str | None = None
    view: str | None = None
    body_part: str | None = None
    age_years: int | None = None  # whole years; 90 stands for 90 and above

    @classmethod
    def allowed(
        cls, modality: str | None, view: str | None, body_part: str | None, age: float | None
    ) -> "Tags":
        """Keep the words that are on the lists, and the age in whole years.

        Parameters
        ----------
        modality, view, body_part : str or None
            As the file states them.
        age : float or None
            Years.
        """
        whole = None if age is None or not math.isfinite(age) or age < 0 else min(math.floor(age), _OLDEST)
        return cls(
            _listed(modality, _MODALITIES), _listed(view, _VIEWS), _listed(body_part, _BODY_PARTS), whole
        )


@dataclass(frozen=True, eq=False)
class Kept:
    """A picture to keep, with its tags."""

    film: NDArray[np.uint8]  # (height, width), for display
    tags: Tags = Tags()


def write(settings: Settings, number: int, kept: Kept) -> None:
    """Write a case's picture and its few tags.

    Raises
    ------
    ValueError
        If the film isn't uint8 of shape (height, width).
    StorageError
        If the disk is full or can't be written.
    """
    if kept.film.ndim != 2 or kept.film.dtype != np.uint8:  # noqa: PLR2004
        raise ValueError(f"a film is uint8 (height, width), not {kept.film.dtype} {kept.film.shape}")
    tags = kept.tags
    with new_folder(folder_of(settings, number)) as folder:
        write_bytes(folder / _PICTURE, png(Image.fromarray(np.ascontiguousarray(kept.film))))
        write_json(
            folder / _TAGS,
            {
                "schema": "xraylab.kept-film/1",
                "modality": tags.modality,
                "view": tags.view,
                "body_part": tags.body_part,
                "age_years": tags.age_years,
            },
        )
        write_bytes(folder / _MARK, b"")


def put_back(settings: Settings, number: int, source: Path) -> None:
    """Put the picture of a deleted case back, with a mark until the case is in the log again.

    Parameters
    ----------
    source : Path
        A folder with the files of the picture.

    Raises
    ------
    NotFoundError
        If the picture isn't there.
    StorageError
        If the disk is full or can't be written.
    """
    try:
        check_file(source / _PICTURE)
    except OSError as error:
        raise NotFoundError(f"The picture of case {number} is gone, so it can't be restored.") from error
    with new_folder(folder_of(settings, number)) as folder:
        for name in (_PICTURE, _TAGS):
            with contextlib.suppress(FileNotFoundError):
                write_bytes(folder / name, read_file(source / name, TABLE_BYTES))
        write_bytes(folder / _MARK, b"")


def is_marked(folder: Path) -> bool:
    """Return whether the case of a picture wasn't in the log yet when its folder was last changed."""
    return (folder / _MARK).exists()


def confirm(folder: Path) -> None:
    """Take the mark away, because the case is in the log.

    Raises
    ------
    StorageError
        If the folder can't be written.
    """
    remove_file(folder / _MARK)


def free_number(settings: Settings, number: int) -> int:
    """Return the first number from ``number`` on that has no picture of a case.

    The caller holds the write lock of the database, in which no case has one of these numbers.
    """
    while (folder := folder_of(settings, number)).exists():
        if is_marked(folder):  # a killed process never kept its case
            shutil.rmtree(folder, ignore_errors=True)
        else:  # the log was lost; its picture must not become that of another case
            number += 1
    return number


@contextlib.contextmanager
def removing(settings: Settings, number: int) -> Iterator[None]:
    """Remove a case's picture, if there is one, after the block has deleted the case.

    If the block raises, the picture stays.

    Raises
    ------
    StorageError
        If it can't be removed.
    """
    folder = folder_of(settings, number)
    if not folder.exists():
        yield
        return
    with storage_errors(folder):
        with retired(folder) as aside:
            yield
        shutil.rmtree(aside)


def folder_of(settings: Settings, number: int) -> Path:
    """Return the folder of a case's picture, whether it was kept or not."""
    # int() first: nothing but a number may become part of a path that is removed.
    return settings.cases / str(int(number))


def _listed(word: str | None, known: frozenset[str]) -> str | None:
    tidy = (word or "").strip().upper()
    return tidy if tidy in known else None
