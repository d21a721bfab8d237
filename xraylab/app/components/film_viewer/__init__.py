"""
Film viewer: the film first, the heatmap only on demand.

- overlay, window, level, inversion, zoom, pan, lines and lens work in the browser, without the server
- window, level and inversion are a browser filter over the film's 8 bits: no pixel is computed in JavaScript,
  so that a large film follows the hand
- the film is shown in its own resolution and proportions; a heatmap is stretched over the whole film, as the
  film was stretched to the network's square; that square and its true grid can be drawn over it
- the browser also switches between several heatmaps, and swipes them over the film with a divider
- two films side by side zoom, move and change their greys together, until they are unlinked
- 100 % is one film pixel for each pixel of the screen
- the next film comes without overlay, unless it asks for one; opacity, divider and grid are kept; window,
  inversion, zoom and lines start anew for each film
- keys work wherever the focus is, if this is the page's only viewer and the user isn't typing
- a synthetic film has the word SYNTHETIC in its drawn pixels, and in a corner that stays in sight when zoomed
- images are sent as data URLs inside the component's message; equal messages are sent once, then by hash
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import streamlit as st

from xraylab.imaging import Film

_HERE = Path(__file__).parent
_PNG = b"\x89PNG\r\n\x1a\n"

_mount = st.components.v2.component(
    "xraylab_film_viewer",
    html=(_HERE / "view.html").read_text("utf-8"),
    css=(_HERE / "view.css").read_text("utf-8"),
    # One module: a component can't import a second file.
    js="\n".join((_HERE / name).read_text("utf-8") for name in ("../keys.js", "pane.js", "view.js")),
)


@dataclass(frozen=True)
class Overlay:
    """A heatmap to lay over a film."""

    name: str  # on its button
    png: bytes  # RGBA, in the film's proportions or square
    most: str = "high"  # the meaning of the upper end of its colours, in words


@dataclass(frozen=True)
class Viewed:
    """A film in the viewer, with what is known of it."""

    png: bytes  # the film, any size and proportions
    caption: str  # one line about the film; screen readers read it out
    overlays: Sequence[Overlay] = ()
    synthetic: bool = False  # marks the film as synthetic
    grid: tuple[int, int] | None = None  # rows and columns of the network's square, which can be drawn
    orientation: str | None = None  # where rows and columns lead: LF, AF or PF; None if it is unknown
    size_mm: tuple[float, float] | None = None  # height and width of the whole film; None if they are unknown
    measured_at: str = ""  # where these millimetres are true, in words: "at the detector"
    shows_heatmap: bool = False  # whether the film comes with its heatmap on

    @classmethod
    def of(
        cls,
        film: Film,
        png: bytes,
        overlays: Sequence[Overlay] = (),
        *,
        synthetic: bool = False,
        grid: tuple[int, int] | None = None,
    ) -> Self:
        """Return a film for the viewer, with orientation and size as its file states them.

        Parameters
        ----------
        png : bytes
            Its picture.
        """
        hung = film.hung
        about = hung.orientation, hung.size_mm, hung.measured_at
        return cls(png, film.name, overlays, synthetic, grid, *about)


def film_viewer(
    film: bytes | Viewed,
    overlays: bytes | Sequence[Overlay] | None = None,
    *,
    key: str,
    caption: str = "",
    synthetic: bool = False,
    height: int = 640,
    scale: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
    films: bool = False,
    fill: bool = False,
    slim: bool = False,
    folds: bool = False,
    beside: Viewed | None = None,
) -> None:
    """Show a film, with a heatmap over it on demand, or two films side by side.

    Parameters
    ----------
    film : bytes or Viewed
        The film as PNG, any size and proportions, or with all that is known of it.
    overlays : bytes, sequence of Overlay, or None
        The heatmap of a film given as PNG, as RGBA PNG in the film's proportions or square, or several to
        switch between; without a heatmap the controls are disabled.
    key : str
        The component's key. Another film under the same key starts afresh, except opacity, divider and grid.
    caption, synthetic, grid
        Of a film given as PNG; see ``Viewed``.
    height : int
        Height of the black surround in CSS pixels on a desktop; a small window gets less.
    scale : sequence of str
        CSS colours of the heatmap from low to high, for the legend; by default the legend has words only.
    films : bool
        Whether the viewer's keys j and k step through the page's ``film_list``.
    fill : bool
        Whether the black surround is as high as the CSS property ``--stage`` says (by default the window less
        4 rem) instead of ``height``. One bar, at most 40 CSS pixels high, is below it; a menu holds the less
        used controls. In a narrow place the surround is as high as the film needs.
    slim : bool
        Whether the bar of a filled viewer stays one line in a narrow place of a large window: buttons that
        don't fit are left out, the words about the film too. Keys and full screen have all of them.
    folds : bool
        Whether the list of keys names those that fold the page's panels; see ``folding_panels``.
    beside : Viewed, optional
        A second film to compare with.

    Raises
    ------
    ValueError
        If an image is not a PNG, or the height is not positive.
    """
    if height <= 0:
        raise ValueError(f"height must be positive, not {height}")
    if isinstance(film, bytes):
        heatmaps = [Overlay("Heatmap", overlays)] if isinstance(overlays, bytes) else (overlays or ())
        film = Viewed(film, caption, heatmaps, synthetic, grid)
    _mount(
        key=key,
        data={
            "panes": [_pane(one) for one in (film, beside) if one is not None],
            "height": height,
            "scale": list(scale),
            "films": films,
            "fill": fill,
            "slim": slim,
            "folds": folds,
        },
    )


def _pane(film: Viewed) -> dict[str, Any]:
    return {
        "url": _data_url(film.png),
        # Tells the browser that the film changed, without a comparison of whole images.
        "id": hashlib.sha256(film.png).hexdigest()[:16],
        "overlays": [
            {"name": heatmap.name, "url": _data_url(heatmap.png), "most": heatmap.most}
            for heatmap in film.overlays
        ],
        "grid": None if film.grid is None else list(film.grid),
        "caption": film.caption,
        "synthetic": film.synthetic,
        "orientation": film.orientation,
        "size_mm": None if film.size_mm is None else list(film.size_mm),
        "measured_at": film.measured_at,
        "shows_heatmap": film.shows_heatmap,
    }


def _data_url(png: bytes) -> str:
    if not png.startswith(_PNG):
        raise ValueError(f"an image starts with {png[:8]!r}, which is not PNG")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
