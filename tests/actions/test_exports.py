"""Exports of models on disk: CSV, JSON and PDF, and the order in which test films may be looked at."""

import csv
import io
import json
import math

import numpy as np
import pypdfium2
import pytest
from sklearn import metrics

from tests.support.brief import MODEL
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.__main__ import main
from xraylab.errors import HonestOrderError, NotFoundError, XRayLabError
from xraylab.evaluation.prevalence import predictive_values
from xraylab.evaluation.thresholds import threshold_table
from xraylab.models import load_model
from xraylab.predictions import Predictions

pytest_plugins = ["tests.support.averaged"]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def text_of(raw):
    """Return the words of a PDF."""
    with pypdfium2.PdfDocument(raw) as document:
        return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


def change(settings, **columns):
    """Change what a model said of its films."""
    file = settings.models / MODEL / "predictions.parquet"
    said = predictions_file.read(file)
    frame = said.frame.assign(**columns)
    predictions_file.write(file, Predictions(frame, said.model_hash, said.dataset_hash, said.extra))


def test_every_row_of_the_table_is_exported_exactly(trained):
    said = load_model(trained, MODEL).films("validation").scored
    rows = rows_of(actions.threshold_csv(trained, MODEL, "validation"))
    table = threshold_table(said.labels, said.scores, said.groups)
    assert [float(row["threshold"]) for row in rows] == table.threshold.tolist()
    for row in rows:
        called = said.scores >= float(row["threshold"])
        [[tn, fp], [fn, tp]] = metrics.confusion_matrix(said.labels, called, labels=[0, 1])
        assert [int(row[name]) for name in ("tp", "fp", "fn", "tn")] == [tp, fp, fn, tn]
        assert float(row["sensitivity"]) == metrics.recall_score(said.labels, called)
        low, high = table.interval("specificity", float(row["threshold"]))
        assert (float(row["specificity_low"]), float(row["specificity_high"])) == (low, high)
    assert rows[0]["threshold"] == "inf"
    assert rows[0]["ppv"] == rows[0]["ppv_low"] == ""  # nobody is called: no share of nothing


def test_every_score_is_exported_with_all_its_digits_and_no_patients_name(trained):
    said = load_model(trained, MODEL).films("validation")
    text = actions.predictions_csv(trained, MODEL, "validation")
    rows = rows_of(text)
    assert [row["film"] for row in rows] == said.frame["image_id"].tolist()
    assert [float(row["score"]) for row in rows] == said.scores.tolist()
    assert [int(row["label"]) for row in rows] == said.labels.tolist()
    assert set(rows[0]) == {"film", "patient", "label", "kind", "score", "refused"} | {
        "zone",
        "threshold",
        "review_from",
    }
    groups = said.frame["group"].tolist()
    numbers = [row["patient"] for row in rows]
    assert len(set(numbers)) == len(set(groups)) == len(set(zip(numbers, groups, strict=True)))
    assert set(numbers) == {str(number) for number in range(1, len(set(groups)) + 1)}
    assert not set(said.frame["patient"]) & {cell for row in rows for cell in row.values()}


def test_a_film_without_label_or_score_has_empty_cells(trained):
    said = predictions_file.read(trained.models / MODEL / "predictions.parquet").frame
    first = said.index[said["split"] == "validation"][0]
    blank = said.index == first
    change(
        trained,
        score=said["score"].mask(blank),
        label=said["label"].astype("Int8").mask(blank),
        refused=np.where(blank, "not a film", None),
    )
    row = rows_of(actions.predictions_csv(trained, MODEL, "validation"))[0]
    assert (row["score"], row["label"], row["refused"]) == ("", "", "not a film")
    assert "nan" not in actions.predictions_csv(trained, MODEL, "validation").lower()


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        *(
            (name, f"'{name}")
            for name in ("=1+1", "+1", "-1", "@SUM(A1)", "  =1", "＝1", '=HYPERLINK("x","y")')
        ),
        *(("\t=1", "' =1"), ("\r=1", "' =1"), ("x;=1", "x;'=1")),
    ],
)
def test_a_name_that_a_spreadsheet_would_run_gets_an_apostrophe(trained, name, cell):
    said = predictions_file.read(trained.models / MODEL / "predictions.parquet").frame
    change(trained, image_id=[f"{name}{n}" for n in range(len(said))], subtype=name)
    for row in rows_of(actions.predictions_csv(trained, MODEL, "validation")):
        assert row["film"].startswith(cell)
        assert row["kind"] == cell
        assert not row["score"].startswith("'")


