"""
Models as the package ships them, with weights in half precision: made once per run, copied for each test.

They are made in a home with teaching phantoms and then taken out of it, so the films they were trained on
are missing. A test module loads the fixtures with ``pytest_plugins = ["tests.support.shipped"]``;
all other tests see a package without models.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.starter import halve
from tests.support.brief import BOTH, DATASET, SHIPPED
from tests.support.workers import made_once
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.settings import Settings, load_settings

pytest_plugins = ["tests.support.averaged"]


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory, imported_home: Path) -> Path:
    from tests.support.averaged import make_model  # a plugin may not be imported before pytest does

    def make(home: Path) -> None:
        shutil.copytree(imported_home, home)
        # Without this the names would mean the models that the package really ships.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("xraylab.settings.STARTER", home / "nothing")
            make_models(load_settings(home=home))

    def make_models(settings: Settings) -> None:
        for seed, name in enumerate(SHIPPED[1:], 1):
            halve(make_model(settings, name, "small_cnn", seed), load_dataset(settings, DATASET))
            actions.lock(settings, name, "youden", actor="training")
        actions.ensemble(settings, BOTH, list(SHIPPED[1:]), actor="training")
        card = settings.models / BOTH / "card.json"
        card.write_text(card.read_text().replace(f'"name": "{BOTH}"', f'"name": "{SHIPPED[0]}"'))
        (settings.models / BOTH).rename(settings.models / SHIPPED[0])

    return load_settings(home=made_once(tmp_path_factory, "packed", make)).models


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: Path) -> Path:
    """Return a copy of the folder of shipped models, which the test may damage."""
    folder = tmp_path / "starter"
    shutil.copytree(packed, folder)
    monkeypatch.setattr("xraylab.settings.STARTER", folder)
    return folder


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starter: Path) -> Settings:
    """Return the settings of a home that doesn't exist yet, with shipped models."""
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    return load_settings()


@pytest.fixture
def settled(copied: Callable[[Path], Settings], trained_home: Path, starter: Path) -> Settings:
    """Return the settings of a home with a dataset and a model, in addition to the shipped models."""
    return copied(trained_home)
