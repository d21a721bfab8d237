"""Unreadable files, unequal classes and small validation splits."""

import pytest

from tests.support.catalogs import catalog, info
from xraylab.audit.counts import check_class_balance, check_small_validation, check_unreadable
from xraylab.evaluation.intervals import wilson_interval
from xraylab.findings import PNEUMONIA

SPACE = "\u202f"


def films(split, ill, well, *, per_patient=1):
    """Return films of a split, the same number of each patient."""
    return [
        (
            f"{split}{label}{patient}-{film}",
            label,
            f"{split}{label}{patient}",
            split,
            f"{split}{label}{patient}-{film}",
        )
        for label, n in ((1, ill), (0, well))
        for patient in range(n)
        for film in range(per_patient)
    ]


def unreadable(refused, read=19):
    table = catalog(*films("train", read, 0))
    return check_unreadable(
        info(table, refused=[{"file": f"{n}.png", "reason": "It is empty."} for n in range(refused)])
    )


@pytest.mark.parametrize(
    ("refused", "severity"),
    [(0, "none"), (1, "low"), (2, "high"), (1200, "high")],  # 1 of 20 is 5 %, which is allowed
)
def test_unreadable_files_are_counted_and_named(refused, severity):
    found = unreadable(refused)
    assert (found.check, found.severity, found.figure) == ("unreadable", severity, refused)
    assert found.films == tuple(f"{n}.png" for n in range(min(refused, 1000)))


def test_unreadable_files_are_told_with_their_share():
    assert unreadable(1).sentence == f"1 file of 20 (5.0{SPACE}%) could not be read."
    assert unreadable(0).sentence == "All 19 files could be read."


@pytest.mark.parametrize(
    ("train", "validation", "severity", "mend"),
    [
        ((40, 60), (8, 12), "none", None),
        ((40, 60), (0, 12), "high", "Add films, so that validation have both NORMAL and PNEUMONIA films."),
        ((4, 96), (1, 11), "low", "Add PNEUMONIA films"),
        ((96, 4), (11, 1), "low", "Add NORMAL films"),
        ((40, 60), (12, 8), "low", "Judge predictive values"),
    ],
)
def test_classes_are_compared_over_all_splits_and_in_each(train, validation, severity, mend):
    found = check_class_balance(
        catalog(*films("train", *train), *films("validation", *validation)), PNEUMONIA
    )
    assert (found.check, found.severity) == ("class_balance", severity)
    assert found.figure == (train[0] + validation[0]) / (sum(train) + sum(validation))
    assert found.mend is None if mend is None else found.mend.startswith(mend)


def test_the_share_of_each_split_is_told():
    found = check_class_balance(catalog(*films("train", 3, 1), *films("test", 1, 1)), PNEUMONIA)
    assert found.sentence == (
        f"66.7{SPACE}% of 6 films are labelled PNEUMONIA: 75.0{SPACE}% in train, 50.0{SPACE}% in test."
    )


def test_films_in_no_split_have_no_balance():
    found = check_class_balance(catalog(*films("left out", 3, 1)), PNEUMONIA)
    assert (found.severity, found.figure) == ("none", None)


@pytest.mark.parametrize(
    ("ill", "well", "per_patient", "severity", "fewest"),
    [
        (150, 100, 1, "none", 100),
        (150, 99, 1, "low", 99),
        (37, 150, 1, "low", 37),
        (36, 150, 1, "high", 36),
        (8, 8, 1, "high", 8),  # the folder of 16 films that the Kermany set calls val
        (36, 150, 10, "high", 36),  # many films of few patients don't help
    ],
)
def test_validation_is_judged_by_the_interval_of_its_rarer_patients(ill, well, per_patient, severity, fewest):
    found = check_small_validation(
        catalog(*films("validation", ill, well, per_patient=per_patient)), PNEUMONIA
    )
    low, high = wilson_interval(0.9 * fewest, fewest)
    assert (found.check, found.severity) == ("small_validation", severity)
    assert found.figure == pytest.approx(high - low)
    assert ("sensitivity" if ill <= well else "specificity") in found.sentence
    assert f"{100 * low:.1f}–{100 * high:.1f}{SPACE}%" in found.sentence
    assert (found.mend is None) == (severity == "none")


def test_the_mend_names_how_many_patients_are_enough():
    found = check_small_validation(catalog(*films("validation", 8, 8)), PNEUMONIA)
    assert found.mend == (
        "Add films until validation has 141 patients of each class, which gives an interval of 10 points."
    )
    low, high = wilson_interval(0.9 * 141, 141)
    assert high - low <= 0.1


@pytest.mark.parametrize(("ill", "well"), [(0, 0), (0, 50), (50, 0)])
def test_a_validation_split_without_a_class_can_choose_nothing(ill, well):
    found = check_small_validation(catalog(*films("train", 5, 5), *films("validation", ill, well)), PNEUMONIA)
    assert (found.severity, found.figure) == ("high", None)
    assert "no threshold can be chosen" in found.sentence
