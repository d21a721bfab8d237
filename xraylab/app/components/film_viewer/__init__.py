"""
Film viewer: the film first, the heatmap only when it is asked for.

- overlay, window, level, inversion, zoom and pan happen in the browser; the server is not asked
- window, level and inversion are a filter of the browser's over the film's 8 bits: no pixel is computed in
  JavaScript, so that a large film follows the hand
- the film is shown in its own resolution and proportions; a heatmap is stretched over the whole film, as the
  film was stretched to the network's square; that square and its true grid can be drawn over it
- several heatmaps are switched between, and swiped over the film with a divider, in the browser too
- 100 % is one film pixel for each pixel of the screen
- the next film comes without overlay, whose opacity and divider are kept until it is asked for, as the grid
  is; window, inversion and zoom are each film's own
- keys are the viewer's wherever the focus is, if it is the page's only one and nobody types
- a synthetic film carries the word SYNTHETIC in the drawn pixels and in a corner that zooming can't leave
- images travel as data URLs inside the component's message; equal messages are sent once and then by hash
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_PNG = b"\x89PNG\r\n\x1a\n"

_mount = st.components.v2.component(
    "xraylab_film_viewer",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    js=(_HERE / "view.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Overlay:
    """One heatmap to lay over a film."""

    name: str  # on its button
    png: bytes  # RGBA, in the film's proportions or square
    most: str = "high"  # what the upper end of its colours stands for, in words


def film_viewer(
    film_png: bytes,
    overlays: bytes | Sequence[Overlay] | None,
    *,
    key: str,
    caption: str,
    synthetic: bool = False,
    height: int = 640,
    scale: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
    films: str | None = None,
) -> None:
    """Show a film, and a heatmap over it once the reader asks for it.

    Parameters
    ----------
    film_png : bytes
        The film as PNG, any size and proportions.
    overlays : bytes, sequence of Overlay, or None
        The heatmap as RGBA PNG in the film's proportions or square, or several to switch between; without any
        the controls are disabled.
    key : str
        The component's key. Another film under the same key starts afresh, but for what is laid over it.
    caption : str
        What is seen, one line; read out by screen readers too.
    synthetic : bool
        Whether to mark the film as synthetic.
    height : int
        Height of the black surround in CSS pixels on a desktop; a small window gets less.
    scale : sequence of str
        CSS colours of the heatmap from low to high, for the legend; without them the legend has words only.
    grid : (rows, columns), optional
        The true grid of the network's square, which can be drawn over the film.
    films : str, optional
        The key of the page's ``st.radio`` that chooses the film; the viewer's keys j and k step through it.

    Raises
    ------
    ValueError
        If an image is not a PNG, or the height is not positive.
    """
    if height <= 0:
        raise ValueError(f"height must be positive, not {height}")
    several = [Overlay("Heatmap", overlays)] if isinstance(overlays, bytes) else (overlays or ())
    _mount(
        key=key,
        data={
            "film": _data_url(film_png),
            "film_id": hashlib.sha256(film_png).hexdigest()[:16],
            "overlays": [{"name": one.name, "url": _data_url(one.png), "most": one.most} for one in several],
            "grid": None if grid is None else list(grid),
            "caption": caption,
            "synthetic": synthetic,
            "height": height,
            "scale": list(scale),
            "films": films,
        },
    )


def _data_url(png: bytes) -> str:
    if not png.startswith(_PNG):
        raise ValueError(f"an image starts with {png[:8]!r}, which is not PNG")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
