"""A decision in spite of warnings is told as one by everything that leaves the page."""

import csv
import io
import json
from functools import partial

import numpy as np
import pydicom
import pypdfium2
import pytest
from PIL import Image

from tests.support.brief import MODEL
from tests.support.film_reports import a_source
from tests.support.films import encoded, grey
from xraylab import actions
from xraylab.imaging import Film
from xraylab.reading.read import read_film
from xraylab.reports import film_words
from xraylab.reports.film_picture import _words_below, film_picture

pytest_plugins = ["tests.support.trained"]
OTHER = "trained on teaching phantoms"  # what the gate says of a film that is none


def words(pdf):
    with pypdfium2.PdfDocument(pdf) as opened:
        return " ".join(" ".join(page.get_textpage().get_text_range() for page in opened).split())


def row(text):
    return list(csv.DictReader(io.StringIO(text)))[-1]


@pytest.fixture
def told(trained):
    """What each output says of a film, by its name; pictures as they are."""
    loaded = actions.load_for_reading(trained, MODEL)
    film = Film("film.png", encoded(grey(3, width=200, height=160)))
    read = read_film(loaded, film)
    standing = actions.standing_of(loaded.model, loaded.model.lock)

    def told(*, overridden):
        reading = read.decided_anyway() if overridden else read
        report = actions.film_report(standing, reading, film)
        actions.keep_case(trained, loaded.model, reading, actor="app")
        predicted = actions.predicted(reading)
        pixels = {
            "de-identified": partial(actions.deidentified_dicom, report, film, looked=True),
            "study": partial(actions.study_dicom, report, Film("film.dcm", a_source()), confirmed=True),
        }
        return {
            "PDF": words(actions.film_pdf(report)),
            "PNG": " ".join(_words_below(report)),
            "batch CSV": row(actions.scores_csv(loaded.model, [predicted])),
            "JSON": json.loads(predicted.model_dump_json()),
            "log": actions.list_cases(trained)[-1].content,
            "log CSV": row(actions.cases_csv(trained, actor="app")),
            "log JSON": json.loads(actions.cases_json(trained, actor="app"))["cases"][-1],
            "picture": film_picture(report),
            "picture of the PNG": np.asarray(Image.open(io.BytesIO(actions.film_png(report)))),
            **{name: pydicom.dcmread(io.BytesIO(make())).pixel_array for name, make in pixels.items()},
        }

    return told


def test_every_output_says_that_a_person_decided_in_spite_of_the_warnings(told):
    found = told(overridden=True)
    for name in ("PDF", "PNG"):
        assert film_words.OVERRIDDEN.replace("'", "’") in found[name].replace("'", "’"), name
        assert OTHER in found[name], name
    for name in ("batch CSV", "log CSV"):
        assert found[name]["overridden"] == "yes", name
        assert OTHER in found[name]["warnings"], name
    for name in ("JSON", "log JSON"):
        assert found[name]["overridden"] is True, name
        assert OTHER in found[name]["warnings"][0], name
    assert found["log"].overridden
    for name in ("picture of the PNG", "de-identified", "study"):  # the words are burned in
        np.testing.assert_array_equal(found[name], found["picture"], name)


def test_no_output_says_so_of_a_film_that_nobody_decided(told):
    found = told(overridden=False)
    assert "No decision" in found["PDF"]
    assert "Not decided because of the warnings." in found["PDF"]
    for name in ("PDF", "PNG"):
        assert "despite the warnings" not in found[name], name
    for name in ("batch CSV", "log CSV"):
        assert (found[name]["overridden"], found[name]["decision"]) == ("no", ""), name
    for name in ("JSON", "log JSON"):
        assert (found[name]["overridden"], found[name]["decision"]) == (False, None), name
    assert not found["log"].overridden
