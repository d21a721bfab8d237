"""Read: a first film on a fresh server, many films, the next film by its key, and what is done with one."""

from collections.abc import Iterator

from scripts.journeys.person import WINDOW, Person
from scripts.journeys.stage import FILMS_WORDS, Scene
from scripts.journeys.table import Row

ABOUT_COLD = (
    f"The films are {FILMS_WORDS}; the shipped ensemble reads them. In each round a fresh server is "
    "opened on Read, and a film is dropped as soon as the page takes one."
)
ABOUT_MANY = (
    "The model is in memory, and none of the films was read before. They are dropped together; the clock "
    "ends when the list has a score for each. Then the key j is pressed about once a second, until "
    "picture and name are those of the next film, and until everything that is said of it is there."
)
ABOUT_ONE = "One film that is read. The key o shows its heatmap, which was drawn with the score."
_ROUNDS, _FEW, _MANY, _PRESSES = 3, 5, 200, 20
_PAUSE = 1.0  # seconds that a person looks at a film at least
_DECIDED = "clock.seen('.xl-decision')"


def cold(scene: Scene) -> Iterator[Row]:
    """Drop a film on a fresh server."""
    waits = []
    for number in range(_ROUNDS):
        scene.say(f"round {number + 1} of {_ROUNDS}")
        [film] = scene.films(1)
        with scene.person() as person:
            person.page.goto(f"{person.url}/read", wait_until="commit")
            person.page.locator("input[type=file]").first.wait_for(state="attached")
            waits.append(person.drop([film], _DECIDED))
    yield Row(
        what="A film on a fresh server, to its decision", values=tuple(waits), clicks=0, before="21.5\u202fs"
    )


def many(scene: Scene) -> Iterator[Row]:
    """Drop a few films, then very many, and step through them."""
    with scene.person() as person:
        _open(person, scene)
        few = []
        for number in range(1, _ROUNDS + 1):
            few.append(person.drop(scene.films(_FEW), f"clock.scored() === {1 + number * _FEW}"))
            person.rest()
        yield Row(what="5 films, to all scores", values=tuple(few), clicks=0, before="5.2\u202fs")
        person.click(person.button("Remove all"))
        person.rest()
        scene.say(f"writing {_MANY} films")
        films = scene.films(_MANY)
        all_scored = person.drop(films, f"clock.scored() === {_MANY}")
        yield Row(what=f"{_MANY} films, to all scores", values=(all_scored,), clicks=0, before="25\u202fs")
        person.rest()
        yield from _stepped(person, [film.name for film in films])


def _stepped(person: Person, names: list[str]) -> Iterator[Row]:
    shown, decided = [], []
    for name in names[1 : 1 + _PRESSES]:
        person.think(_PAUSE)
        seen = f"clock.text('.viewer .caption') === '{name}' && clock.film()"
        wait = person.wait("keydown", lambda: person.page.keyboard.press("j"), seen, settle=True)
        shown.append(wait.shown)
        decided.append(wait.settled)
    words = f"Key j among {_MANY} films, to the next film"
    before = "3.3 to 5.0\u202fs"
    yield Row(what=words, values=tuple(shown), clicks=0, bound=0.5, before=before)
    yield Row(
        what=words, values=tuple(shown), statistic="95th percentile", clicks=0, bound=0.5, before=before
    )
    yield Row(what=f"{words}, with all that is said of it", values=tuple(decided), clicks=0)


def one(scene: Scene) -> Iterator[Row]:
    """Look at a film, call, keep and print it."""
    with scene.person() as person:
        _open(person, scene)
        film = person.page.evaluate("clock.inSight('.stage canvas')")
        share = 100 * film["width"] * film["height"] / (WINDOW[0] * WINDOW[1])
        yield Row(
            what=f"Share of a window of {WINDOW[0]} × {WINDOW[1]} that the film takes",
            values=(share,),
            unit="%",
            before="13 to 22\u202f%",
            bound=55,
            more_is_better=True,
        )
        shown = []
        for _ in range(5):
            shown.append(person.press_until("o", "clock.heatmap()"))
            person.think(0.3)
            person.page.keyboard.press("o")
            person.think(0.3)
        yield Row(what="Key o, to the heatmap", values=tuple(shown), clicks=0, before="0.01\u202fs")
        yield from _kept(person)
        yield from _aged(person)


def _kept(person: Person) -> Iterator[Row]:
    person.page.get_by_text("Report and export", exact=True).click()
    person.rest()
    person.clicks, saved = 0, []
    for _ in range(_ROUNDS):
        seconds, _ = person.save(person.button("Report as PDF"))
        saved.append(seconds)
        person.rest()
    yield Row(what="Report of a film as PDF", values=tuple(saved), clicks=1, before="2.6\u202fs")
    said = "clock.text('.st-key-xl-station-panel').includes('Kept as case')"
    kept = person.click_until(person.button("Save case"), said, settle=True)
    yield Row(what="Save a case, to its number", values=(kept.shown,), clicks=1, before="2.1\u202fs")
    person.rest()


def _aged(person: Person) -> Iterator[Row]:
    decided = []
    for years in (40, 50, 60):
        person.page.get_by_label("Age of the child").fill(str(years))
        said = f"clock.text('.st-key-xl-station-panel').includes('The age is {years} years')"
        decided.append(person.press_until("Enter", said))
        person.rest()
    yield Row(what="Age typed, to the decision at it", values=tuple(decided), clicks=0, before="4.7\u202fs")


def _open(person: Person, scene: Scene) -> None:
    """Open Read, and have the model loaded by a first film."""
    person.open("read")
    person.drop(scene.films(1), _DECIDED)
    person.rest()
