"""
Film list: the films of a screen, sorted and filtered in the browser, with the keys that step through them.

- one film is chosen; the viewer's keys and buttons step through the list as it is sorted and filtered
- the browser marks a choice at once, and Python hears of it; Python's own choice counts with a new revision
- thumbnails are small, so that five hundred films are one message of less than a megabyte
"""

import base64
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

_HERE = Path(__file__).parent
_SIDE = 112  # pixels of a thumbnail's longer side: sharp in 56 CSS pixels on a dense screen
_QUALITY = 70

_mount = st.components.v2.component(
    "xraylab_film_list",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js="\n".join(file.read_text("utf-8") for file in (_HERE.parent / "keys.js", _HERE / "view.js")),
)


@dataclass(frozen=True)
class Row:
    """A film in the list."""

    key: str  # returned when it is chosen
    name: str  # as the user calls the film
    title: str  # the first line: a score, or what there is in its place
    detail: str = ""  # the second line
    mark: str = ""  # the group that it is filtered by, and the sign before its title
    score: float | None = None  # sorted by; None goes last
    called: bool = False  # whether the reader made a call
    url: str = ""  # the thumbnail, as ``thumbnail_url`` returns it


@dataclass(frozen=True)
class Choice:
    """What was chosen in the list."""

    key: str | None = None  # the film
    beside: str | None = None  # another one to show beside it; "" for none


def film_list(
    rows: Sequence[Row],
    *,
    key: str,
    label: str,
    chosen: str,
    beside: str | None = None,
    revision: int = 0,
    marks: Mapping[str, str],
    scored: bool = True,
    order: str = "as added",
    read: bool = True,
) -> Choice:
    """Show films in a list, and return what was just chosen.

    Parameters
    ----------
    rows : sequence of Row
        At least one.
    key : str
        The component's key.
    label : str
        What the list chooses, for screen readers.
    chosen : str
        Key of the film that Python chose last; the browser knows what was chosen in the list since.
    beside : str, optional
        Key of the film that is shown beside it.
    revision : int
        Another number than before if Python chose anew.
    marks : mapping of str to str
        The groups that films can be filtered by, in order, with their words.
    scored : bool
        Whether films can be sorted by score; the scores are left out otherwise.
    order : str
        The order in which the films are given, in words.
    read : bool
        Whether a reader works through the list: films can be filtered by the reader's calls, and shown beside
        each other.

    Returns
    -------
    Choice
        Empty in every run but that of the choice.
    """
    names = [field.name for field in fields(Row) if scored or field.name != "score"]
    result = _mount(
        key=key,
        data={
            "label": label,
            "films": [{name: getattr(row, name) for name in names} for row in rows],
            "chosen": chosen,
            "beside": beside,
            "revision": revision,
            "marks": [[mark, words] for mark, words in marks.items()],
            "scored": scored,
            "order": order,
            "read": read,
        },
        on_chosen_change=lambda: None,
        on_beside_change=lambda: None,
    )
    return _checked(result, {row.key for row in rows})


def just_chosen(key: str, films: Collection[str]) -> Choice:
    """Return what was just chosen in a list before it is drawn again, so that no row need be made for it.

    Parameters
    ----------
    key : str
        Of the component.
    films : collection of str
        Keys of the films that can be chosen.
    """
    return _checked(st.session_state.get(key) or {}, films)


def _checked(result: Mapping[str, Any], films: Collection[str]) -> Choice:
    # A browser can send anything; only a film that is listed can be chosen.
    now, other = result.get("chosen"), result.get("beside")
    return Choice(now if now in films else None, other if other in films or other == "" else None)


def thumbnail_url(pixels: NDArray[np.uint8], ratio: float) -> str:
    """Return a film's thumbnail as a data URL.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width)
        The film, stretched to any proportions.
    ratio : float
        Width to height of the film itself.
    """
    size = round(_SIDE * min(1.0, ratio)), round(_SIDE * min(1.0, 1 / ratio))
    buffer = io.BytesIO()
    small = Image.fromarray(pixels).resize((max(1, size[0]), max(1, size[1])), Image.Resampling.BILINEAR)
    small.save(buffer, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