def test_a_name_with_commas_quotes_and_lines_stays_one_cell(trained):
    name = 'a, "b"\nc'
    said = predictions_file.read(trained.models / MODEL / "predictions.parquet").frame
    change(trained, image_id=[f"{name}{n}" for n in range(len(said))])
    rows = rows_of(actions.predictions_csv(trained, MODEL, "validation"))
    assert all(row["film"].startswith('a, "b" c') for row in rows)


def test_a_model_of_kinds_exports_a_probability_each(kinds):
    rows = rows_of(actions.predictions_csv(kinds, "three-1", "validation"))
    for row in rows:
        found = float(row["p_bacterial"]) + float(row["p_viral"])
        assert found == pytest.approx(float(row["score"]), abs=1e-9)
    report = actions.evaluation_report(kinds, "three-1")
    assert [row.name for row in report.validation.by_kind.classes] == ["NORMAL", "BACTERIAL", "VIRAL"]
    assert actions.drawn(report).startswith(b"%PDF-")


def test_the_report_is_what_evaluate_says(trained):
    told = actions.evaluate_validation(trained, MODEL)
    found = actions.evaluation_report(trained, MODEL).validation
    for ours, theirs in (("ppv", "precision"), *((name, name) for name in ("sensitivity", "f1", "accuracy"))):
        assert found.estimates[ours].value == pytest.approx(getattr(told, theirs), nan_ok=True)
        assert found.estimates[ours].interval == pytest.approx(told.intervals[theirs], nan_ok=True)
    assert (found.confusion, found.estimates["auc"].value) == (told.confusion, told.auc)
    assert found.estimates["auc"].interval == told.auc_ci


def test_sealed_test_films_are_in_no_export_until_they_are_opened(trained):
    assert actions.evaluation_report(trained, MODEL).test is None
    for export in (actions.threshold_csv, actions.predictions_csv):
        with pytest.raises(HonestOrderError, match="sealed"):
            export(trained, MODEL, "test")
    result = actions.open_test(trained, MODEL, actor="test")
    report = actions.evaluation_report(trained, MODEL)
    assert report.test.estimates["auc"].value == result.auc
    assert (report.test.n, report.test_openings) == (result.n, 1)
    assert len(rows_of(actions.predictions_csv(trained, MODEL, "test"))) == result.n
    actions.lock(trained, MODEL, "f1", actor="test")
    again = actions.evaluation_report(trained, MODEL)
    assert again.test is None
    assert again.lock.after_opening


def test_an_export_opens_nothing(trained):
    before = load_model(trained, MODEL).lock
    actions.drawn(actions.evaluation_report(trained, MODEL))
    actions.threshold_csv(trained, MODEL, "validation")
    assert load_model(trained, MODEL).lock == before


def test_what_cannot_be_exported_is_a_sentence(trained):
    with pytest.raises(
        NotFoundError, match=r"no split “train” with stored predictions\. Choose validation or test"
    ):
        actions.threshold_csv(trained, MODEL, "train")
    with pytest.raises(NotFoundError, match="There is no model “gone”"):
        actions.evaluation_report(trained, "gone")
    for prevalence in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(XRayLabError, match="between 0 and 1"):
            actions.evaluation_report(trained, MODEL, prevalence=prevalence)


