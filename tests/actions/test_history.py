"""Everything that counts is in the trail, with hashes in place of names, before its effect is visible."""

import csv
import io
import json
import shutil
from hashlib import sha256

import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.films import encoded, grey
from xraylab import actions, chain, database, front, trail
from xraylab.errors import StorageError
from xraylab.imaging import Film
from xraylab.models import load_model
from xraylab.reading.read import read_film

pytest_plugins = ["tests.support.trained"]
PATIENT = "DOE_JANE_1961"


def newest(settings):
    return trail.entries(settings)[-1]


def facts(entry):
    return entry.subject, entry.action, entry.actor, entry.name


@pytest.fixture
def film_file(tmp_path):
    folder = tmp_path / PATIENT
    folder.mkdir()
    (folder / f"{PATIENT}.png").write_bytes(encoded(grey(1)))
    return folder / f"{PATIENT}.png"


def test_how_a_model_came_here_is_in_the_trail(trained):
    imported, made = trail.entries(trained)
    model = load_model(trained, MODEL)
    assert facts(imported) == ("dataset", "imported", "Python", DATASET)
    assert imported.objects == {"pixels": model.card.dataset.pixel_hash}
    assert facts(made) == ("model", "trained", "training", MODEL)
    assert made.objects["model"] == model.card.model_sha256
    assert repr(model.lock.threshold) in made.changed


def test_locks_openings_and_the_choice_to_read_are_in_the_trail(trained):
    before = len(trail.entries(trained))
    actions.lock(trained, MODEL, 0.5, actor="app", review=0.25)
    actions.open_test(trained, MODEL, actor="command line")
    actions.use_for_reading(trained, MODEL, actor="app")
    locked, opened, used = trail.entries(trained)[before:]
    assert (*facts(locked), locked.changed) == (
        *("model", "locked", "app", MODEL),
        "at 0.5 by value:0.5, review from 0.25",
    )
    assert facts(opened) == ("model", "test opened", "command line", MODEL)
    assert len(opened.objects["films"]) == len(opened.objects["model"]) == 64
    assert facts(used) == ("model", "used", "app", MODEL)


def test_a_replaced_dataset_is_called_replaced(trained, other_phantoms):
    actions.import_dataset(trained, other_phantoms, DATASET, replace=True, actor="command line")
    assert facts(newest(trained)) == ("dataset", "replaced", "command line", DATASET)


def test_readings_are_in_the_trail_by_the_hash_of_the_film(trained, film_file, run):
    [row] = run("predict", "--model", MODEL, film_file)
    entry = newest(trained)
    assert facts(entry) == ("film", "read", "command line", MODEL)
    assert entry.objects["film"] == sha256(film_file.read_bytes()).hexdigest()
    assert (
        entry.changed == f"score {row['score']!r}, {row['decision'] or 'no decision'} at {row['threshold']!r}"
    )
    front.read(film_file, MODEL, settings=trained)
    assert facts(newest(trained)) == ("film", "read", "Python", MODEL)


def test_a_decision_in_spite_of_warnings_is_an_entry_of_its_own(trained, film_file):
    loaded = actions.load_for_reading(trained, MODEL)
    film = Film(film_file.name, film_file.read_bytes())
    reading = read_film(loaded, film)
    actions.note_override(trained, loaded.model, film, reading, actor="app")
    entry = newest(trained)
    assert (entry.action, entry.objects["film"]) == ("overridden", film.sha256)
    assert reading.decided_anyway().decision in entry.changed


def test_a_document_on_a_film_is_in_the_trail(trained, film_file):
    loaded = actions.load_for_reading(trained, MODEL)
    film = Film(film_file.name, film_file.read_bytes())
    report = actions.film_report(actions.standing_of(loaded.model, None), read_film(loaded, film), film)
    actions.note_film(trained, report, "PDF", actor="app")
    entry = newest(trained)
    assert (facts(entry), entry.changed) == (("film", "exported", "app", MODEL), "as PDF")
    assert entry.objects == {"film": film.sha256, "model": loaded.model.card.model_sha256}


def test_exports_are_in_the_trail(trained, film_file, tmp_path, run):
    actions.threshold_csv(trained, MODEL, "validation", actor="app")
    actions.predictions_csv(trained, MODEL, "validation", actor="app")
    run("report", MODEL, "--out", tmp_path / "a.json")
    run("predict", "--model", MODEL, film_file, "--report", tmp_path / "out")
    run("trail", "--out", tmp_path / "trail.csv")
    exported = [entry.changed for entry in trail.entries(trained) if entry.action == "exported"]
    assert exported == [
        "thresholds on validation as CSV",
        "film scores on validation as CSV",
        "evaluation as JSON",
        "scores of 1 film as CSV",
        "as csv",
    ]


def test_no_entry_names_a_patient(trained, other_phantoms, film_file, tmp_path, run):
    films = shutil.copytree(other_phantoms, tmp_path / "films" / PATIENT)
    run("evaluate", "--model", MODEL, "--data", films)
    assert newest(trained).action == "test opened"
    run("import", films, "--name", "others")
    run("predict", "--model", MODEL, film_file, "--report", tmp_path / "out")
    assert PATIENT not in actions.export_trail(trained, "jsonl")


def test_an_exported_trail_shows_its_own_chain(trained, tmp_path, run):
    document = run("trail", "--out", tmp_path / "trail.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [{key: line[key] for key in line if key != "schema"} for line in lines] == document
    assert chain.check(lines).faults == ()
    assert all(chain.hash_of(line) == line["sha256"] for line in lines)
    table = list(csv.DictReader(io.StringIO(actions.export_trail(trained, "csv"))))
    assert [row["sha256"] for row in table[:-1]] == [line["sha256"] for line in lines]


def test_what_cannot_be_entered_does_not_happen(trained, other_phantoms, film_file, monkeypatch):
    before, model = trail.entries(trained), load_model(trained, MODEL)

    def refuse(*_, **__):
        raise StorageError("The disk is full.")

    monkeypatch.setattr(trail, "add", refuse)
    for attempt in (
        lambda: actions.lock(trained, MODEL, 0.9, actor="app"),
        lambda: actions.open_test(trained, MODEL, actor="app"),
        lambda: actions.use_for_reading(trained, MODEL, actor="app"),
        lambda: actions.import_dataset(trained, other_phantoms, DATASET, replace=True),
        lambda: actions.import_dataset(trained, other_phantoms, "new"),
        lambda: actions.predict(trained, MODEL, [str(film_file)]),
        lambda: actions.threshold_csv(trained, MODEL, "validation"),
    ):
        with pytest.raises(StorageError):
            attempt()
    assert load_model(trained, MODEL).lock == model.lock
    assert not (trained.home / "openings.jsonl").exists()
    assert not (trained.home / "reads.json").exists()
    assert [row.name for row in actions.list_datasets(trained)] == [DATASET]
    assert actions.list_datasets(trained)[0].patients > 0
    assert trail.entries(trained) == before


def test_films_can_be_read_in_a_home_that_may_not_be_written(trained, film_file, monkeypatch):
    before = trail.entries(trained)
    monkeypatch.setattr(database.os, "access", lambda *_: False)
    [row] = actions.predict(trained, MODEL, [str(film_file)])
    assert row.score is not None
    assert actions.list_runs(trained)
    assert trail.entries(trained) == before
