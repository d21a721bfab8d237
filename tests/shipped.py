"""
Models as the package ships them, with weights in half precision: made once, copied for each test.

They are made in a home with teaching phantoms and then taken out of it, so the films they were trained on
are not there. A test module asks for the fixtures with ``pytest_plugins = ["tests.shipped"]``; every other
test sees a package without models.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch

from tests.brief import BOTH, DATASET, SHIPPED
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.data.datasets import load_dataset
from xraylab.models import Model
from xraylab.predictions import Predictions
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import Settings, load_settings

pytest_plugins = ["tests.averaged"]


def _halve(settings: Settings, model: Model) -> None:
    """Give a model weights in half precision, and what follows from them."""
    state = safetensors.torch.load(model.weights.read_bytes())
    raw = safetensors.torch.save({key: v.half() if v.is_floating_point() else v for key, v in state.items()})
    card = model.card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})
    model.weights.write_bytes(raw)
    (model.folder / "card.json").write_text(card.model_dump_json())
    films = load_dataset(settings, DATASET)
    rows = np.concatenate([films.rows("validation"), films.rows("test")])
    scores = score_pixels(load(Model(model.folder, card)), films.pixels, rows)
    file = model.folder / "predictions.parquet"
    frame = predictions_file.read(file).frame.assign(**scores.columns(card.classes))
    predictions_file.write(file, Predictions(frame, card.model_sha256, films.info.pixel_hash))
    actions.lock(settings, model.name, "youden", actor="training")


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory, imported_home: Path) -> Path:
    from tests.averaged import make_model  # a plugin may not be imported before pytest does

    home = tmp_path_factory.mktemp("packed") / "home"
    shutil.copytree(imported_home, home)
    settings = load_settings(home=home)
    for seed, name in enumerate(SHIPPED[1:], 1):
        _halve(settings, make_model(settings, name, "small_cnn", seed))
    actions.ensemble(settings, BOTH, list(SHIPPED[1:]), actor="training")
    card = settings.models / BOTH / "card.json"
    card.write_text(card.read_text().replace(f'"name": "{BOTH}"', f'"name": "{SHIPPED[0]}"'))
    (settings.models / BOTH).rename(settings.models / SHIPPED[0])
    return settings.models


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: Path) -> Path:
    """The folder of shipped models, which this test may damage."""
    folder = tmp_path / "starter"
    shutil.copytree(packed, folder)
    monkeypatch.setattr("xraylab.settings.STARTER", folder)
    return folder


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starter: Path) -> Settings:
    """Settings of a home that doesn't exist yet, with shipped models."""
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    return load_settings()


@pytest.fixture
def settled(copied: Callable[[Path], Settings], trained_home: Path, starter: Path) -> Settings:
    """Settings of a home with a dataset and a model of its own, beside the shipped ones."""
    return copied(trained_home)
