"""A newcomer: from a fresh server and home to a sample film with score and heatmap, and to a training."""

import time
from collections.abc import Iterator

from scripts.journeys.person import PATIENCE
from scripts.journeys.stage import Scene
from scripts.journeys.table import Row
from xraylab.actions import PHANTOM_FILMS
from xraylab.runs import table
from xraylab.runs.run import ACTIVE
from xraylab.settings import Settings, load_settings

ABOUT = (
    "Each round has a server, a home and a browser profile of its own. The first sample is clicked as soon "
    "as Overview shows it, while the server still loads the model."
)
ABOUT_PHANTOMS = (
    "*Try it on teaching phantoms* on Overview, in a new home, until a bar shows the progress of the "
    f"training. {PHANTOM_FILMS} films are drawn and imported first. The whole way ends when the threshold of "
    "the trained model has been moved with a key."
)
_ROUNDS = 3
_READ = "clock.seen('.xl-decision') && clock.heatmap()"
_TRAINS = "clock.seen('[data-testid=stMain] [role=progressbar]') && clock.text('h1') === 'Train'"


def rows(scene: Scene) -> Iterator[Row]:
    """Click a sample on a fresh server."""
    clicked, started, clicks = [], [], 0
    for number in range(_ROUNDS):
        scene.say(f"round {number + 1} of {_ROUNDS}")
        began = time.time()
        with scene.person() as person:
            person.page.goto(person.url, wait_until="commit")
            sample = person.page.get_by_role("button", name="Sample 1")
            sample.wait_for()
            clicked.append(person.click_until(sample, _READ).shown)
            started.append(person.page.evaluate(f"clock.at(() => {_READ})") - began)
            clicks = person.clicks
    yield Row(
        what="From the click on a sample to its score and heatmap",
        values=tuple(clicked),
        clicks=clicks,
        bound=10.0,
    )
    yield Row(what="The same, from the start of the server", values=tuple(started), clicks=clicks, bound=None)


def training(scene: Scene) -> Iterator[Row]:
    """Train on phantoms from Overview, and move the threshold of the model."""
    home = scene.folder / "newcomer"
    settings = load_settings(home=home)
    try:
        with scene.person(home) as person:
            person.open()
            began = time.monotonic()
            wait = person.click_until(person.button("Try it on teaching phantoms"), _TRAINS)
            yield Row(
                what="From Overview to a training",
                values=(wait.shown,),
                clicks=person.clicks,
                before="2 clicks",
            )
            person.click(person.button("Move the threshold"))
            handle, value = (person.page.locator(f".cockpit {part}") for part in (".range.main", ".value"))
            value.wait_for(timeout=PATIENCE)
            before = value.inner_text()
            handle.press("ArrowLeft")
            while value.inner_text() == before:
                person.think(0.02)
            yield Row(
                what="From the button to a threshold that was moved",
                values=(time.monotonic() - began,),
                clicks=person.clicks,
                bound=60.0,
                before="391 s",
            )
    finally:
        _stop(settings)


def _stop(settings: Settings) -> None:
    """Cancel what still trains, so that it disturbs no other journey."""
    for run in table.list_runs(settings, states=ACTIVE):
        table.cancel(settings, run.id)
    deadline = time.monotonic() + 60
    while table.list_runs(settings, states=ACTIVE) and time.monotonic() < deadline:
        time.sleep(0.5)
