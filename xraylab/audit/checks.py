"""
The checks of the audit on one dataset, from what is quick to what is slow.

- a check that can't be made is a sentence with the reason, and the others go on
- each result is given as soon as it is there, so that an audit that is stopped keeps what it has
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from xraylab.audit import label_errors, outside_lungs
from xraylab.audit.acquisition import acquisition_shortcut
from xraylab.audit.counts import check_class_balance, check_small_validation, check_unreadable
from xraylab.audit.duplicates import (
    check_duplicates,
    check_near_duplicates,
    exact_pictures,
    find_near,
    near_pictures,
)
from xraylab.audit.encoder import Change, can_tell, cross_validated, features_of
from xraylab.audit.features import features_of_dataset
from xraylab.audit.found import Found, Severity
from xraylab.audit.leakage import check_patient_leakage, straddling
from xraylab.audit.shift import check_shift
from xraylab.data.datasets import Dataset
from xraylab.errors import WeightsError
from xraylab.settings import Settings

OnStep = Callable[[str, int, int], None]
_WORST: tuple[Severity, ...] = ("high", "low", "none")
Scores = NDArray[np.float64]


def worst_first(results: Iterable[Found]) -> list[Found]:
    """Sort results by severity, and leave the order of the checks within a severity."""
    return sorted(results, key=lambda result: _WORST.index(result.severity))


def quick_checks(dataset: Dataset, report: OnStep) -> Iterator[Found]:
    """Make the checks that need no network; they take under a minute for thousands of films.

    Parameters
    ----------
    report : callable
        Called with what is being done, in words, and with films done and films in all; may raise to stop.

    Raises
    ------
    DatasetError
        If the dataset is damaged.
    """
    info, catalog = dataset.info, dataset.catalog
    n = len(catalog)
    yield check_unreadable(info)
    yield check_class_balance(catalog, info.finding)
    yield check_small_validation(catalog, info.finding)
    report("Looking at the files", 0, n)
    yield acquisition_shortcut(catalog, dataset.pixels, finding=info.finding)
    report("Comparing the splits", 0, n)
    yield check_shift(catalog, dataset.pixels, info.finding)

    def searched(done: int, total: int) -> None:
        report("Comparing films", done, total)

    exact = exact_pictures(catalog)
    near = near_pictures(catalog, find_near(catalog, dataset.pixels, on_progress=searched))
    yield check_duplicates(exact, info.finding)
    yield check_near_duplicates(near, info.finding)
    yield check_patient_leakage(straddling(info, catalog, [*exact, *near]))


def slow_checks(settings: Settings, dataset: Dataset, report: OnStep) -> Iterator[Found]:
    """Look for wrong labels and outside the lungs, which takes minutes for thousands of films.

    Parameters
    ----------
    report
        As in ``quick_checks``.

    Raises
    ------
    DatasetError
        If the dataset is damaged.
    """
    described = _Described(settings, dataset, report)
    images = dataset.catalog["image_id"].astype(str).tolist()
    if not can_tell(described.labels, described.groups):
        yield label_errors.found(None, images)
        yield outside_lungs.found(None, dataset.info.finding)
        return
    try:
        whole = described.scores("Looking for wrong labels")
        yield label_errors.found(label_errors.Suspects.of_scores(whole, described.labels), images)
        border = described.scores("Looking outside the lungs", outside_lungs.blanked)
    except WeightsError as error:
        for check in ("label_errors", "outside_lungs"):
            yield Found(check=check, severity="none", figure=None, sentence=str(error))
        return
    measured = outside_lungs.measure(described.labels, described.groups, border[:, 1], whole[:, 1])
    yield outside_lungs.found(measured, dataset.info.finding)


class _Described:
    """The films of a dataset, as an encoder of photographs describes them."""

    def __init__(self, settings: Settings, dataset: Dataset, report: OnStep) -> None:
        self._settings, self._dataset, self._report = settings, dataset, report
        self.labels = dataset.catalog["label"].to_numpy(np.int64)
        self.groups = dataset.catalog["group"].factorize()[0].astype(np.int64)

    def scores(self, doing: str, change: Change | None = None) -> Scores:
        """Score each film by a classifier that hasn't seen its group, (n, 2)."""
        n = self.labels.size

        def on_progress(done: int) -> None:
            self._report(doing, done, n)

        if change is None:  # as for films that look alike
            features = features_of_dataset(self._settings, self._dataset, on_progress)
        else:
            features = features_of(self._settings, self._dataset.pixels, on_progress, change=change)
        return cross_validated(features, self.labels, self.groups)
