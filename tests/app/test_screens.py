"""The screens' own logic, without a browser: what they offer, what they refuse, and what they say."""

import io
import json
import zipfile
from itertools import pairwise

import pytest
from PIL import Image

from tests.support.brief import DATASET, MODEL
from tests.support.run_rows import submit
from tests.support.screens import headings, uploader, written
from xraylab import actions, formats
from xraylab.app.components.threshold_cockpit import Chosen
from xraylab.app.samples import samples
from xraylab.data.datasets import list_datasets
from xraylab.data.phantoms import generate
from xraylab.evaluation.rules import parse_rule
from xraylab.models import load_model
from xraylab.runs import table
from xraylab.runs.run import ACTIVE

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))


def _button(app, label):
    return next(button for button in app.button if button.label.startswith(label))


def _said(app):
    return " ".join([e.value for e in (*app.error, *app.warning, *app.success, *app.markdown, *app.caption)])


@pytest.mark.parametrize("name", ["", "data", "train", "threshold", "compare", "read", "models"])
def test_an_empty_home_is_no_fault(show, empty, name):
    app = show(name)

    assert not app.exception
    assert not app.error
    assert app.button


@pytest.mark.parametrize("name", ["", "data", "train", "threshold", "compare", "read", "models"])
def test_a_home_in_use_is_no_fault(show, trained, name):
    app = show(name)

    assert not app.exception
    assert not app.error
    assert app.title[0].value
    levels = headings(app)
    assert levels[0] == 1
    steps = [after - before for before, after in pairwise(levels)]
    assert all(step <= 1 for step in steps), f"a level of headings is left out in {levels}"


def _archive(folder, members):
    path = folder / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _png(folder, grey):
    file = folder / f"{grey}.png"
    Image.new("L", (64, 64), grey).save(file)
    return file.read_bytes()


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"../evil/NORMAL/a.png": b"x"}, "leads outside the archive"),
        ({"notes.txt": b"no films"}, "contains no labelled radiographs"),
        ({"NORMAL/a.png": b"text", "PNEUMONIA/b.png": b""}, "could be read"),
        ({f"NORMAL/IM-{n}-1.png": n for n in (1, 2, 3)}, "no PNEUMONIA films"),  # one class only
        ({"NORMAL/a.png": 10, "PNEUMONIA/b.png": 20}, "1 patient"),  # one film a class
    ],
)
def test_an_import_that_cannot_be_is_one_sentence_and_leaves_nothing(
    show, imported, tmp_path, members, sentence
):
    members = {k: _png(tmp_path, v) if isinstance(v, int) else v for k, v in members.items()}
    app = show("data")
    app.text_input(key="import path").input(str(_archive(tmp_path, members)))
    app.text_input(key="import name").input("fresh")
    _button(app, "Import").click().run()

    assert len(app.error) == 1
    assert sentence in app.error[0].value.replace("\\", "")
    assert [info.name for info in list_datasets(imported)] == [DATASET]
    assert [path.name for path in imported.datasets.iterdir()] == [DATASET]


def test_a_name_already_taken_is_refused_unless_replacing(show, imported, phantom_folder):
    app = show("data")
    app.text_input(key="import path").input(str(phantom_folder))
    app.text_input(key="import name").input(DATASET)
    _button(app, "Import").click().run()
    assert "already" in app.error[0].value

    app.checkbox(key="import replace").check()
    _button(app, "Import").click().run()
    assert not app.error
    assert "Imported" in app.success[0].value


def test_training_twice_queues_the_second(show, imported):
    app = show("train")
    app.text_input(key="train name").input("one")
    _button(app, "Train").click().run()
    app.text_input(key="train name").input("two")
    _button(app, "Train").click().run()
    assert not app.error
    assert [run.name for run in table.list_runs(imported, states=["queued"])] == ["two", "one"]

    two = next(run for run in table.list_runs(imported) if run.name == "two")
    app.button(key=f"row cancel {two.id}").click().run()
    assert [run.name for run in table.list_runs(imported, states=["queued"])] == ["one"]


def test_a_name_taken_by_a_model_is_refused_before_it_trains(show, trained):
    app = show("train")
    app.text_input(key="train name").input(MODEL)
    _button(app, "Train").click().run()

    assert "already" in app.error[0].value
    assert not table.list_runs(trained, states=ACTIVE)


def test_a_failed_run_shows_its_sentence_and_its_log(show, imported):
    run = submit(imported, "broken", dataset=DATASET, recipe="scratch")
    table.start(imported, run.id)
    table.finish(imported, run.id, "failed", "It could not be done.")
    app = show("train")

    assert "It could not be done" in app.error[0].value
    assert app.expander


