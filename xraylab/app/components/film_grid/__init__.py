"""
Film grid: thumbnails in their own proportions, as many a row as the window has room for.

- a click or Enter chooses a film; the arrow keys go from film to film
- each film has two lines: what it is labelled, and its name; the first may carry a mark of the class
- thumbnails are JPEG in the component's message; equal messages are sent once, then by hash
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

_HERE = Path(__file__).parent
_QUALITY = 85  # of a thumbnail; 85 shows no blocks at this size
_LEAST, _MOST = 0.5, 2.0  # width to height: a thumbnail stays one, however odd its file

_mount = st.components.v2.component(
    "xraylab_film_grid",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js=(_HERE / "view.js").read_text("utf-8"),
)


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A film in the grid."""

    key: str  # returned when it is chosen
    pixels: NDArray[np.uint8]  # (height, width) or (height, width, 3), stretched to ``ratio``
    title: str  # the first line
    name: str  # the second line; cut if it is too long, and whole on hover
    ratio: float = 1.0  # width to height of the film itself
    label: int | None = None  # 0 or 1 for a mark in the colour of the class


def film_grid(films: Sequence[Thumbnail], *, key: str, label: str, large: bool = False) -> str | None:
    """Show films, and return the key of the one that was just chosen.

    Parameters
    ----------
    films : sequence of Thumbnail
    key : str
        The component's key.
    label : str
        What these films are, for screen readers.
    large : bool
        Whether a few films may be larger than thumbnails.

    Returns
    -------
    str or None
        None in every run but that of the choice.
    """
    result = _mount(
        key=key,
        data={
            "label": label,
            "large": large,
            "films": [
                {
                    "key": film.key,
                    "url": _url(film.pixels),
                    "title": film.title,
                    "name": film.name,
                    "ratio": min(max(film.ratio, _LEAST), _MOST),
                    "label": film.label,
                }
                for film in films
            ],
        },
        on_chosen_change=lambda: None,
    )
    chosen = result.get("chosen")
    # A browser can send anything; only a film that is shown can be chosen.
    return chosen if chosen in {film.key for film in films} else None


def _url(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
