"""
Film viewer: the film first, the heatmap only on demand.

- overlay, window, level, inversion, zoom and pan work in the browser, without the server
- window, level and inversion are a browser filter over the film's 8 bits: no pixel is computed in JavaScript,
  so that a large film follows the hand
- the film is shown in its own resolution and proportions; a heatmap is stretched over the whole film, as the
  film was stretched to the network's square; that square and its true grid can be drawn over it
- the browser also switches between several heatmaps, and swipes them over the film with a divider
- 100 % is one film pixel for each pixel of the screen
- the next film comes without overlay; opacity, divider and grid are kept; window, inversion and zoom start
  anew for each film
- keys work wherever the focus is, if this is the page's only viewer and the user isn't typing
- a synthetic film has the word SYNTHETIC in its drawn pixels, and in a corner that stays in sight when zoomed
- images are sent as data URLs inside the component's message; equal messages are sent once, then by hash
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
    """A heatmap to lay over a film."""

    name: str  # on its button
    png: bytes  # RGBA, in the film's proportions or square
    most: str = "high"  # the meaning of the upper end of its colours, in words


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
    """Show a film, with a heatmap over it on demand.

    Parameters
    ----------
    film_png : bytes
        The film as PNG, any size and proportions.
    overlays : bytes, sequence of Overlay, or None
        The heatmap as RGBA PNG in the film's proportions or square, or several to switch between; without a
        heatmap the controls are disabled.
    key : str
        The component's key. Another film under the same key starts afresh, except opacity, divider and grid.
    caption : str
        One line about the film; screen readers read it out.
    synthetic : bool
        Whether to mark the film as synthetic.
    height : int
        Height of the black surround in CSS pixels on a desktop; a small window gets less.
    scale : sequence of str
        CSS colours of the heatmap from low to high, for the legend; by default the legend has words only.
    grid : (rows, columns), optional
        The true grid of the network's square, which can be drawn over the film.
    films : str, optional
        Key of the page's ``st.radio`` that chooses the film; the viewer's keys j and k step through it.

    Raises
    ------
    ValueError
        If an image is not a PNG, or the height is not positive.
    """
    if height <= 0:
        raise ValueError(f"height must be positive, not {height}")
    heatmaps = [Overlay("Heatmap", overlays)] if isinstance(overlays, bytes) else (overlays or ())
    _mount(
        key=key,
        data={
            "film": _data_url(film_png),
            # Tells the browser that the film changed, without a comparison of whole images.
            "film_id": hashlib.sha256(film_png).hexdigest()[:16],
            "overlays": [
                {"name": heatmap.name, "url": _data_url(heatmap.png), "most": heatmap.most}
                for heatmap in heatmaps
            ],
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
