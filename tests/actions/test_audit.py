"""The audit by its action and its command: planted faults, a clean set, and what can't be told."""

import io
import shutil

import pytest
from PIL import Image

from xraylab import actions
from xraylab.actions import audit
from xraylab.audit.found import Found
from xraylab.data import phantoms
from xraylab.errors import NotFoundError
from xraylab.settings import load_settings


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Phantoms of one film a patient, so that few of them are alike."""
    folder = tmp_path_factory.mktemp("clean")
    phantoms.write(folder, 120, seed=6)
    return folder


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    return load_settings()


def copied(clean, folder):
    return shutil.copytree(clean, folder / "films")


def films_of(source, label):
    return sorted(path for path in source.rglob("*.png") if label in path.parts and "masks" not in path.parts)


def by_check(settings, source, **options):
    actions.import_dataset(settings, source, "films", patient_key="prefix-number")
    return {found.check: found for found in audit(settings, "films", **options).findings}


def test_a_clean_set_raises_nothing_of_high_severity(settings, clean):
    seen = []
    found = by_check(settings, clean, on_step=lambda *step: seen.append(step))
    # Of 120 films so few are validation films that no threshold can be chosen on them.
    assert [check for check, one in found.items() if one.severity == "high"] == ["small_validation"]
    assert set(found) == {
        *("unreadable", "class_balance", "small_validation", "acquisition_shortcut"),
        *("duplicates", "near_duplicates", "patient_leakage", "label_errors"),
    }
    assert all(one.sentence.endswith(".") for one in found.values())
    steps = list(dict.fromkeys(words for words, _, _ in seen))
    assert steps == ["Looking at the files", "Comparing films", "Looking for wrong labels"]
    assert all(0 <= done <= total for _, done, total in seen)


def test_planted_faults_are_found_each_by_its_check_and_the_worst_come_first(settings, clean, tmp_path):
    source = copied(clean, tmp_path)
    normal, ill = films_of(source, "NORMAL"), films_of(source, "PNEUMONIA")
    for film in ill:  # one class was compressed
        with Image.open(film) as picture:
            data = io.BytesIO()
            picture.convert("L").save(data, "JPEG", quality=60)
        film.unlink()
        film.with_suffix(".jpeg").write_bytes(data.getvalue())
    shutil.copy(normal[0], ill[0].with_name("phantom9001_focal_1.png"))  # one picture under both labels
    ill[0].with_name("cut.png").write_bytes(normal[1].read_bytes()[:200])
    actions.import_dataset(settings, source, "films", patient_key="prefix-number")
    found = audit(settings, "films", labels=False).findings
    severity = {one.check: one.severity for one in found}
    assert severity["duplicates"] == "high"
    assert severity["acquisition_shortcut"] == "high"
    assert severity["unreadable"] == "low"
    assert "label_errors" not in severity
    assert [one.severity for one in found] == sorted(severity.values(), key=("high", "low", "none").index)
    [copies] = [one for one in found if one.check == "duplicates"]
    assert {film.rpartition("/")[2] for film in copies.films} == {normal[0].name, "phantom9001_focal_1.png"}


def test_few_films_are_told_to_be_few(settings, tmp_path):
    phantoms.write(tmp_path / "few", 14, seed=4)
    found = by_check(settings, tmp_path / "few")
    assert found["label_errors"].figure is None
    assert "can't be told" in found["label_errors"].sentence
    assert found["small_validation"].severity == "high"


def test_without_weights_of_photographs_labels_are_not_checked(settings, clean, no_packaged_weights):
    found = by_check(settings, clean)["label_errors"]
    assert (found.severity, found.figure) == ("none", None)
    assert "No ImageNet weights" in found.sentence


def test_a_dataset_that_is_not_there_is_a_sentence(settings):
    with pytest.raises(NotFoundError, match="There is no dataset"):
        audit(settings, "films")


def test_the_command_prints_findings_for_a_person_and_for_programs(run, capsys, settings, clean):
    from xraylab.__main__ import main

    run("import", clean, "--name", "films")
    document = run("audit", "films", "--no-labels")
    assert document["name"] == "films"
    found = [Found.model_validate(one) for one in document["findings"]]
    assert {"check", "severity", "figure", "sentence", "films"} <= document["findings"][0].keys()
    assert main(["audit", "films", "--no-labels"]) == 0
    out = capsys.readouterr().out
    for one in found:
        assert f"{one.severity:>5}  {one.check.replace('_', ' ')}: {one.sentence}" in out
