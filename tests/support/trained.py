"""
A home with teaching phantoms and a small network trained on them: made once per run, copied for each test.

A test module loads it with ``pytest_plugins = ["tests.support.trained"]``.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.brief import BRIEF, DATASET, FILMS, MODEL
from tests.support.workers import ONE_THREAD, made_once
from xraylab import actions
from xraylab.data import phantoms
from xraylab.settings import Settings, load_settings

MACHINE = {"XRAYLAB_THREADS": ONE_THREAD, "XRAYLAB_DEVICE": "cpu"}


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "phantoms", lambda folder: phantoms.write(folder, FILMS, seed=3))


@pytest.fixture(scope="session")
def other_phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of phantoms that no model here was made from."""
    return made_once(tmp_path_factory, "others", lambda folder: phantoms.write(folder, FILMS, seed=4))


@pytest.fixture(scope="session")
def brief_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipes") / "brief.json"
    file.write_text(BRIEF.model_dump_json())
    return file


@pytest.fixture(scope="session")
def imported_home(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    def make(home: Path) -> None:
        actions.import_dataset(load_settings(home=home), phantom_folder, DATASET)

    return made_once(tmp_path_factory, "imported", make)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory, imported_home: Path, brief_recipe: Path) -> Path:
    def make(home: Path) -> None:
        shutil.copytree(imported_home, home)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in MACHINE.items():
                patch.setenv(name, value)
            settings = load_settings(home=home)
            request = actions.request_training(
                settings, dataset=DATASET, arch="small_cnn", recipe=str(brief_recipe), name=MODEL
            )
            actions.train(settings, request)

    return made_once(tmp_path_factory, "trained", make)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Settings]:
    """Return a function that copies a home, uses the copy in this test, and returns its settings."""

    def copied(source: Path) -> Settings:
        home = tmp_path / "home"
        shutil.copytree(source, home)
        for name, value in (MACHINE | {"XRAYLAB_HOME": str(home)}).items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return copied


@pytest.fixture
def imported(copied: Callable[[Path], Settings], imported_home: Path) -> Settings:
    """Return the settings of a home with a dataset and no model."""
    return copied(imported_home)


@pytest.fixture
def trained(copied: Callable[[Path], Settings], trained_home: Path) -> Settings:
    """Return the settings of a home with a dataset and a locked model, which the test may change."""
    return copied(trained_home)


@pytest.fixture(scope="session")
def imagenet_file(reference: Path) -> Path:
    file = reference / "weights" / "mobilenet_v2-imagenet.safetensors"
    if not file.is_file():
        pytest.skip(f"needs {file.name} in {file.parent}")
    return file
