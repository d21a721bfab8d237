"""The one wording of a calibration, for screens, card, PDF and commands."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.calibrated_films import held_out
from xraylab import formats
from xraylab.evaluation.calibration import measure_calibration
from xraylab.evaluation.reliability import reliability
from xraylab.findings import PNEUMONIA
from xraylab.models import CalibratedOn
from xraylab.reports.calibration import (
    bin_rows,
    bins_of,
    calibrated,
    fitted_to,
    sentences,
    signed,
    signed_interval,
)

UNKNOWN = (float("nan"), float("nan"))


def measured(split="test"):
    films = held_out(split=split)
    return measure_calibration(films["label"], films["score"], films["logit"], films["group"].tolist())


@pytest.mark.parametrize(
    ("value", "written_as"), [(float("nan"), formats.DASH), (-1.25, "\N{MINUS SIGN}1.250"), (0.5, "0.500")]
)
def test_a_number_has_a_true_minus_or_a_dash(value, written_as):
    assert signed(value) == written_as


def test_an_interval_that_is_unknown_is_not_written():
    assert signed_interval(UNKNOWN) == ""
    assert signed_interval((-0.5, 1.0)) == "−0.500 to 1.000"


def test_the_sentences_of_the_shipped_ensemble():
    assert sentences(calibrated(measured(), brier=0.0128, ece=0.0096), PNEUMONIA) == (
        "Calibration slope 1.003 (0.772 to 1.335), intercept −0.301 (−0.952 to 0.312), of a logistic "
        "regression of pneumonia on the model’s logit by Firth’s penalised likelihood (1 and 0 would be "
        "perfect). Observed over expected pneumonias: 581 of 584.1, 0.995 (0.984 to 1.006) (1 would be "
        "perfect). Intervals of the calibration are at 95 % and clustered by patient. Brier score 0.013, "
        "expected calibration error 0.010 over ten bins (0 would be perfect)."
    )


def test_a_number_without_an_interval_comes_with_the_reason():
    few = replace(measured(), slope_ci=UNKNOWN, intercept_ci=UNKNOWN, ratio_ci=UNKNOWN, too_few="Too few.")
    text = sentences(calibrated(few, brier=0.1, ece=0.1), PNEUMONIA)
    assert "Calibration slope 1.003, intercept −0.301, of" in text
    assert "581 of 584.1, 0.995 (1 would be perfect). Too few. Brier" in text
    unfitted = replace(few, slope=float("nan"), intercept=float("nan"), why="A reason.")
    text = sentences(calibrated(unfitted, brier=0.1, ece=0.1), PNEUMONIA)
    assert text.startswith("Calibration slope and intercept: –. A reason. Observed over")
    assert "nan" not in text


def test_each_bin_is_a_row_with_its_films_and_their_share():
    films = held_out(split="test")
    bins = bins_of(reliability(films["label"], films["score"], films["group"].tolist()))
    rows = bin_rows(bins)
    assert sum(each.n for each in bins) == 782
    written = [tuple(cell.replace("\u202f", " ") for cell in row) for row in rows]
    assert written[3] == ("0.1 to 0.3", "11", "1.4 %", "0.185", "27.3 % (9.7–56.6)")
    assert bin_rows([]) == []


def test_the_films_of_a_calibration_are_counted_and_no_calibration_says_nothing():
    text = fitted_to(CalibratedOn(films=1, patients=1, copies=0), PNEUMONIA)
    assert text.startswith("The calibrations were fitted to 1 validation film, of 1 patient. ")
    assert fitted_to(None, PNEUMONIA) == ""
    assert np.isfinite(measured().slope)
