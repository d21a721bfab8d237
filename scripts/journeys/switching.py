"""From screen to screen through the sidebar, once everything is warm."""

from collections.abc import Iterator

from scripts.journeys.person import Person, Wait
from scripts.journeys.stage import Scene
from scripts.journeys.table import Row
from xraylab.app.shell import LIBRARY, SCREENS

ABOUT = (
    "The home has a dataset, a run and its model; Read has three films. The screens are opened in turn, "
    "after two rounds that don't count. *Title*: the title of the screen is there. *Settled*: nothing "
    "moves any more."
)
_WARM, _ROUNDS, _FILMS, _PAUSE = 2, 6, 3, 0.5
_BOUND = 0.8
_BEFORE = {
    "overview": ("0.35", "0.8"),
    "data": ("0.64", "1.3"),
    "train": ("1.06", "1.3"),
    "threshold": ("0.42", "1.1"),
    "compare": ("0.30", "1.0"),
    "read": ("0.33", "1.1"),
    "models": ("0.45", "1.2"),
}


def rows(scene: Scene) -> Iterator[Row]:
    """Go through all screens some times."""
    screens = [*SCREENS, *LIBRARY]
    waits: dict[str, list[Wait]] = {screen.key: [] for screen in screens}
    with scene.person(scene.used_home()) as person:
        person.open("read")
        person.drop(scene.films(_FILMS), f"clock.scored() === {_FILMS}")
        person.rest()
        for number in range(_WARM + _ROUNDS):
            scene.say(f"round {number + 1} of {_WARM + _ROUNDS}")
            stride = 1 + number % 2 * 2  # 7 screens: each round comes to a screen from another one
            for place in range(len(screens)):
                screen = screens[place * stride % len(screens)]
                wait = _go(person, screen.label)
                if number >= _WARM:
                    waits[screen.key].append(wait)
    for screen in screens:
        times = waits[screen.key]
        found = ("title", [wait.shown for wait in times]), ("settled", [wait.settled for wait in times])
        for (what, values), before in zip(found, _BEFORE[screen.key], strict=True):
            yield Row(
                what=f"{screen.label}: {what}",
                values=tuple(values),
                clicks=1,
                bound=_BOUND,
                before=f"{before}\u202fs",
            )


def _go(person: Person, label: str) -> Wait:
    person.think(_PAUSE)
    return person.click_until(person.link(label), f"clock.text('h1') === '{label}'", settle=True)
