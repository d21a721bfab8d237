"""What the record of openings says of a lock, and which openings concern a model."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.support.cards import AT, a_card, a_lock
from xraylab.data.openings import Opening
from xraylab.models.folder import Model
from xraylab.models.lock_file import knows_of_opening, read_lock
from xraylab.models.opened import _as_opening, _earlier, _noted, _stamps, order_words
from xraylab.settings import load_settings


def opening(**changes):
    return Opening(**{"at": AT, "actor": "app", "model": "else", "data": "films"} | changes)


@pytest.mark.parametrize(
    ("changes", "openings", "words"),
    [
        (
            {"openings_before": 0},
            0,
            "On record, no results on the test films had been seen before the lock was made.",
        ),
        (
            {"openings_before": 1},
            1,
            "Results on the test films had been seen once before the lock was made, for other models, so "
            "they may have influenced what was trained. On record, the test films have been opened once, for "
            "all models together.",
        ),
        (
            {"openings_before": 12},
            2,
            "Results on the test films had been seen 12 times before the lock was made, for other models, so "
            "they may have influenced what was trained. On record, the test films have been opened 2 "
            "times, for all models together.",
        ),
        (
            {"openings_before": None},
            0,
            "How often the test films had been opened before the lock was made isn't on record.",
        ),
        (
            {"openings_before": 3, "after_opening": True},
            0,
            "Test results had been seen for this model before the lock was made, so they may have influenced "
            "it.",
        ),
    ],
)
def test_the_order_of_lock_and_openings_is_told_and_no_more_than_is_on_record(changes, openings, words):
    assert order_words(a_lock(**{"after_opening": False} | changes), openings) == words


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"at": AT.isoformat()}, {"actor": "", "model": ""}),
        (
            {"at": AT.isoformat(), "actor": "app", "model": "a", "members": ["b"], "event": "opened"},
            {"actor": "app", "model": "a", "members": ("b",)},
        ),
        ({}, None),
        ({"at": "yesterday"}, None),
        ({"at": AT.isoformat(), "members": 3}, None),
    ],
)
def test_an_opening_in_a_datasets_lineage_is_read_if_it_can_be(event, expected):
    found = _as_opening("films", event)
    assert found == (None if expected is None else Opening(at=AT, data="films", **expected))


def test_the_openings_in_a_datasets_lineage_are_those_that_can_be_read():
    events = [{"at": AT.isoformat(), "model": "a"}, {"at": "yesterday"}]
    dataset = SimpleNamespace(info=SimpleNamespace(name="films"), earlier_openings=events)
    assert _earlier(dataset) == [Opening(at=AT, actor="", model="a", data="films")]
    assert _earlier(None) == []


@pytest.mark.parametrize(
    ("changes", "concerns"),
    [
        ({"model": "else"}, False),
        ({"model": "first"}, True),
        ({"model": "second"}, True),  # a member of the model
        ({"model": "else", "members": ("first",)}, True),  # an ensemble with the model
        ({"model": "else", "members": ("other",)}, False),
    ],
)
def test_an_opening_concerns_a_model_its_members_and_the_ensembles_with_it(changes, concerns, tmp_path):
    model = Model(tmp_path, a_card(name="first", members=("second", "third")))
    assert _stamps(load_settings(home=tmp_path), model, [opening(model="x"), opening(**changes)]) == concerns


def test_the_openings_that_a_lock_has_noted_are_those_of_its_model(tmp_path):
    model = Model(tmp_path, a_card(name="first", members=("a", "b")))
    times = (AT, datetime(2026, 6, 1, tzinfo=UTC))
    expected = [
        Opening(at=at, actor="", model="first", members=("a", "b"), data=model.card.dataset.name)
        for at in times
    ]
    assert _noted(model, a_lock(opened_at=times)) == expected
    assert _noted(model, None) == []


def test_a_lock_that_cannot_be_read_may_have_known_of_an_opening(tmp_path):
    file = tmp_path / "lock.json"
    assert (read_lock(file), knows_of_opening(file)) == (None, False)
    file.write_text("{")
    assert (read_lock(file), knows_of_opening(file)) == (None, True)
    for lock in (a_lock(after_opening=False, opened_at=()), a_lock(after_opening=True)):
        file.write_text(lock.model_dump_json())
        assert read_lock(file) == lock
        assert knows_of_opening(file) == lock.after_opening
