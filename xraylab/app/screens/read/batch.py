"""The films on Read in one run of the screen: which there are, which is chosen, and what was read of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xraylab.app.ahead import Ahead, Wanted
from xraylab.app.screens.read import readings
from xraylab.app.session_films import Item
from xraylab.models import Model
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.read import Reading


@dataclass(frozen=True, eq=False)
class Batch:
    """The films of the session, with the model in use."""

    settings: Settings
    model: Model  # the one in use; sample films have their own
    items: Sequence[Item]  # at least one
    films: Sequence[Wanted]  # the same, as they are read
    ahead: Ahead
    chosen: int  # place of the film on the screen
    beside: int | None  # place of the film that is compared with it

    @property
    def item(self) -> Item:
        """The film on the screen."""
        return self.items[self.chosen]

    @property
    def wants(self) -> Wanted:
        """The film on the screen, as it is read."""
        return self.films[self.chosen]

    def all_readings(self) -> "list[Reading]":
        """Return the readings of all films, once the last one is there."""
        for wants in self.films:
            self.ahead.wait(wants.key)
        found = (readings.shown(self.ahead, *film) for film in zip(self.films, self.items, strict=True))
        return [reading for reading in found if reading is not None]
