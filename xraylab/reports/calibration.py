"""
Calibration of a model, in one document and one wording for screens, card, PDF and commands.

- a number without an interval comes with the reason
- the same films give the same sentence everywhere
"""

import math

from xraylab.documents import Calibrated, CalibrationBin
from xraylab.evaluation.calibration import Calibration
from xraylab.evaluation.reliability import Reliability
from xraylab.findings import Finding
from xraylab.formats import DASH, count, percent, score
from xraylab.formats import interval as percentages
from xraylab.models import CalibratedOn
from xraylab.reports.film_words import calibration_films

Interval = tuple[float, float]


def calibrated(measured: Calibration, *, brier: float, ece: float) -> Calibrated:
    """Lay out a calibration as a document."""
    return Calibrated(
        brier=brier,
        ece=ece,
        slope=measured.slope,
        slope_ci=measured.slope_ci,
        intercept=measured.intercept,
        intercept_ci=measured.intercept_ci,
        why=measured.why,
        observed=measured.observed,
        expected=measured.expected,
        observed_expected=measured.ratio,
        observed_expected_ci=measured.ratio_ci,
        too_few=measured.too_few,
    )


def bins_of(bins: Reliability) -> list[CalibrationBin]:
    """Lay out the bins of a calibration curve."""
    columns = (bins.low, bins.high, bins.n, bins.score, bins.share)
    return [
        CalibrationBin(low=low, high=high, n=n, score=mean, share=share, interval=interval)
        for low, high, n, mean, share, interval in zip(
            *(column.tolist() for column in columns), bins.interval, strict=True
        )
    ]


def sentences(document: Calibrated, finding: Finding) -> str:
    """Write slope, intercept, and observed over expected, each with its interval, then both errors."""
    if document.why is None:
        fit = (
            f"Calibration slope {_with(document.slope, document.slope_ci)}, intercept "
            f"{_with(document.intercept, document.intercept_ci)}, of a logistic regression of {finding.name} "
            "on the model’s logit by Firth’s penalised likelihood (1 and 0 would be perfect)."
        )
    else:
        fit = f"Calibration slope and intercept: {DASH}. {document.why}"
    large = (
        f"Observed over expected {finding.cases}: {observed_of_expected(document)}, "
        f"{_with(document.observed_expected, document.observed_expected_ci)} (1 would be perfect)."
    )
    errors = (
        f"Brier score {score(document.brier)}, expected calibration error {score(document.ece)} over ten "
        "bins (0 would be perfect)."
    )
    about = document.too_few or "Intervals of the calibration are at 95 % and clustered by patient."
    return f"{fit} {large} {about} {errors}"


def fitted_to(films: CalibratedOn | None, finding: Finding) -> str:
    """Write how many films a calibration was fitted to, and for which films it holds; "" without one."""
    if films is None:
        return ""
    patients = f"{count(films.patients)} patient{'' if films.patients == 1 else 's'}"
    return (
        f"The calibrations were fitted to {calibration_films(films.films, films.copies)}, of {patients}. "
        "Copies of a film add little, so the number of patients says how certain they are. A score is a "
        f"probability only for films taken and cut like these, and only where {finding.name} is as common."
    )


def observed_of_expected(document: Calibrated) -> str:
    """Write both counts: ``581 of 584.1``."""
    return f"{count(document.observed)} of {document.expected:.1f}"


def signed(value: float) -> str:
    """Write a number with three decimals and a true minus."""
    return DASH if math.isnan(value) else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def signed_interval(bounds: Interval) -> str:
    """Write the ends of an interval that may be below 0, or nothing if they are unknown."""
    return "" if math.isnan(bounds[0]) else f"{signed(bounds[0])} to {signed(bounds[1])}"


def bin_rows(bins: list[CalibrationBin]) -> list[tuple[str, str, str, str, str]]:
    """Write each bin: its edges, films, their share of all, mean score, and share with the finding."""
    total = sum(each.n for each in bins)
    return [
        (
            f"{each.low:g} to {each.high:g}",
            count(each.n),
            percent(each.n / total),
            score(each.score),
            f"{percent(each.share)} ({percentages(*each.interval)})",
        )
        for each in bins
    ]


def _with(value: float, bounds: Interval) -> str:
    ends = signed_interval(bounds)
    return f"{signed(value)} ({ends})" if ends else signed(value)
