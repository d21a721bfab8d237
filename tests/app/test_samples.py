"""Sample films: what is in the package is what the generator draws, and the phantom model reads it."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.support.screens import listed, read_all, written
from xraylab.app import samples
from xraylab.data import phantoms
from xraylab.imaging import Film

pytest_plugins = ["tests.support.shipped"]


@pytest.mark.parametrize("place", range(4))
def test_the_film_in_the_package_is_the_phantom_that_is_drawn(place):
    sample = samples.samples()[place]
    drawn = Film("drawn", phantoms.png(sample.phantom))
    assert np.array_equal(sample.film.standard.pixels, drawn.standard.pixels)
    assert sample.film.facts.synthetic


def test_two_have_a_lesion_one_has_none_and_one_only_looks_like_it():
    kinds = [
        (one.phantom.pattern, one.phantom.mimic, bool(one.phantom.mask.any())) for one in samples.samples()
    ]
    assert kinds == [
        ("focal", None, True),
        ("normal", None, False),
        ("interstitial", None, True),
        ("normal", "inspiration", False),
    ]
    said = [one.truth for one in samples.samples()]
    assert ["inside the white line" in words for words in said] == [True, False, True, False]
    assert "shallow inspiration" in said[3]


def test_the_line_round_the_lesion_is_white_and_the_rest_of_the_heatmap_stays():
    mask = samples.samples()[0].phantom.mask
    buffer = io.BytesIO()
    Image.new("RGBA", mask.shape[::-1], (10, 20, 30, 255)).save(buffer, "PNG")
    with Image.open(io.BytesIO(samples.outlined(buffer.getvalue(), mask))) as made:
        drawn = np.asarray(made)
    line = (drawn == 255).all(axis=2)
    rows, columns = np.nonzero(line)
    scale = drawn.shape[0] / mask.shape[0]
    inside_rows, inside_columns = np.nonzero(mask)
    assert abs(rows.min() / scale - inside_rows.min()) < 2
    assert abs(columns.max() / scale - inside_columns.max()) < 2
    assert (drawn[~line] == (10, 20, 30, 255)).all()
    untouched = samples.outlined(buffer.getvalue(), np.zeros_like(mask))
    with Image.open(io.BytesIO(untouched)) as made:
        assert (np.asarray(made) == (10, 20, 30, 255)).all()


def test_samples_are_read_by_the_model_of_phantoms_and_real_films_by_the_model_in_use(newcomer, show):
    app = show("read")
    app.session_state["sample films"] = True
    app = read_all(app.run())
    assert [row["name"] for row in listed(app)] == [f"Sample {number}" for number in range(1, 5)]
    if samples.reader_of_samples(newcomer) is not None:
        assert "Read by" in written(app)
    app.button(key="remove upload").click().run()
    assert not listed(app)
    assert "Drop films anywhere" in written(app)
