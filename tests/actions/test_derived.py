"""Mended datasets by the action and the command: faults are gone, openings stay, and the trail says it."""

import pytest

from tests.support.changed import changed
from tests.support.films import encoded, write_folder
from xraylab import actions, trail
from xraylab.__main__ import main
from xraylab.actions import audit, mend_dataset
from xraylab.audit.found import MOST_EXAMPLES
from xraylab.data.datasets import load_dataset
from xraylab.data.mends import Mends
from xraylab.data.openings import log_opening
from xraylab.data.phantoms import phantom
from xraylab.errors import StorageError
from xraylab.settings import load_settings

FILMS = 90


@pytest.fixture(scope="module")
def phantoms():
    return [phantom(patient, 1, seed=5) for patient in range(FILMS)]


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    return load_settings()


@pytest.fixture
def source(phantoms, tmp_path):
    """Films with a changed copy in the test folder, and one class that was compressed."""
    files = {}
    for number, made in enumerate(phantoms):
        split, label = ("test" if number >= 70 else "train"), ("NORMAL", "PNEUMONIA")[made.label]
        if made.label:
            files[f"{split}/{label}/{made.stem}.jpeg"] = encoded(made.pixels, "JPEG", quality=50)
        else:
            files[f"{split}/{label}/{made.stem}.png"] = encoded(made.pixels)
    copy = changed(phantoms[0].pixels, ["cut", "darker"])
    files[f"test/{('NORMAL', 'PNEUMONIA')[phantoms[0].label]}/another.png"] = encoded(copy)
    return write_folder(tmp_path / "source", files)


def severities(settings, name):
    return {found.check: found.severity for found in audit(settings, name, parts=("quick",)).findings}


def test_what_the_audit_found_is_gone_after_the_mend_that_it_names(settings, source):
    actions.import_dataset(settings, source, "films")
    found = {one.check: one for one in audit(settings, "films", parts=("quick",)).findings}
    faults = {"near_duplicates": "split again", "patient_leakage": "split again"}
    faults["acquisition_shortcut"] = "one encoding"
    assert {check: found[check].severity for check in faults} == dict.fromkeys(faults, "high")
    assert {check: found[check].mend_by for check in faults} == {
        check: (step,) for check, step in faults.items()
    }
    seen = []
    document = mend_dataset(
        settings,
        "films",
        "mended",
        Mends(one_encoding=True, split_again=True),
        on_step=lambda *step: seen.append(step),
    )
    after = severities(settings, "mended")
    assert [check for check in faults if after[check] == "high"] == []
    assert (document.name, document.made_from, document.n) == ("mended", "films", FILMS + 1)
    assert [step.step for step in document.steps] == ["one encoding", "split again"]
    assert list(dict.fromkeys(words for words, _, _ in seen)) == ["Encoding films", "Comparing films"]
    test = load_dataset(settings, "films").rows("test")
    assert load_dataset(settings, "mended").rows("test").tolist() == test.tolist()


def test_films_that_the_audit_names_can_be_left_out_as_it_names_them(settings, source, tmp_path):
    actions.import_dataset(settings, source, "films")
    [near] = [
        one for one in audit(settings, "films", parts=("quick",)).findings if one.check == "near_duplicates"
    ]
    assert 0 < len(near.films) <= MOST_EXAMPLES
    mend_dataset(settings, "films", "mended", Mends({near.films[-1]: "a version of another film"}))
    assert severities(settings, "mended")["near_duplicates"] == "none"


@pytest.mark.parametrize("what", [Mends(one_encoding=True), Mends(split_again=True, new_test=True)])
def test_openings_of_the_test_films_are_known_in_the_new_dataset(settings, source, what):
    actions.import_dataset(settings, source, "films")
    test = load_dataset(settings, "films").fingerprints("test")
    log_opening(settings, test.stored, actor="app", model="m", data="films")
    document = mend_dataset(settings, "films", "mended", what)
    assert document.test_openings == 1
    assert ("had been revealed once" in document.steps[0].note) == what.new_test


def test_the_trail_says_what_was_made_from_what(settings, source):
    actions.import_dataset(settings, source, "films")
    document = mend_dataset(settings, "films", "mended", Mends(split_again=True), actor="app")
    entry = list(trail.entries(settings))[-1]
    assert (entry.subject, entry.action, entry.actor, entry.name) == ("dataset", "mended", "app", "mended")
    assert entry.changed == f"{document.n} films of {document.patients} patients, from “films”: split again"
    dataset = load_dataset(settings, "mended")
    assert entry.objects == {"pixels": dataset.info.pixel_hash, "manifest": dataset.manifest}


def test_without_an_entry_in_the_trail_nothing_is_made(settings, source, monkeypatch):
    actions.import_dataset(settings, source, "films")

    def fail(*_, **__):
        raise StorageError("no room")

    monkeypatch.setattr(trail, "enter", fail)
    with pytest.raises(StorageError, match="no room"):
        mend_dataset(settings, "films", "mended", Mends(split_again=True))
    assert [row.name for row in actions.list_datasets(settings)] == ["films"]


def test_the_command_mends_and_prints_its_document(run, capsys, settings, source, tmp_path):
    run("import", source, "--name", "films")
    film = load_dataset(settings, "films").catalog["image_id"][0]
    (tmp_path / "out.csv").write_text(f"image_id,reason\n{film},wrong label\n")
    steps = ("--leave-out", tmp_path / "out.csv", "--one-encoding", "--split-again", "--new-test")
    document = run("mend", "films", "--as", "mended", *steps, "--patient-key", "number")
    assert [step["step"] for step in document["steps"]] == ["films left out", "one encoding", "split again"]
    assert document["steps"][0]["reasons"] == {"wrong label": [film]}
    assert document["n"] == FILMS
    assert trail_of(settings).actor == "command line"
    assert main(["mend", "films", "--as", "mended", "--one-encoding", "--replace"]) == 0
    assert "one encoding" in capsys.readouterr().out
    assert main(["mend", "films", "--as", "more"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("Choose what to mend")


def trail_of(settings):
    return list(trail.entries(settings))[-1]
