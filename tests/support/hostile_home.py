"""Hostile folders and archives in a home of their own, for ``.ci/stress/bundles.py``."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.support.brief import BRIEF, DATASET, FILMS, MODEL
from tests.support.hostile import hostile_archive, hostile_bundle, use_archive, use_bundle
from xraylab import actions
from xraylab.settings import Settings, load_settings


def make_home(home: str, *_numbers: int) -> None:
    """Make a home with films and a model, which every bundle is a changed copy of."""
    settings = _settings(home)
    actions.import_phantoms(settings, DATASET, n=FILMS, seed=3)
    recipe = settings.home / "brief.json"
    recipe.write_text(BRIEF.model_dump_json())
    actions.train(
        settings,
        actions.request_training(settings, dataset=DATASET, arch="small_cnn", recipe=str(recipe), name=MODEL),
    )


def try_bundles(home: str, first: int, count: int) -> None:
    """Use hostile bundles, each in a copy of the home; print a line per fault."""
    for number in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            settings = _copied(home, folder)
            kind, name = hostile_bundle(number, settings, MODEL, DATASET)
            for fault in use_bundle(settings, kind, name, MODEL, _some_films(home)):
                sys.stdout.write(f"FAULT bundle {number}, {fault}\n")


def try_archives(home: str, first: int, count: int) -> None:
    """Use hostile archives; print a line per fault."""
    film = next(_some_films(home).glob("*.png")).read_bytes()
    for number in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            settings = _copied(home, folder)
            for fault in use_archive(settings, MODEL, hostile_archive(number, Path(folder), film)):
                sys.stdout.write(f"FAULT archive {number}, {fault}\n")


def _some_films(home: str) -> Path:
    films = Path(home) / "some"
    if not films.exists():
        films.mkdir()
        for file in sorted(Path(home).glob(f"phantoms/{DATASET}/**/NORMAL/*.png"))[:3]:
            shutil.copy(file, films)
    return films


def _copied(home: str, folder: str) -> Settings:
    shutil.copytree(home, Path(folder) / "home")
    return _settings(str(Path(folder) / "home"))


def _settings(home: str) -> Settings:
    os.environ.update(XRAYLAB_HOME=home, XRAYLAB_THREADS="1", XRAYLAB_DEVICE="cpu")
    return load_settings()
