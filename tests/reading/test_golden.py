import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.brief import SHIPPED
from xraylab.errors import NotFoundError
from xraylab.imaging import decode, standardise
from xraylab.models import SHIPPED_NAMES, load_model
from xraylab.reading import golden
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.shipped"]

COMMITTED = Path(golden.__file__).parent / "golden"


@pytest.fixture
def copied(tmp_path, monkeypatch):
    for file in COMMITTED.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(golden, "_HERE", tmp_path)
    return tmp_path


def test_this_installation_reads_and_scores_the_golden_film():
    assert golden.pixel_difference() <= golden.PIXEL_TOLERANCE
    assert golden.score_difference() <= golden.SCORE_TOLERANCE


def test_the_golden_files_are_what_this_version_makes(copied):
    golden.make()
    for name in ("film.jpeg", "standard.png"):
        made, kept = (decode((folder / name).read_bytes()).astype(int) for folder in (copied, COMMITTED))
        assert made.shape == kept.shape
        assert np.abs(made - kept).max() <= 1, f"{name} is another film: run python -m xraylab.reading.golden"
    made, kept = (json.loads((folder / "score.json").read_bytes()) for folder in (copied, COMMITTED))
    assert made["schema"] == kept["schema"]
    assert made["score"] == pytest.approx(kept["score"], abs=1e-6)


def test_a_reader_that_stretches_grey_values_is_noticed(copied):
    pixels = standardise((copied / "film.jpeg").read_bytes()).pixels.astype(np.float64)
    Image.fromarray((pixels * 0.9).astype(np.uint8)).save(copied / "standard.png")
    assert golden.pixel_difference() > golden.PIXEL_TOLERANCE
    assert golden.score_difference() > golden.SCORE_TOLERANCE


def test_the_scores_of_shipped_models_are_kept_beside_them_and_met(newcomer, starter):
    golden.make_shipped(newcomer)
    kept = json.loads((starter / "golden.json").read_bytes())
    assert kept["schema"] == "xraylab.starter-golden/1"
    assert list(kept["scores"]) == [*SHIPPED]
    pixels = decode((COMMITTED / "standard.png").read_bytes())[None]
    for name, score in kept["scores"].items():
        [expected] = score_pixels(load(load_model(newcomer, name)), pixels).score
        assert score == pytest.approx(expected, abs=1e-7)
        assert golden.shipped_difference(newcomer, name) <= golden.SCORE_TOLERANCE
    assert len(set(kept["scores"].values())) == len(SHIPPED)


def test_a_shipped_model_of_which_no_score_is_known_differs_by_nan(newcomer, starter):
    (starter / "golden.json").write_text('{"schema": "xraylab.starter-golden/1", "scores": {"cnn": 0.5}}')
    assert math.isnan(golden.shipped_difference(newcomer, "ensemble"))


@pytest.mark.parametrize("damage", [None, "{", '{"schema": "xraylab.starter-golden/9", "scores": {}}'])
def test_scores_of_shipped_models_that_cannot_be_read_are_a_sentence(starter, damage):
    if damage is not None:
        (starter / "golden.json").write_text(damage)
    with pytest.raises(NotFoundError, match=r"missing or damaged\. Install XRayLab again\."):
        golden.expected_of_shipped()


def test_without_shipped_models_no_score_is_expected():
    assert golden.expected_of_shipped() == {}


def test_the_models_of_this_version_are_known_and_score_the_golden_film_as_they_should(
    tmp_path, monkeypatch, package_models
):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    folders = {file.parent.name for file in package_models.glob("*/card.json")}
    assert folders <= set(SHIPPED_NAMES)
    assert set(golden.expected_of_shipped()) == folders
    for name in folders:
        model = load_model(load_settings(home=tmp_path), name)
        assert model.name == name
        assert model.unsealed.model_hash == model.lock.model_sha256 == model.card.model_sha256
        assert golden.shipped_difference(load_settings(home=tmp_path), name) <= golden.SCORE_TOLERANCE