def test_without_a_lock_or_with_one_that_does_not_fit_there_is_no_report(trained):
    file = trained.models / MODEL / "lock.json"
    lock = json.loads(file.read_text())
    file.write_text(json.dumps(lock | {"model_sha256": "ff" * 32}))
    with pytest.raises(HonestOrderError, match="Lock it again"):
        actions.evaluation_report(trained, MODEL)
    file.unlink()
    with pytest.raises(HonestOrderError, match="no locked threshold yet"):
        actions.evaluation_report(trained, MODEL)
    assert rows_of(actions.threshold_csv(trained, MODEL, "validation"))  # needs none


def test_damaged_predictions_are_a_sentence(trained):
    change(trained, score=7.0)
    with pytest.raises(XRayLabError, match=r"are missing or damaged\. Train it again"):
        actions.evaluation_report(trained, MODEL)
    with pytest.raises(XRayLabError, match=r"are missing or damaged\. Train it again"):
        actions.threshold_csv(trained, MODEL, "validation")


def test_predictions_of_other_weights_are_refused(trained):
    file = trained.models / MODEL / "predictions.parquet"
    said = predictions_file.read(file)
    predictions_file.write(file, Predictions(said.frame, "ff" * 32, said.dataset_hash))
    for export in (actions.threshold_csv, actions.predictions_csv):
        with pytest.raises(XRayLabError, match="those of other weights"):
            export(trained, MODEL, "validation")


@pytest.mark.parametrize("keep", [0, 1])
def test_one_film_or_one_class_gives_a_report_of_dashes(trained, keep):
    said = predictions_file.read(trained.models / MODEL / "predictions.parquet").frame
    held = said["split"] == "validation"
    first = said.index[held & (said["label"] == keep)][0]
    scored = ~held | (said.index == first)
    change(trained, score=said["score"].where(scored), refused=said["refused"].where(scored, "not a film"))
    report = actions.evaluation_report(trained, MODEL)
    assert (report.validation.n, report.validation.patients) == (1, 1)
    assert math.isnan(report.validation.estimates["auc"].value)
    assert len(rows_of(actions.threshold_csv(trained, MODEL, "validation"))) == 2
    assert actions.drawn(report).startswith(b"%PDF-")