def test_test_films_are_not_offered_before_they_are_opened(show, trained):
    app = show("threshold")
    assert app.selectbox(key=f"threshold split {MODEL}").options == ["validation"]

    _button(app, "Reveal test results (recorded) …").click().run()
    app.button(key="open test").click().run()
    assert not app.error
    cut = formats.score(load_model(trained, MODEL).lock.threshold)
    assert f"Test films, at the lock {cut}" in [heading.value for heading in app.header]
    assert len(app.selectbox(key=f"threshold split {MODEL}").options) == 2

    # choosing anew seals them again, and the lock keeps the stamp
    actions.lock(trained, MODEL, "value:0.25", actor="test")
    app = show("threshold")
    assert app.selectbox(key=f"threshold split {MODEL}").options == ["validation"]
    assert "changed after test results were seen" in written(app)


def test_a_lock_at_a_rule_s_threshold_is_told_by_the_rule(show, trained):
    actions.lock(trained, MODEL, "value:0.25", actor="test")
    app = show("threshold")
    youden = actions.lock(trained, MODEL, "youden", actor="test").threshold
    actions.lock(trained, MODEL, "value:0.25", actor="test")
    store = f"threshold {load_model(trained, MODEL).card.model_sha256}"
    app.session_state[store] = Chosen(youden, rule=parse_rule("youden"))
    app.run()
    _button(app, "Lock ").click().run()

    assert load_model(trained, MODEL).lock.rule == "youden"

    actions.lock(trained, MODEL, "value:0.25", actor="test")
    app.session_state[store] = Chosen(youden)
    app.run()
    _button(app, "Lock ").click().run()
    assert load_model(trained, MODEL).lock.rule == f"value:{youden:.15g}", "moved there by hand"


def test_a_review_band_is_told_wherever_a_lock_is(show, trained):
    actions.lock(trained, MODEL, "value:0.9", actor="test", review="value:0.1")
    for name in ("", "models"):
        said = written(show(name)).replace("\u202f", " ")
        assert "locked 0.900, review from 0.100 · threshold 0.9, threshold 0.1 · " in said, "the sidebar"
        assert said.count("0.900, review from 0.100") > 1
    assert "Pneumonias below both thresholds" in said
    assert "review from" in written(show("threshold"))
    actions.lock(trained, MODEL, "value:0.9", actor="test")
    for name in ("", "models", "threshold"):
        assert "review from" not in written(show(name))


def test_a_read_film_is_decided_at_the_lock_and_a_text_file_is_refused(show, trained):
    app = show("read")
    uploader(app).upload("film.png", samples()[0].film.data, "image/png")
    app.run()
    assert not app.error
    assert "normal validation films score this high" in _said(app)

    uploader(app).upload("film.png", b"not a film", "image/png")
    app.run()
    assert "not a DICOM, PNG, JPEG" in app.error[0].value


def test_a_real_film_is_warned_of_and_decided_only_on_a_person_s_word(show, trained, tmp_path):
    app = show("read")
    uploader(app).upload("real.png", _png(tmp_path, 90), "image/png")
    app.run()
    assert "teaching phantoms" in app.warning[0].value

    _button(app, "Decide anyway").click().run()
    assert "despite the warnings" in _said(app)


def test_an_age_that_a_person_types_is_asked_of_films_of_children_and_judged(show, trained, monkeypatch):
    card = trained.models / MODEL / "card.json"
    told = json.loads(card.read_text())
    told["dataset"] |= {"kind": "radiographs", "shown": None}  # as earlier versions wrote of children's films
    card.write_text(json.dumps(told))
    app = show("read")
    uploader(app).upload("phantom.png", samples()[0].film.data, "image/png")
    app.run()
    assert not app.number_input  # a phantom has no age

    uploader(app).upload("real.png", _chest(), "image/png")
    app.run()
    assert not _of_film(app)
    assert "Age unknown" in _said(app)
    monkeypatch.setattr(actions, "read_films", None)  # an age is judged without the network
    app.number_input[0].set_value(3.0).run()
    assert not _of_film(app)
    assert "Age unknown" not in _said(app)
    app.number_input[0].set_value(45.0).run()
    assert "The age is 45 years" in _of_film(app)[0]
    assert "No decision" in written(app)
    app.number_input[0].set_value(None).run()
    assert not _of_film(app)
    assert "Age unknown" in _said(app)
    assert not app.exception


def _of_film(app):
    """Return the warnings about the film; that its model decides every film alike is another one."""
    alike = "every film gets the same decision"
    return [warning.value for warning in app.warning if alike not in warning.value]


def _chest():
    """A phantom that doesn't say that it is one."""
    buffer = io.BytesIO()
    Image.fromarray(next(generate(1, seed=11)).pixels).save(buffer, "PNG")
    return buffer.getvalue()
