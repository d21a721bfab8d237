"""
The checks of the audit on one dataset, from what is quick to what is slow.

- a check that can't be made is a sentence with the reason, and the others go on
- each result is given as soon as it is there, so that an audit that is stopped keeps what it has
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

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
from xraylab.audit.features import features_of, features_of_dataset
from xraylab.audit.found import Check, Found, Severity
from xraylab.audit.leakage import check_patient_leakage, straddling
from xraylab.audit.scoring import can_tell, cross_validated
from xraylab.audit.shift import check_shift
from xraylab.data.datasets import Dataset
from xraylab.errors import WeightsError
from xraylab.settings import Settings

OnStep = Callable[[str, int, int], None]
_WORST: tuple[Severity, ...] = ("high", "low", "none")
_BY_FEATURES: tuple[Check, ...] = ("label_errors", "outside_lungs")


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
    catalog, finding = dataset.catalog, dataset.info.finding
    labels, images = catalog["label"].to_numpy(np.int64), catalog["image_id"].astype(str).tolist()
    groups = catalog["group"].factorize()[0].astype(np.int64)
    if not can_tell(labels, groups):
        yield label_errors.found(None, images)
        yield outside_lungs.found(None, finding)
        return

    def described(done: int) -> None:
        report("Looking for wrong labels", done, labels.size)

    def blanked(done: int) -> None:
        report("Looking outside the lungs", done, labels.size)

    try:
        whole = cross_validated(features_of_dataset(settings, dataset, described), labels, groups)
        yield label_errors.found(label_errors.Suspects.of_scores(whole, labels), images)
        features = features_of(settings, dataset.pixels, blanked, change=outside_lungs.blanked)
    except WeightsError as error:
        for check in _BY_FEATURES:
            yield Found(check=check, severity="none", figure=None, sentence=str(error))
        return
    border = cross_validated(features, labels, groups)
    yield outside_lungs.found(outside_lungs.measure(labels, groups, border[:, 1], whole[:, 1]), finding)
