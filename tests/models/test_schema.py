"""The records in a model's folder: which numbers they take, and what they say."""

import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit, logit

from tests.support.cards import AT, HASH, a_card, a_lock
from xraylab.imaging.perturbations import SUITE
from xraylab.models.schema import CalibratedOn, Card, Lock, Member, Members, _StageAsTrained

MEMBER = {"model": "a", "model_sha256": HASH, "arch": "small_cnn", "slope": 0.5, "intercept": 1.0}
MEMBERS = {"members": [MEMBER, MEMBER], "slope": 1.2, "intercept": -0.5}
LATER = AT + timedelta(days=1)


@pytest.mark.parametrize("record", ["member", "members", "lock", "card"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_of_a_record_may_be_infinite_or_none(record, value):
    kind, usual, fields = {
        "member": (Member, MEMBER, ("slope", "intercept")),
        "members": (Members, MEMBERS, ("slope", "intercept")),
        "lock": (Lock, a_lock().model_dump(by_alias=True), ("threshold", "review_from")),
        "card": (Card, a_card().model_dump(by_alias=True), ("seconds",)),
    }[record]
    kind.model_validate(usual)
    for field in fields:
        with pytest.raises(ValidationError, match=field):
            kind.model_validate(usual | {field: value})


@pytest.mark.parametrize("where", [lambda x: {"a": x}, lambda x: {"a": [1, {"b": [x]}]}])
def test_no_number_in_a_recipe_may_be_infinite_however_deep_it_stands(where):
    assert a_card(recipe=where(0.5)).recipe == where(0.5)
    for value in (math.inf, math.nan):
        with pytest.raises(ValidationError, match="not a finite number"):
            a_card(recipe=where(value))


@pytest.mark.parametrize(
    ("make", "good", "bad"),
    [
        (lambda x: Member(**MEMBER | {"slope": x}), [1e-9, 30.0], [0.0, -1.0]),
        (lambda x: Members(**MEMBERS | {"slope": x}), [1e-9, 30.0], [0.0, -1.0]),
        (lambda x: Members(**MEMBERS | {"members": [MEMBER] * x}), [2, 100], [0, 1, 101]),
        (lambda x: a_lock(threshold=x), [0.0, 0.4, 1.0], [-1e-9, 1 + 1e-9]),
        (lambda x: a_lock(threshold=0.4, review_from=x), [0.0, 0.3999, None], [-1e-9, 0.4, 0.5]),
        (lambda x: a_card(seconds=x), [0.0, 0.5], [-1e-9]),
        (lambda x: a_card(epochs=x), [0, 10**12], [-1, 10**12 + 1]),
        (lambda x: a_card(classes=("A",) * x), [2, 16], [0, 1, 17]),
        (lambda x: a_card(recipe={"stages": [{}] * x}), [0, 10_000], [10_001]),
    ],
)
def test_each_limit_of_a_number_lies_where_it_is_said(make, good, bad):
    for value in good:
        make(value)
    for value in bad:
        with pytest.raises(ValidationError):
            make(value)


def test_what_older_versions_did_not_write_has_a_default():
    lock = Lock(
        threshold=0.5, rule="youden", locked_at=AT, actor="app", model_sha256=HASH, dataset="films", n=3
    )
    assert (lock.backend, lock.review_from, lock.review_rule) == ("fp32", None, None)
    assert (lock.after_opening, lock.openings_before, lock.opened_at, lock.opened) == (False, None, (), None)
    card = a_card()
    assert (card.sequence, card.validation_chose, card.members, card.backend) == (None, None, (), "fp32")
    assert (card.notes, card.fitted_to) == ((), None)
    assert _StageAsTrained().epochs == 0


def test_the_mean_of_members_is_calibrated_as_worked_by_hand():
    other = MEMBER | {"slope": 2.0, "intercept": -1.0}
    found = Members(**MEMBERS | {"members": [MEMBER, other]}).averaging.of(np.array([[2.0], [0.5]]))
    # 0.5 * 2 + 1 = 2 and 2 * 0.5 - 1 = 0; the mean of their probabilities is moved by 1.2 and -0.5.
    assert found.logit == pytest.approx([1.2 * logit((expit(2.0) + expit(0.0)) / 2) - 0.5])


def test_models_are_as_old_as_their_numbers_say_and_else_as_their_times():
    early, late = (a_card(created_at=at) for at in (AT, LATER))
    numbered = a_card(created_at=AT - timedelta(days=9), sequence=3)
    assert early.age == (0, AT)
    assert sorted([numbered, late, early], key=lambda card: card.age) == [early, late, numbered]


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({"epochs": 2, "recipe": {"stages": [{"epochs": 2}]}}, ("epoch",)),
        ({"epochs": 2, "recipe": {"stages": [{"epochs": 2}], "keep": "last"}}, ()),
        ({"epochs": 2, "recipe": {"stages": [{"epochs": 2}, {"epochs": 1}]}}, ("epoch", "early stop")),
        ({"epochs": 1, "recipe": {"stages": [{"epochs": 2}, {}]}}, ("epoch", "early stop")),
        ({"epochs": 2, "recipe": {"stages": [{"epochs": 2}, {}]}}, ("epoch",)),
        ({"epochs": 2, "recipe": {"stages": [{}], "patience": 0}}, ("epoch", "early stop")),
        ({"recipe": {}, "weights": "imagenet"}, ("epoch",)),
        ({"recipe": {}, "weights": "chestnet"}, ("epoch", "weights")),
        ({"recipe": {}, "members": ("a", "b"), "weights": "chestnet"}, ("calibration",)),
        ({"recipe": {}, "validation_chose": ("recipe",)}, ("recipe",)),
        ({"recipe": {}, "validation_chose": ()}, ()),
    ],
)
def test_what_the_validation_films_chose_is_told_or_else_derived(changes, chosen):
    assert a_card(**changes).chosen_by_validation == chosen


