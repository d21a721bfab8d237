"""
Make a small home as this version of XRayLab leaves it, for the tests of later versions.

``python -m scripts.kept_home tests/homes/VERSION`` trains a tiny network on a few phantoms, locks it, opens
its test films, averages two models, names a pair, and keeps and deletes cases. Then it takes out what is
large: the films of the dataset (their fingerprints stay), the weights, checkpoints and logs. Run it once for
each release, with the code of that release, and commit the folder.
"""

import argparse
import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np

from xraylab import actions, records
from xraylab.data import datasets
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import Recipe, Stage

_FILMS = 120
_LARGE = (
    "**/*.pt",
    "datasets/*/pixels.npy",
    "models/*/*.safetensors",
    "models/*/suite.parquet",
    "**/log.txt",
)
_NEEDLESS = ("cache", "logs", "phantoms", "speeds.json")
_RECIPE = Recipe(
    name="kept", stages=(Stage(trains="all", epochs=12, learning_rate=3e-3),), batch_size=16, augmentation=0.0
)


def main() -> None:
    """Make a home and put it into a folder that doesn't exist yet."""
    parser = argparse.ArgumentParser(description="Make a small home as this version leaves it.")
    parser.add_argument("target", type=Path)
    target = parser.parse_args().target
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home")
        _work(settings)
        _shrink(settings)
        shutil.copytree(settings.home, target)


def _work(settings: Settings) -> None:
    """Do once what a user may do, so that every kind of record is there."""
    actions.import_phantoms(settings, "films", n=_FILMS, seed=3)
    for seed, name in enumerate(("one", "two")):
        request = actions.request_training(
            settings,
            dataset="films",
            arch="small_cnn",
            recipe=_RECIPE.model_copy(update={"seed": seed}),
            weights="none",
            name=name,
        )
        actions.train(settings, request)
    actions.ensemble(settings, "both", ["one", "two"], actor="command line")
    actions.name_pair(settings, "one", "two", actor="command line")
    actions.lock(settings, "one", 0.5, actor="app", review=0.25)
    actions.open_test(settings, "one", actor="app")
    actions.use_for_reading(settings, "one", actor="app")
    _keep(settings)


def _keep(settings: Settings) -> None:
    """Keep two cases, one with a tiny picture; delete a third."""
    picture = records.Kept(np.arange(64, dtype=np.uint8).reshape(8, 8))
    for kept in (picture, None, None):
        case = records.NewCase("one", "0" * 64, 0.75, "positive", 0.5, note="a phantom", synthetic=True)
        records.keep(settings, case, actor="app", picture=kept)
    records.change(settings, 2, call="pneumonia", note="a phantom, seen", actor="app")
    records.delete(settings, 3, actor="app")
    actions.cases_csv(settings, actor="app")


def _shrink(settings: Settings) -> None:
    """Take out what is large or can be made again, and pack the database."""
    films = datasets.load_dataset(settings, "films")
    (films.folder / "fingerprints.bin").write_bytes(films.fingerprints().stored.tobytes())
    for pattern in _LARGE:
        for file in settings.home.glob(pattern):
            file.unlink()
    for name in _NEEDLESS:
        shutil.rmtree(settings.home / name, ignore_errors=True)
        (settings.home / name).unlink(missing_ok=True)
    record = films.folder / "dataset.json"  # names the folder of this machine that the films came from
    record.write_text(record.read_text().replace(str(settings.home), "home"))
    with contextlib.closing(sqlite3.connect(settings.database, isolation_level=None)) as connection:
        connection.execute("UPDATE run SET host = 'here'")
        for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 1024", "VACUUM"):
            connection.execute(statement)


if __name__ == "__main__":
    main()
