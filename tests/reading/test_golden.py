import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xraylab.imaging import decode, standardise
from xraylab.reading import golden

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
