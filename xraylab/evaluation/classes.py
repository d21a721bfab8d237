"""
Classes: the class that a model calls each film at its threshold, and a report of each class.

- two classes: absent below the threshold, present at or above it
- with kinds of the finding: absent below the threshold too, so that both reports count the same calls; at or
  above it, the likeliest kind
- a film whose kind the model doesn't know is left out of the report by kind, and counted
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.report import (
    ClassificationReport,
    OneVsRest,
    classification_report,
    one_vs_rest,
)
from xraylab.findings import PNEUMONIA, Finding


@dataclass(frozen=True, eq=False)
class Kinds:
    """A classification report over the films without the finding and its kinds."""

    confusion: NDArray[np.int64]  # (classes, classes): truth by row, call by column
    report: ClassificationReport
    areas: tuple[OneVsRest, ...]  # (classes,), each class against the rest
    left_out: int  # films whose kind the model doesn't know


def report_of(point: OperatingPoint, finding: Finding = PNEUMONIA) -> ClassificationReport:
    """Tabulate the two classes at an operating point."""
    return classification_report([[point.tn, point.fp], [point.fn, point.tp]], finding.classes)


def report_by_kind(
    labels: NDArray[np.int8],
    scores: NDArray[np.float64],
    groups: Sequence[Any] | NDArray[Any],
    subtypes: Sequence[str] | NDArray[np.object_],
    kinds: Mapping[str, NDArray[np.float64]],
    threshold: float,
    *,
    finding: Finding = PNEUMONIA,
) -> Kinds:
    """Tabulate the films without the finding and each of its kinds at a threshold.

    Parameters
    ----------
    labels, scores, groups
        As in ``threshold_table``, (n,) each; scores in [0, 1].
    subtypes : sequence of str, (n,)
        The true kind of each film with the finding, by name; ignored for the other films.
    kinds : mapping of str to array of shape (n,)
        Probability of each kind, in [0, 1], by the same names; with that of its absence they add up to 1.
    threshold : float
        A film is called one of the kinds when score >= threshold.
    finding : Finding
        What the labels are about, for the names of the classes.

    Raises
    ------
    ValueError
        As ``one_vs_rest`` does.
    """
    names = list(kinds)
    given = np.stack([kinds[name] for name in names], axis=1)  # (n, kinds)
    column = {name: place for place, name in enumerate(names, 1)}
    of_kind = np.array([column.get(str(kind), -1) for kind in subtypes], np.int64)
    truth = np.where(labels == 1, of_kind, 0)  # -1: a kind that the model doesn't know
    called = np.where(scores >= threshold, 1 + given.argmax(axis=1), 0)
    known = truth >= 0
    confusion = np.zeros((len(names) + 1, len(names) + 1), np.int64)
    np.add.at(confusion, (truth[known], called[known]), 1)
    written = dict(zip(finding.kinds, finding.classes_by_kind[1:], strict=True))
    titles = (finding.classes[0], *(written.get(name, name.upper()) for name in names))
    probabilities = np.concatenate([1 - scores[:, None], given], axis=1)
    return Kinds(
        confusion=confusion,
        report=classification_report(confusion, titles),
        areas=one_vs_rest(truth[known], probabilities[known], titles, np.asarray(groups)[known]),
        left_out=int(np.count_nonzero(~known)),
    )
