"""
All checks of the audit on one dataset, from what is quick to what is slow.

- a check that can't be made is a sentence with the reason, and the others go on
- what is worst comes first
"""

from collections.abc import Callable, Iterator

import numpy as np

from xraylab.audit.acquisition import acquisition_shortcut
from xraylab.audit.counts import check_class_balance, check_small_validation, check_unreadable
from xraylab.audit.duplicates import (
    check_duplicates,
    check_near_duplicates,
    exact_pictures,
    find_near,
    near_pictures,
)
from xraylab.audit.features import features_of_dataset
from xraylab.audit.found import Found, Severity
from xraylab.audit.label_errors import Suspects, found
from xraylab.audit.leakage import check_patient_leakage, straddling
from xraylab.data.datasets import Dataset
from xraylab.errors import WeightsError
from xraylab.settings import Settings

OnStep = Callable[[str, int, int], None]
_WORST: tuple[Severity, ...] = ("high", "low", "none")


def audit_dataset(
    settings: Settings, dataset: Dataset, *, labels: bool = True, on_step: OnStep | None = None
) -> list[Found]:
    """Look for what would make results on a dataset wrong.

    Parameters
    ----------
    labels : bool
        Whether to look for wrong labels too, which takes minutes for thousands of films.
    on_step : callable, optional
        Called with what is being done, in words, and with films done and films in all; may raise to stop.

    Returns
    -------
    list of Found
        One for each check, the worst first.

    Raises
    ------
    DatasetError
        If the dataset is damaged.
    """
    report = on_step or (lambda *_: None)
    results = [*_quick(dataset, report)]
    if labels:
        results.append(_label_errors(settings, dataset, report))
    return sorted(results, key=lambda result: _WORST.index(result.severity))


def _quick(dataset: Dataset, report: OnStep) -> Iterator[Found]:
    info, catalog = dataset.info, dataset.catalog
    n = len(catalog)
    yield check_unreadable(info)
    yield check_class_balance(catalog, info.finding)
    yield check_small_validation(catalog, info.finding)
    report("Looking at the files", 0, n)
    yield acquisition_shortcut(catalog, dataset.pixels, finding=info.finding)

    def searched(done: int, total: int) -> None:
        report("Comparing films", done, total)

    exact = exact_pictures(catalog)
    near = near_pictures(catalog, find_near(catalog, dataset.pixels, on_progress=searched))
    yield check_duplicates(exact, info.finding)
    yield check_near_duplicates(near, info.finding)
    yield check_patient_leakage(straddling(info, catalog, [*exact, *near]))


def _label_errors(settings: Settings, dataset: Dataset, report: OnStep) -> Found:
    catalog = dataset.catalog
    images = catalog["image_id"].astype(str).tolist()

    def described(done: int) -> None:
        report("Looking for wrong labels", done, len(images))

    labels, (groups, _) = catalog["label"].to_numpy(np.int64), catalog["group"].factorize()
    if not Suspects.can_tell(labels, groups):
        return found(None, images)
    try:
        features = features_of_dataset(settings, dataset, described)
    except WeightsError as error:
        return Found(check="label_errors", severity="none", figure=None, sentence=str(error))
    return found(Suspects.of_features(features, labels, groups), images)
