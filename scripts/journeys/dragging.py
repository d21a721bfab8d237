"""The threshold while it is dragged: the benchmark of the cockpit."""

from collections.abc import Iterator

from benchmarks.drag import FEWEST_UPDATES, FILMS, MOST_PAINT_MS, MOVES, measurements
from scripts.journeys.stage import Scene
from scripts.journeys.table import Row

ABOUT = (
    f"`python -m benchmarks.drag`, with {FILMS[0]:,} films: a drag of two seconds across the scale. A move "
    "is timed from the moment that the browser hands it over to the first task after the frame that "
    "paints its numbers."
)
_BEFORE = "17\u202fms a frame, 95th percentile 21"


def rows(scene: Scene) -> Iterator[Row]:
    """Drag the handle."""
    folder = scene.folder / "drag"
    folder.mkdir()
    [found] = measurements(scene.browser, folder, [(FILMS[0], 0)])
    yield Row(
        what=f"Moves that change the numbers, of {MOVES}",
        values=(found["distinct_updates"],),
        unit="moves",
        bound=FEWEST_UPDATES,
        more_is_better=True,
    )
    for what, name, bound in (
        ("A move, to its painted numbers, median", "event_to_paint_ms_p50", None),
        ("The same, 95th percentile", "event_to_paint_ms_p95", MOST_PAINT_MS),
    ):
        yield Row(what=what, values=(found[name],), unit="ms", bound=bound, before=_BEFORE)
