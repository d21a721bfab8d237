"""Tuberculosis on phantoms, from import to every screen and document: no word is about another finding."""

import io
import json
import re
import shutil
from dataclasses import replace

import pydicom
import pypdfium2
import pytest

from tests.support.dicoms import dicom
from tests.support.screens import uploader
from tests.support.workers import ONE_THREAD, made_once
from xraylab import actions
from xraylab.app.components.threshold_cockpit import _HERE, _words
from xraylab.app.samples import samples
from xraylab.data import phantoms
from xraylab.data.public import public_datasets
from xraylab.errors import DatasetError
from xraylab.findings import state_finding
from xraylab.imaging import Film
from xraylab.models import load_model
from xraylab.models.schema import Shown
from xraylab.reading.heatmap import heatmaps
from xraylab.reading.loaded import load
from xraylab.reading.read import read_films, usable_lock
from xraylab.reports import film_picture
from xraylab.settings import load_settings
from xraylab.training.recipe import Recipe, Stage

FOREIGN = re.compile(r"pneumonia|bacterial|viral", re.IGNORECASE)
FINDING = state_finding("tuberculosis", ["TB"], ["clear"])
RECIPE = Recipe(name="one", stages=(Stage(trains="all", epochs=1, learning_rate=3e-3),), batch_size=16)
MACHINE = {"XRAYLAB_THREADS": ONE_THREAD, "XRAYLAB_DEVICE": "cpu"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with 40 phantoms by the labels of tuberculosis, and a model that was locked with a band."""

    def make(home):
        settings = load_settings(home=home)
        phantoms.write(home / "source", 40, seed=8, finding=FINDING)
        recipe = home / "recipe.json"
        recipe.write_text(RECIPE.model_dump_json())
        with pytest.MonkeyPatch.context() as patch:
            for name, value in MACHINE.items():
                patch.setenv(name, value)
            settings = load_settings(home=home)
            actions.import_dataset(settings, home / "source", "chests", finding=FINDING)
            request = actions.request_training(
                settings, dataset="chests", arch="small_cnn", recipe=str(recipe), name="first"
            )
            actions.train(settings, request)
            actions.lock(settings, "first", "value:0.5", review="value:0.1", actor="app")
            actions.open_test(settings, "first", actor="app")

    return made_once(tmp_path_factory, "tuberculosis", make)


@pytest.fixture
def settings(home, monkeypatch):
    for name, value in (MACHINE | {"XRAYLAB_HOME": str(home)}).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def check(words, *, needs=""):
    found = [words[max(0, match.start() - 60) : match.end() + 40] for match in FOREIGN.finditer(words)]
    assert not found
    assert needs.lower() in words.lower()


def on_screen(app):
    """All that a screen sends to the browser as text: words, labels, help, charts and options."""
    assert not app.exception
    return "\n".join(str(getattr(node, "proto", "")) for node in app.main)


def pages(raw):
    with pypdfium2.PdfDocument(raw) as pdf:
        return " ".join(page.get_textpage().get_text_range() for page in pdf)


@pytest.fixture
def report(settings):
    """The report of one film that is decided, with its heatmap and the reader's call."""
    loaded = load(load_model(settings, "first"))
    film = Film("film.png", samples()[0].film.data)
    [reading] = actions.read_films(settings, loaded, [film], actor="test")
    overlay = actions.drawn_heatmap(heatmap(loaded, film), FINDING)
    standing = actions.standing_of(loaded.model, usable_lock(loaded))
    reading = reading.decided_anyway()
    return actions.film_report(
        standing, reading, film, overlay=overlay, call="no tuberculosis", note="seen"
    ), film


def heatmap(loaded, film):
    return heatmaps(loaded, film.standard.pixels)[0]


def test_the_card_and_the_dataset_hold_the_finding(settings, home):
    card = load_model(settings, "first").card
    assert (card.finding, card.classes) == (FINDING, ("clear", "TB"))
    for file in ("datasets/chests/dataset.json", "models/first/card.json", "models/first/lock.json"):
        check((home / file).read_text())


@pytest.mark.parametrize(
    ("screen", "needs"),
    [
        ("", ""),
        ("data", "tuberculosis"),
        ("train", "no tuberculosis or tuberculosis"),
        ("threshold", "tuberculosis"),
        ("models", "tuberculosis"),
    ],
)
def test_no_screen_speaks_of_another_finding(show, settings, screen, needs):
    app = show(screen)
    for key in ("train edit", "threshold details first validation", "shift panel", "Model card"):
        app.session_state[key] = True
    # The form of an import, which is about no dataset yet, names the finding that it looks for by default.
    words = on_screen(app.run()).replace('placeholder: "pneumonia"', "")
    for dataset in public_datasets():  # which can be fetched, each under the name that its publisher gave it
        words = words.replace(dataset.title, "").replace(f'"{dataset.name}"', "")
    check(words, needs=needs)


def test_read_speaks_of_the_finding_and_keeps_a_case_by_its_name(show, settings):
    app = show("read")
    app = uploader(app).upload("film.png", samples()[0].film.data, "image/png").run()
    words = on_screen(app)
    check(words, needs="Tuberculosis score")
    assert "No tuberculosis" in words  # the reader's own call
    next(button for button in app.button if button.key == "save case").click().run()
    check(actions.cases_csv(settings, actor="test"))
    check(actions.cases_json(settings, actor="test"), needs="tuberculosis")


def test_the_view_in_the_browser_has_only_the_words_it_is_given():
    files = [file.read_text("utf-8") for file in _HERE.iterdir() if file.suffix in (".js", ".html")]
    braces = {name for text in files for name in re.findall(r"\{(\w+)\}", text)} & set(_words(FINDING))
    assert braces == set(_words(FINDING))
    for text in files:
        check(text)


def test_the_documents_of_a_film_speak_of_the_finding(report):
    report, film = report
    check(pages(actions.film_pdf(report)), needs="Tuberculosis score")
    image = pydicom.dcmread(io.BytesIO(actions.deidentified_dicom(report, film, looked=True)))
    check(str(image))
    words = " ".join(film_picture._words_below(report))
    check(words, needs="tuberculosis")


def test_the_evaluation_and_the_card_speak_of_the_finding(settings):
    report = actions.evaluation_report(settings, "first", prevalence=0.2, cost=10)
    check(actions.export_report(settings, report, "JSON").decode(), needs="tuberculosis")
    check(pages(actions.export_report(settings, report, "PDF")), needs="cases of tuberculosis")
    check(actions.model_card(settings, "first"), needs="with tuberculosis")
    shifted = actions.shift(settings, "first").document
    check(shifted.model_dump_json() + shifted.verdict)
    assert [row.label for row in shifted.classes] == ["clear", "TB"]


@pytest.mark.parametrize(
    "command",
    [
        ("datasets",),
        ("models",),
        ("runs",),
        ("recipes",),
        ("evaluate", "--model", "first", "--data", "chests", "--split", "validation"),
        ("trail",),
    ],
)
def test_no_command_speaks_of_another_finding(run, settings, command):
    check(json.dumps(run(*command)))


def test_a_model_is_evaluated_by_the_labels_of_its_own_finding(settings, home, tmp_path):
    told = actions.evaluate(settings, "first", str(home / "source"), include_used=True, actor="test")
    assert (told.n, told.finding) == (40, "tuberculosis")
    phantoms.write(tmp_path / "others", 4, seed=1)
    with pytest.raises(DatasetError, match="No label of the source says tuberculosis"):
        actions.evaluate(settings, "first", str(tmp_path / "others"), actor="test")


def test_a_dataset_for_another_finding_is_refused(home, tmp_path):
    settings = load_settings(home=shutil.copytree(home, tmp_path / "home"))
    phantoms.write(tmp_path / "others", 12, seed=1)
    actions.import_dataset(settings, tmp_path / "others", "others")
    with pytest.raises(DatasetError, match="labelled for pneumonia, and “first” looks for tuberculosis"):
        actions.evaluate(settings, "first", "others", split="validation", actor="test")


@pytest.mark.parametrize(
    ("shown", "decided"), [(Shown(ages=(20, 89)), True), (Shown(ages=(1, 5)), False), (None, False)]
)
def test_a_model_trained_on_adults_decides_an_adult(settings, shown, decided):
    loaded = load(load_model(settings, "first"))
    card = loaded.model.card
    assert card.dataset.shown == Shown()  # phantoms state neither age nor view
    made_on = card.dataset.model_copy(update={"kind": "radiographs", "shown": shown})
    model = replace(loaded.model, card=card.model_copy(update={"dataset": made_on}))
    film = Film("adult.dcm", dicom(next(phantoms.generate(1, seed=2)).pixels, PatientAge="045Y"))
    [reading] = read_films(replace(loaded, model=model), [film])
    assert (reading.decision is not None) is decided
    assert any("45 years" in warning for warning in reading.warnings) is not decided
