"""What the journeys need: a browser, servers with homes of their own, a home with work in it, and films."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from playwright.sync_api import Browser

from scripts.journeys.person import Person, at
from tests.support.load import film
from tests.support.serving import served_app
from xraylab import actions
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import Recipe, Stage

HEIGHT, WIDTH = 1221, 1522  # pixels of a film
DATASET, MODEL = "phantoms", "mine"
_PHANTOMS = 200  # films of the dataset
_RECIPE = Recipe(name="brief", stages=(Stage(trains="all", epochs=3, learning_rate=3e-3),), batch_size=32)
FILMS_WORDS = f"phantoms without their mark, as JPEG of {WIDTH} × {HEIGHT} pixels"


@dataclass
class Scene:
    """Everything that a journey can use.

    Parameters
    ----------
    browser : Browser
        Chromium.
    folder : Path
        Empty; gets homes, logs and films.
    """

    browser: Browser
    folder: Path

    def __post_init__(self) -> None:
        self._numbers, self._films = count(), count()

    @staticmethod
    def say(words: str) -> None:
        """Tell how far a long journey is."""
        print(f"  {words}", flush=True)

    @contextmanager
    def app(self, home: Path | None = None) -> Iterator[str]:
        """Serve the app, by default with an empty home, and yield its address."""
        folder = self.folder / f"server-{next(self._numbers)}"
        folder.mkdir()
        with served_app(folder, home=home) as url:
            yield url

    @contextmanager
    def person(self, home: Path | None = None) -> Iterator[Person]:
        """Serve the app, and open a tab of it."""
        with self.app(home) as url, at(self.browser, url) as person:
            yield person

    def used_home(self) -> Path:
        """Return a new copy of a home with a dataset, a training and its model."""
        home = self.folder / f"home-{next(self._numbers)}"
        shutil.copytree(self._used.home, home)
        return home

    @cached_property
    def _used(self) -> Settings:
        settings = load_settings(home=self.folder / "used")
        actions.import_phantoms(settings, DATASET, n=_PHANTOMS)
        request = actions.request_training(
            settings, dataset=DATASET, arch="small_cnn", recipe=_RECIPE, weights="none", name=MODEL
        )
        actions.train(settings, request)
        return settings

    def films(self, number: int) -> list[Path]:
        """Write films that no journey has used yet, as large as radiographs, and return their paths."""
        written = []
        for _ in range(number):
            seed = next(self._films)
            file = self.folder / f"film-{seed:03}.jpg"
            file.write_bytes(film(seed, width=WIDTH, height=HEIGHT))
            written.append(file)
        return written
