"""
Few films: say when the films of a model are too few to judge it by.

- plain numbers in, a sentence out; the limit stands here only
- patients are counted and not films, because films of one patient are not independent
"""

import numpy as np

from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.formats import count

# With fewer patients of a class, estimates of sensitivity, specificity and AUC are too imprecise to validate
# a model: with 0 of 30 missed, 11 % may still be missed.
FEWEST_PATIENTS = 100


def too_few(table: ThresholdTable, *, split: str = "validation") -> str | None:
    """Say that the films of a split are too few to judge a model by.

    Parameters
    ----------
    table : ThresholdTable
    split : str
        Names the films in the sentence.

    Returns
    -------
    str or None
        Such as "14 validation films: too few to judge"; None if each class has at least 100 patients.

    References
    ----------
    Collins GS, Ogundimu EO, Altman DG (2016), Statistics in Medicine 35:214-226: at least 100 patients with
    the outcome and 100 without.
    """
    ill, well = (np.unique(table.patients[table.labels == label]).size for label in (1, 0))
    if min(ill, well) >= FEWEST_PATIENTS:
        return None
    films = f"{count(table.n)} {split} film{'' if table.n == 1 else 's'}"
    if table.n >= 2 * FEWEST_PATIENTS:
        patients = min(ill, well)
        which = table.finding.ill if ill < well else table.finding.well
        films += f", only {count(patients)} patient{'' if patients == 1 else 's'} {which}"
    return f"{films}: too few to judge"
