"""A comparison as CSV: what a spreadsheet gets, and what it must not take for a formula."""

import csv
import io
import math

import pytest

from xraylab.documents import ComparedModel, ComparedModels, ComparedPair, Estimate, Spread
from xraylab.reports.comparison import HEAD, comparison_csv

UNKNOWN = Estimate(value=math.nan, low=math.nan, high=math.nan)


def model(name="net", **more):
    facts = {
        "seeds": [],
        "arch": "cnn",
        "recipe": "scratch",
        "parameters": 1000,
        "seconds": 60.5,
        "threshold": 0.25,
        "n": 10,
        "patients": 5,
        "films": "",
        "metrics": {"kappa": Estimate(value=-0.1, low=-0.2, high=0.05), "ece": UNKNOWN},
        "spread": {},
    }
    return ComparedModel(model=name, **(facts | more))


def pair():
    return ComparedPair(
        first="net",
        second="other",
        n=10,
        patients=5,
        auc=Estimate(value=-0.01, low=-0.02, high=0.001),
        auc_p=0.04,
        auc_p_holm=0.08,
        **dict.fromkeys(("sensitivity", "specificity", "average_precision", "f1", "kappa"), UNKNOWN),
        mcnemar_p=0.5,
        mcnemar_p_holm=math.nan,
        first_only=3,
        second_only=5,
        verdict="",
    )


def rows(*models, pairs=()):
    document = ComparedModels(n=10, patients=5, models=list(models), pairs=list(pairs), verdict="", notes=[])
    return list(csv.DictReader(io.StringIO(comparison_csv(document))))


def test_every_number_is_a_line_with_its_interval():
    [kappa, ece, *facts] = rows(model())
    assert tuple(kappa) == HEAD
    assert (kappa["model"], kappa["quantity"], kappa["value"], kappa["low"], kappa["high"]) == (
        "net",
        "kappa",
        "-0.1",  # a number, which a spreadsheet may count with
        "-0.2",
        "0.05",
    )
    assert kappa["range"] == "95 % interval"
    assert (ece["value"], ece["low"], ece["range"]) == ("", "", "")
    assert {row["quantity"]: row["value"] for row in facts} == {
        "threshold": "0.25",
        "network": "cnn",
        "calibrated_on_these_films": "0",
        "recipe": "scratch",
        "parameters": "1000",
        "training_seconds": "60.5",
    }


def test_seeds_have_a_spread_that_is_not_called_an_interval():
    over = Spread(n=3, mean=0.9, sd=0.01, low=0.89, high=0.91)
    [auc, threshold, *_] = rows(
        model(seeds=["a", "b", "c"], threshold=None, metrics={}, spread={"auc": over})
    )
    assert (auc["model"], auc["value"], auc["sd"]) == ("net, 3 seeds", "0.9", "0.01")
    assert auc["range"] == "lowest to highest of the seeds"
    assert threshold["value"] == ""


def test_a_pair_is_a_line_a_difference_with_its_tests():
    lines = {row["quantity"]: row for row in rows(model(), model("other"), pairs=[pair()]) if row["less"]}
    assert (lines["auc"]["model"], lines["auc"]["less"]) == ("net", "other")
    assert (lines["auc"]["value"], lines["auc"]["p"], lines["auc"]["p_holm"]) == ("-0.01", "0.04", "0.08")
    assert lines["f1"]["p"] == lines["f1"]["value"] == ""
    alone = lines["right_with_one_alone"]
    assert (alone["value"], alone["p"], alone["p_holm"]) == ("-2", "0.5", "")


@pytest.mark.parametrize(
    ("recipe", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("\u202e=1", "\N{REPLACEMENT CHARACTER}=1"),
        ("x;=1", "x;'=1"),
        ('x; "=1', "x;' \"=1"),
        ("a\nb", "a b"),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        ("1-2;3", "1-2;3"),
    ],
)
def test_text_that_begins_like_a_formula_is_kept_from_being_one(recipe, cell):
    found = next(row for row in rows(model(recipe=recipe)) if row["quantity"] == "recipe")
    assert found["value"] == cell
