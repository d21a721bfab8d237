"""
Films of a session, read in the background: the chosen one first, then those that come next.

- a thread works while films wait and ends afterwards; it asks for the networks in the session's turns
- it never touches Streamlit's session: results are kept here, and the screen takes them from here
- once a film is read, the one after it is prepared too, so that the next key finds it ready; not before the
  browser had time to draw the chosen one, which this would hold up
- it holds the session's films only for one batch: a session that ends takes its films with it
"""

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xraylab.imaging import Film, Refused
from xraylab.models import Model
from xraylab.reading.turns import OnPlace

if TYPE_CHECKING:
    from xraylab.reading.read import Reading

_BATCH = 8  # films read together once the chosen one is there; a new choice waits for one batch at most
_LOOK = 0.2  # seconds between two looks of a screen that waits
_TO_DRAW = 0.4  # seconds that server and browser have to themselves after another film was chosen
_MOST_KEPT = 64  # readings of films that are no longer here


@dataclass(frozen=True, eq=False)
class Wanted:
    """A film that waits to be read."""

    scored: str  # all that its score depends on
    film: Film | Refused
    model: Model
    age: float | None  # years, as the reader typed it

    @property
    def key(self) -> str:
        """All that its reading depends on."""
        return f"{self.scored} {self.age}"


class Ahead:
    """The readings of one session.

    Parameters
    ----------
    read : callable
        Reads a batch of films of one model and age, and yields a reading for each; called in the background.
    prepare : callable
        Prepares a film that was read for the screen; called in the background.
    """

    def __init__(
        self,
        read: "Callable[[Sequence[Wanted], OnPlace], Iterable[Reading]]",
        prepare: "Callable[[Wanted, Reading], None]",
    ) -> None:
        self._read, self._prepare = read, prepare
        self._changed = threading.Condition()
        self._readings: dict[str, Reading] = {}
        self._wanted: list[Wanted] = []  # in the order in which they are read
        self._prepared: str | None = None  # the last film that was prepared
        self._chosen_at = 0.0  # when the chosen film was chosen, of a clock that never goes back
        self._fault: Exception | None = None
        self._working = False
        self._before = 0  # readers before this one

    def want(self, films: Sequence[Wanted], chosen: int) -> None:
        """Have films read, from the chosen one on; others that waited are forgotten.

        Parameters
        ----------
        chosen : int
            Place of the film on the screen.
        """
        with self._changed:
            order = [*films[chosen:], *films[:chosen]]
            before = self._wanted[0].key if self._wanted else None
            self._wanted = list({film.key: film for film in order}.values())
            if self._wanted and self._wanted[0].key != before:
                self._chosen_at = time.monotonic()
            present = {film.key for film in films}
            gone = [key for key in self._readings if key not in present]
            for key in gone[: max(0, len(gone) - _MOST_KEPT)]:
                del self._readings[key]
            if not self._working and self._next() is not None:
                self._working, self._fault = True, None
                threading.Thread(
                    target=_work, args=[weakref.ref(self)], name="reading ahead", daemon=True
                ).start()

    def reading(self, key: str) -> "Reading | None":
        """Return a film's reading; None if it isn't read yet."""
        with self._changed:
            return self._readings.get(key)

    def kept(self) -> "dict[str, Reading]":
        """Return all readings that are there, by the keys of their films."""
        with self._changed:
            return dict(self._readings)

    def at_another_age(self, film: Wanted) -> "Reading | None":
        """Return a film's reading at any other age, which has the same score; None if there is none."""
        with self._changed:
            known = (key for key in self._readings if key.startswith(f"{film.scored} "))
            return next((self._readings[key] for key in known), None)

    def put(self, film: Wanted, reading: "Reading") -> None:
        """Keep a reading that was made elsewhere."""
        with self._changed:
            self._readings[film.key] = reading

    def wait(self, key: str, on_look: Callable[[int], None] = lambda _: None) -> "Reading":
        """Return a film's reading once it is there.

        Parameters
        ----------
        key : str
            Of a film that is wanted.
        on_look : callable, optional
            Called while the film waits, five times a second, with the number of readers before this one. If
            it raises an error, the waiting ends.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: key in self._readings or not self._working, _LOOK)
                reading, before, working = self._readings.get(key), self._before, self._working
                fault = self._fault
            if reading is not None:
                return reading
            if not working:
                raise fault or KeyError(key)
            on_look(before)

    @property
    def waiting(self) -> int:
        """Number of films that aren't read yet."""
        with self._changed:
            return sum(film.key not in self._readings for film in self._wanted) if self._working else 0

    def _next(self) -> list[Wanted] | Wanted | None:
        """Return what to do next: films to read, a film to prepare, or None."""
        following = self._following()
        if following is not None and self._until_drawn() <= 0:
            return following
        unread = [film for film in self._wanted if film.key not in self._readings]
        if not unread:
            return following
        first = unread[0]
        if unread[0] in self._wanted[:2]:
            return [first]  # somebody waits for it
        same = [film for film in unread if (film.model, film.age) == (first.model, first.age)]
        return same[:_BATCH]

    def _following(self) -> Wanted | None:
        """Return the film after the chosen one if both are read and it isn't prepared yet."""
        two = self._wanted[:2]
        if len(two) < 2 or any(film.key not in self._readings for film in two):  # noqa: PLR2004
            return None
        return two[1] if two[1].key != self._prepared else None

    def _until_drawn(self) -> float:
        return self._chosen_at + _TO_DRAW - time.monotonic()

    def _step(self) -> bool:
        """Do one piece of work; return False once there is none left."""
        with self._changed:
            todo = self._next()
            if todo is None:
                self._working = False
                self._changed.notify_all()
                return False
            if isinstance(todo, Wanted):
                if (seconds := self._until_drawn()) > 0:
                    self._changed.wait(seconds)
                    return True  # another film may be chosen by now
                self._prepared, read = todo.key, self._readings[todo.key]
        try:
            if isinstance(todo, Wanted):
                self._prepare(todo, read)
            else:
                for film, reading in zip(todo, self._read(todo, self._stand), strict=True):
                    with self._changed:
                        self._readings[film.key] = reading
                        self._changed.notify_all()
        except Exception as error:  # raised in the thread that waits for the film
            with self._changed:
                self._fault, self._working = error, False
                self._changed.notify_all()
            return False
        return True

    def _stand(self, before: int) -> None:
        self._before = before


def _work(session: "weakref.ref[Ahead]") -> None:
    """Work until nothing is left, or the session ended."""
    while (ahead := session()) is not None:
        if not ahead._step():
            return
        del ahead
