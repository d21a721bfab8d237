"""The audit by its action and its command: planted faults, a clean set, and what can't be told."""

import io
import json
import shutil

import pytest
from PIL import Image

from xraylab import actions
from xraylab.actions import audit
from xraylab.audit.found import Found
from xraylab.audit.kept import keep, last_audit
from xraylab.data import phantoms
from xraylab.data.datasets import load_dataset
from xraylab.errors import ComparisonError, NotFoundError
from xraylab.findings import Finding
from xraylab.formats import visible
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


def planted(source, **changes):
    """Change the pixels of films in place, by name of their label's folder."""
    for label, change in changes.items():
        for film in films_of(source, label):
            with Image.open(film) as picture:
                made = picture.convert("L").point(change)
            made.save(film)


@pytest.mark.slow
def test_a_clean_set_raises_nothing_of_high_severity(settings, clean):
    seen = []
    found = by_check(settings, clean, on_step=lambda *step: seen.append(step))
    # Of 120 films so few are validation films that no threshold can be chosen on them.
    assert [check for check, one in found.items() if one.severity == "high"] == ["small_validation"]
    assert set(found) == {
        *("unreadable", "class_balance", "small_validation", "acquisition_shortcut"),
        *("duplicates", "near_duplicates", "patient_leakage", "label_errors", "outside_lungs", "shift"),
    }
    assert all(one.sentence.endswith(".") for one in found.values())
    steps = list(dict.fromkeys(words for words, _, _ in seen))
    assert steps == [
        *("Looking at the files", "Comparing the splits", "Comparing films"),
        *("Looking for wrong labels", "Looking outside the lungs"),
    ]
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
    found = audit(settings, "films", parts=["quick"]).findings
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
    for check in ("label_errors", "outside_lungs", "shift"):
        assert found[check].figure is None
        assert "can't be told" in found[check].sentence
    assert found["small_validation"].severity == "high"


def test_without_weights_of_photographs_labels_are_not_checked(settings, clean, no_packaged_weights):
    results = by_check(settings, clean)
    for check in ("label_errors", "outside_lungs"):
        assert (results[check].severity, results[check].figure) == ("none", None)
        assert "No ImageNet weights" in results[check].sentence


def test_each_result_is_kept_as_soon_as_it_is_there_and_earlier_ones_stay(settings, clean):
    actions.import_dataset(settings, clean, "films", patient_key="prefix-number")
    dataset = load_dataset(settings, "films")
    keep(dataset, [Found(check="label_errors", severity="low", figure=0.1, sentence="Of before.")])

    class StoppedError(Exception):
        pass

    def stop(doing, *_):
        if doing == "Comparing films":
            raise StoppedError

    with pytest.raises(StoppedError):
        audit(settings, "films", on_step=stop)
    kept = {found.check: found for found in last_audit(dataset).findings}
    assert {"unreadable", "acquisition_shortcut", "shift", "label_errors"} <= set(kept)
    assert kept["label_errors"].sentence == "Of before."
    assert "duplicates" not in kept


def test_two_datasets_are_compared_class_by_class(settings, clean, tmp_path):
    plain, brighter = copied(clean, tmp_path / "plain"), copied(clean, tmp_path / "brighter")
    planted(plain, NORMAL=lambda grey: grey, PNEUMONIA=lambda grey: grey)  # encoded as the other ones
    planted(brighter, NORMAL=lambda grey: min(255, grey + 60), PNEUMONIA=lambda grey: min(255, grey + 1))
    for source, name in ((plain, "first"), (brighter, "second")):
        actions.import_dataset(settings, source, name, patient_key="prefix-number")
    document = actions.compare_datasets(settings, "first", "second")
    assert document.names == ("first", "second")
    assert document.severity == "high"
    worst = document.differences[0]
    assert (worst.measure, worst.label, worst.words) == ("brightness", 0, "brighter")
    assert {one.label for one in document.differences} == {0}
    assert document.same_pictures == 0
    assert document.prevalence_difference.low < 0 < document.prevalence_difference.high
    assert document.sentences[0].startswith(
        "The films of “second” look different from those of “first” with the same label: normal films are "
    )
    assert "are brighter (in " in document.sentences[0]
    assert any(sentence.startswith("37.5") for sentence in document.sentences)
    back = actions.compare_datasets(settings, "second", "first").differences[0]
    assert (back.words, back.chance) == ("darker", pytest.approx(1 - worst.chance))


def test_films_that_both_datasets_hold_are_left_out_and_the_same_ones_are_nothing_to_compare(
    settings, clean, tmp_path
):
    more = copied(clean, tmp_path)
    planted(more, NORMAL=lambda grey: 255 - grey)
    for source, name in ((clean, "first"), (more, "second"), (clean, "again")):
        actions.import_dataset(settings, source, name, patient_key="prefix-number")
    document = actions.compare_datasets(settings, "first", "second")
    ill = len(films_of(clean, "PNEUMONIA"))
    assert document.same_pictures == ill
    assert document.n == (120, 120 - ill)
    assert any(
        f"{ill} films of “second” shown in “first” too were left out" in one for one in document.sentences
    )
    with pytest.raises(ComparisonError, match="nothing to compare"):
        actions.compare_datasets(settings, "first", "again")


def test_datasets_with_different_questions_are_not_compared(settings, clean):
    actions.import_dataset(settings, clean, "first")
    asked = Finding(name="opacity", present=("PNEUMONIA",), absent=("NORMAL",))
    actions.import_dataset(settings, clean, "second", finding=asked)
    with pytest.raises(ComparisonError, match="asks for pneumonia and “second” for opacity"):
        actions.compare_datasets(settings, "first", "second")


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


def test_an_import_says_what_the_quick_checks_found_unless_it_is_told_not_to(run, capsys, settings, clean):
    from xraylab.__main__ import main

    assert main(["import", str(clean), "--name", "films", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["name"] == "films"
    [high] = [one for one in last_audit(load_dataset(settings, "films")).findings if one.severity == "high"]
    assert f" high  small validation: {high.sentence}" in err
    assert "audit films" in err
    run("import", clean, "--name", "unchecked", "--no-check")
    assert last_audit(load_dataset(settings, "unchecked")) is None


def test_the_command_compares_with_another_dataset(run, capsys, settings, clean, tmp_path):
    from xraylab.__main__ import main

    other = copied(clean, tmp_path)
    planted(other, NORMAL=lambda grey: 255 - grey, PNEUMONIA=lambda grey: 255 - grey)
    for source, name in ((clean, "first"), (other, "second")):
        run("import", source, "--name", name, "--no-check")
    document = run("audit", "first", "--against", "second")
    assert document["names"] == ["first", "second"]
    assert {"chance", "low", "high", "adjusted_p", "words"} <= document["differences"][0].keys()
    assert main(["audit", "first", "--against", "second"]) == 0
    assert capsys.readouterr().out.splitlines() == [visible(one) for one in document["sentences"]]