def test_the_films_that_a_calibration_was_fitted_to_are_told_or_else_all_of_validation():
    trained_on = a_card().dataset.model_copy(update={"splits": {"validation": {"films": 7, "patients": 5}}})
    old = {"dataset": trained_on, "members": ("a", "b")}
    told = CalibratedOn(films=4, patients=3, copies=2)
    assert (told.rows, CalibratedOn(films=4, patients=3, copies=0).rows) == (12, 4)
    assert a_card().calibrated_on is None
    assert a_card(**old, fitted_to=told).calibrated_on == told
    found = a_card(**old, recipe={"rule": "youden"}).calibrated_on
    assert found == CalibratedOn(films=7, patients=5, copies=0)
    found = a_card(**old, recipe={"rule": "youden@suite"}).calibrated_on
    assert found == CalibratedOn(films=7, patients=5, copies=len(SUITE))
    assert a_card(members=("a", "b")).calibrated_on == CalibratedOn(films=0, patients=0, copies=0)


@pytest.mark.parametrize(
    "other", [{"pixel_hash": "x"}, {"patient_key": "x"}, {"splits": {}}, {"finding": "fracture"}]
)
def test_a_dataset_is_the_same_by_its_films_patients_split_and_labels_under_any_name(other):
    mine = a_card().dataset
    same = {name: getattr(mine, name) for name in ("pixel_hash", "patient_key", "splits", "finding")}
    assert mine.is_of(SimpleNamespace(name="else", **same))
    assert not mine.is_of(SimpleNamespace(name=mine.name, **same | other))


@pytest.mark.parametrize(
    ("changes", "knows", "here"),
    [
        ({}, False, False),
        ({"after_opening": True}, True, False),
        ({"opened_at": (AT,)}, True, True),  # at the time of the lock itself
        ({"opened_at": (AT - timedelta(seconds=1),)}, True, False),
        ({"opened_at": (AT - timedelta(seconds=1), LATER)}, True, True),
        ({"opened_at": (LATER,), "opened": False}, True, False),
        ({"opened_at": (AT - timedelta(days=1),), "opened": True}, True, True),
        ({"opened_at": (), "opened": True}, False, False),
    ],
)
def test_a_lock_knows_of_openings_and_whether_one_was_at_itself(changes, knows, here):
    lock = a_lock(**{"after_opening": False, "opened_at": (), "opened": None} | changes)
    assert (lock.knows_of_opening, lock.opened_here) == (knows, here)


@pytest.mark.parametrize("other", [{}, {"model_sha256": "x"}, {"backend": "x"}, {"preprocess_version": 9}])
def test_a_lock_fits_the_weights_backend_and_preprocessing_that_it_was_made_for(other):
    lock = a_lock(model_sha256=HASH, backend="fp32", preprocess_version=1)
    assert lock.fits(a_card(**other)) == (not other)


def test_a_time_without_a_zone_is_utc():
    assert a_lock(locked_at=datetime(2026, 1, 2)).locked_at == datetime(2026, 1, 2, tzinfo=UTC)
