"""The film in its viewer, and a second one beside it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xraylab import actions
from xraylab.app.components.film_viewer import Viewed, film_viewer
from xraylab.app.loaded import prepare
from xraylab.app.overlays import overlays
from xraylab.app.screens.read import blind, readings
from xraylab.app.screens.read.batch import Batch
from xraylab.app.session_films import Item
from xraylab.errors import XRayLabError
from xraylab.imaging import Film
from xraylab.models import Model

if TYPE_CHECKING:
    from xraylab.reports.film import DrawnHeatmap


def draw(
    batch: Batch, film: Film, drawn: "Sequence[DrawnHeatmap]" = (), grid: tuple[int, int] | None = None
) -> None:
    """Draw the chosen film, with the one that is compared with it.

    Parameters
    ----------
    film : Film
        The chosen one, which can be read.
    drawn : sequence of DrawnHeatmap
        Its heatmaps.
    grid : (rows, columns), optional
        The grid of the network's square.
    """
    prepare()
    from xraylab.reading.heatmap import COLOURS

    other = batch.beside
    film_viewer(
        _viewed(batch.wants.model, film, batch.item, drawn, grid),
        key="film",
        scale=COLOURS,
        films=True,
        fill=True,
        folds=True,
        beside=None if other is None else _viewed_beside(batch, other),
    )


def _viewed(
    model: Model,
    film: Film,
    item: Item,
    drawn: "Sequence[DrawnHeatmap]",
    grid: tuple[int, int] | None = None,
) -> Viewed:
    viewed = Viewed.of(
        film,
        readings.picture(item),
        overlays(drawn, model.card.finding, item.sample),
        synthetic=film.facts.synthetic,
        grid=grid,
    )
    return replace(viewed, shows_heatmap=item.sample is not None and bool(drawn))


def _viewed_beside(batch: Batch, place: int) -> Viewed | None:
    """Return the second film with its heatmap; None if it can't be read."""
    from xraylab.reading.heatmap import DEFAULT

    item, wants = batch.items[place], batch.films[place]
    if not isinstance(item.film, Film):
        return None
    try:
        maps = () if blind.hides(wants) else readings.heatmaps(wants.model, item.film, (DEFAULT,))
        drawn = [actions.drawn_heatmap(heatmap, wants.model.card.finding) for heatmap in maps]
        return _viewed(wants.model, item.film, item, drawn)
    except XRayLabError:  # its own place in the list says why
        return None
