"""One film in several formats, through the whole way to a shipped model's score."""

import pytest

from tests.support.dicoms import dicom
from tests.support.films import encoded
from xraylab.data.phantoms import generate
from xraylab.imaging import Film, decode
from xraylab.models import load_model
from xraylab.reading.loaded import load
from xraylab.reading.read import read_film, read_films
from xraylab.settings import load_settings


def test_a_film_scores_alike_in_every_format(monkeypatch, package_models, tmp_path):
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    loaded = load(load_model(load_settings(home=tmp_path), "phantom"))
    (film,) = generate(1, seed=4)
    stored = film.pixels.astype("uint16") * 16
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    two = dicom(stored, bits=12, **window)
    one = dicom(4095 - stored, bits=12, PhotometricInterpretation="MONOCHROME1", **window)
    shown = decode(two)
    files = [("two", two), ("one", one)] + [(kind, encoded(shown, kind)) for kind in ("PNG", "TIFF", "BMP")]
    scores = [reading.score for reading in read_films(loaded, (Film(*file) for file in files))]
    assert scores == pytest.approx([scores[0]] * 5, abs=0.01)
    turned = read_film(loaded, Film("turned", encoded(255 - shown))).score
    assert abs(turned - scores[0]) > 0.01  # the wrong polarity would have been seen
