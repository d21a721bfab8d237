"""
Figures that reporting standards ask for, as parts of the evaluation document: patients and sample size.

- data in, document out: no file is read or written here
"""

import math
from typing import Literal

import numpy as np

from xraylab import documents
from xraylab.evaluation.patients import count_patients
from xraylab.evaluation.sample_size import films_needed
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.predictions import Predictions

HALF_WIDTHS = (0.05, 0.025)  # of a 95 % interval


def by_patient(scored: Predictions, threshold: float) -> documents.ByPatient:
    """Count patients at a threshold; films must have a score and a label."""
    counts = count_patients(scored.labels, scored.scores, scored.groups, threshold)
    return documents.ByPatient(
        ill=counts.ill,
        well=counts.well,
        both=counts.both,
        found=counts.found,
        sensitivity=counts.sensitivity,
        sensitivity_interval=counts.sensitivity_ci,
        negative=counts.negative,
        specificity=counts.specificity,
        specificity_interval=counts.specificity_ci,
    )


def sample_sizes(table: ThresholdTable, threshold: float) -> list[documents.SampleSize]:
    """Return how many films sensitivity and specificity need; a class without films is left out."""
    rows = (
        _sample_size(table, threshold, "sensitivity", 1),
        _sample_size(table, threshold, "specificity", 0),
    )
    return [row for row in rows if row is not None]


def _sample_size(
    table: ThresholdTable, threshold: float, figure: Literal["sensitivity", "specificity"], label: int
) -> documents.SampleSize | None:
    of_class = table.labels == label
    films, patients = int(of_class.sum()), int(np.unique(table.patients[of_class]).size)
    if not films:
        return None
    low, high = table.interval(figure, threshold)
    rate = getattr(table.at(threshold), figure)
    # The effective size holds the correction for few patients too, so this is what the interval really costs.
    design_effect = max(1.0, films / float(table.effective[figure][table.row(threshold)]))
    return documents.SampleSize(
        figure=figure,
        observed=rate,
        films=films,
        patients=patients,
        half_width=(high - low) / 2,
        design_effect=design_effect,
        needed=[_needed(rate, half, design_effect, patients / films) for half in HALF_WIDTHS],
    )


def _needed(rate: float, half_width: float, design_effect: float, per_film: float) -> documents.Needed:
    films = films_needed(rate, half_width, design_effect=design_effect)
    return documents.Needed(half_width=half_width, films=films, patients=math.ceil(films * per_film))