def test_the_command_writes_both_kinds_of_file_and_json(trained, tmp_path, capsys):
    pdf, out = tmp_path / "one.pdf", tmp_path / "one.JSON"
    assert main(["report", MODEL, "--out", str(pdf), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert main(["report", MODEL, "--out", str(out), "--prevalence", "0.3"]) == 0
    assert capsys.readouterr().out == ""
    written = json.loads(out.read_text("utf-8"))
    assert written["prevalence"] == written["validation"]["at_prevalence"]["prevalence"] == 0.3
    assert written["validation"]["estimates"] == document["validation"]["estimates"]
    assert written["schema"] == "xraylab.evaluation/1"
    assert main(["report", MODEL]) == 0
    told = capsys.readouterr().out
    assert "validation estimates sensitivity value" in told
    assert "Model card" not in told


@pytest.mark.parametrize("out", ["one.docx", "one"])
def test_the_command_refuses_a_kind_of_file_that_it_does_not_write(trained, tmp_path, capsys, out):
    assert main(["report", MODEL, "--out", str(tmp_path / out)]) == 2
    assert "ends in neither .pdf nor .json" in capsys.readouterr().err
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("cost", [0, -1, float("inf"), float("nan")])
def test_a_cost_that_is_none_is_refused(trained, cost):
    with pytest.raises(XRayLabError, match="A cost is a number of false alarms above 0"):
        actions.evaluation_report(trained, MODEL, cost=cost)


def test_the_users_cost_weighs_the_calls(trained, run, tmp_path):
    report = actions.evaluation_report(trained, MODEL, cost=5)
    assert (report.validation.worth.cost, report.validation.worth.threshold_probability) == (5, 1 / 6)
    assert run("report", MODEL, "--cost", "5")["validation"]["worth"]["cost"] == 5
    assert run("report", MODEL)["validation"]["worth"]["cost"] is None


@pytest.fixture
def banded(trained):
    """A home whose model is locked with a band that has validation films in every zone."""
    scores = load_model(trained, MODEL).films("validation").scores
    low, high = (round(float(cut), 3) for cut in np.quantile(scores, [0.3, 0.7]))
    actions.lock(trained, MODEL, f"value:{high}", actor="test", review=f"value:{low}")
    return trained, low, high


def test_the_evaluation_has_the_band_beside_the_rates_at_the_threshold(banded):
    settings, low, high = banded
    report = actions.evaluation_report(settings, MODEL)
    assert (report.lock.review_from, report.lock.review_rule) == (low, f"value:{low}")
    split, films = report.validation, load_model(settings, MODEL).films("validation")
    labels, scores = films.labels, films.scores
    zones = {"above": scores >= high, "between": (scores >= low) & (scores < high), "below": scores < low}
    for name, inside in zones.items():
        zone = getattr(split.band, name)
        assert (zone.films, zone.pneumonia) == (inside.sum(), labels[inside].sum())
    assert split.band.below_positive == labels[zones["below"]].sum()
    assert sum(map(sum, split.confusion)) == len(scores) == sum(map(sum, zones.values()))
    assert split.confusion == tuple(map(tuple, metrics.confusion_matrix(labels, scores >= high).tolist()))
    there = split.at_prevalence
    expected = predictive_values(load_model(settings, MODEL).table("validation"), low, report.prevalence)
    assert (there.npv_below, there.npv_below_interval) == (expected.npv, expected.npv_interval)
    thousand = there.band_thousand
    assert thousand.above + thousand.between + thousand.below == 1000
    assert thousand.review_from == low
    assert json.loads(actions.as_json(report))["lock"]["review_from"] == low


def test_without_a_band_the_evaluation_has_none(trained):
    actions.lock(trained, MODEL, "value:0.5", actor="test")
    report = actions.evaluation_report(trained, MODEL)
    assert (report.lock.review_from, report.validation.band) == (None, None)
    there = report.validation.at_prevalence
    assert (there.npv_below, there.npv_below_interval, there.band_thousand) == (None, None, None)


def test_the_pdf_says_of_the_band_what_the_screen_says(banded):
    settings, low, _ = banded
    report = actions.evaluation_report(settings, MODEL)
    page, band = text_of(actions.drawn(report)), report.validation.band
    assert f"Review band from {low:.3f}: a film between the two needs a reader." in page
    assert f"Films below with pneumonia {band.below_positive} of {band.below.films}" in page
    zones = report.validation.at_prevalence.band_thousand
    assert f"{zones.above} above ({zones.above_positive} with pneumonia)" in page
    assert "a film that needs a reader counts as called negative" in page
    assert f"With pneumonia {band.above.pneumonia} {band.between.pneumonia} {band.below.pneumonia}" in page


def test_the_tables_carry_the_band_too(banded):
    settings, low, high = banded
    films = load_model(settings, MODEL).films("validation")
    rows = rows_of(actions.predictions_csv(settings, MODEL, "validation"))
    for row, score in zip(rows, films.scores, strict=True):
        assert row["zone"] == ("above" if score >= high else "between" if score >= low else "below")
        assert (float(row["threshold"]), float(row["review_from"])) == (high, low)
    for row in rows_of(actions.threshold_csv(settings, MODEL, "validation")):
        threshold = float(row["threshold"])
        lower = min(low, threshold)
        assert row["review_from"] == (repr(low) if threshold > low else "")
        assert int(row["above"]) == (films.scores >= threshold).sum()
        assert int(row["between"]) == ((films.scores >= lower) & (films.scores < threshold)).sum()
        assert int(row["below"]) == (films.scores < lower).sum()
        assert int(row["below_positive"]) == films.labels[films.scores < lower].sum()
