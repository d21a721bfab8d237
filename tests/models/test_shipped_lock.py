"""The way back from a lock of one's own to the one that a shipped model came with."""

from datetime import timedelta

import pytest

import xraylab
from tests.support.brief import MODEL
from tests.support.cards import AT, a_card, a_lock
from xraylab import actions
from xraylab.__main__ import main
from xraylab.errors import XRayLabError
from xraylab.models import asks_before_lock, load_model, replaced_here
from xraylab.models.folder import Model
from xraylab.models.shipped_lock import restore_shipped_lock

pytest_plugins = ["tests.support.shipped"]
NAME = "cnn"


def test_a_lock_of_this_home_is_undone_and_nothing_of_it_stays(newcomer):
    shipped = load_model(newcomer, NAME).lock
    assert asks_before_lock(load_model(newcomer, NAME))
    actions.lock(newcomer, NAME, "value:0.25", actor="test", review="value:0.1")
    model = load_model(newcomer, NAME)
    assert replaced_here(model)
    assert not asks_before_lock(model)
    made = actions.restore_lock(newcomer, NAME)
    assert (made.threshold, made.review_from) == (shipped.threshold, shipped.review_from)
    model = load_model(newcomer, NAME)
    assert model.lock == shipped == model.lock_as_made
    assert not replaced_here(model)
    assert not list(newcomer.models.rglob("lock.json"))


def test_an_opening_stays_on_record_and_stamps_the_restored_lock(newcomer):
    shipped = load_model(newcomer, NAME).lock
    actions.lock(newcomer, NAME, "value:0.25", actor="test")
    actions.open_test(newcomer, NAME, actor="test")
    actions.lock(newcomer, NAME, "value:0.5", actor="test")
    opened = load_model(newcomer, NAME).lock.opened_at
    assert len(opened) == len(shipped.opened_at) + 1
    made = actions.restore_lock(newcomer, NAME)
    assert made.threshold == shipped.threshold
    assert made.after_opening
    lock = load_model(newcomer, NAME).lock
    assert lock.opened_at == opened
    assert lock.opened_here
    unopened = {"opened_at": (), "after_opening": False, "opened": None}
    assert lock.model_copy(update=unopened) == shipped.model_copy(update=unopened)
    assert actions.restore_lock(newcomer, NAME).threshold == shipped.threshold, "twice is no harm"
    assert load_model(newcomer, NAME).lock.opened_at == opened
    assert actions.lock(newcomer, NAME, "value:0.5", actor="test").after_opening


def test_a_damaged_lock_may_have_known_of_an_opening(newcomer):
    (newcomer.models / NAME).mkdir(parents=True)
    (newcomer.models / NAME / "lock.json").write_text("{")
    assert replaced_here(load_model(newcomer, NAME))
    assert actions.restore_lock(newcomer, NAME).after_opening


def test_without_a_lock_of_this_home_nothing_changes(newcomer):
    before = load_model(newcomer, NAME).lock
    assert actions.restore_lock(newcomer, NAME).threshold == before.threshold
    assert not newcomer.models.exists()


def test_only_a_shipped_model_has_a_shipped_threshold(settled):
    before = load_model(settled, MODEL).lock
    with pytest.raises(XRayLabError, match="no shipped threshold to restore"):
        actions.restore_lock(settled, MODEL)
    assert load_model(settled, MODEL).lock == before
    assert not replaced_here(load_model(settled, MODEL))
    assert not asks_before_lock(load_model(settled, MODEL))


def shipped_model(tmp_path, *, own=None, made=None):
    """A model that came with XRayLab, with a lock that it came with and one of this home."""
    folders = tmp_path / "starter" / "first", tmp_path / "home" / "first"
    for folder, lock in zip(folders, (made, own), strict=True):
        folder.mkdir(parents=True)
        if lock is not None:
            (folder / "lock.json").write_text(lock.model_dump_json())
    return Model(folders[0], a_card(), kept=folders[1])


def a_closed_lock(**changes):
    return a_lock(**{"after_opening": False, "opened_at": (), "opened": False} | changes)


@pytest.mark.parametrize("own", [None, a_closed_lock()])
def test_a_shipped_model_that_came_without_a_lock_has_none_to_restore(tmp_path, own):
    model = shipped_model(tmp_path, own=own)
    with pytest.raises(XRayLabError, match="no shipped threshold to restore"):
        restore_shipped_lock(model)
    assert model.lock == own
    assert not replaced_here(model)
    assert not asks_before_lock(model)


@pytest.mark.parametrize(
    ("own", "replaced"),
    [
        ({}, False),
        ({"rule": "f1", "locked_at": AT + timedelta(days=1)}, False),  # the same cuts
        ({"threshold": 0.41}, True),
        ({"review_from": 0.1}, True),
        ({"review_from": None}, True),
    ],
)
def test_another_operating_point_is_one_with_other_cuts(tmp_path, own, replaced):
    made = a_closed_lock(review_from=0.2)
    model = shipped_model(tmp_path, own=made.model_copy(update=own), made=made)
    assert replaced_here(model) == replaced
    assert asks_before_lock(model) != replaced


@pytest.mark.parametrize("opened_here", [False, True])
@pytest.mark.parametrize("seen", [(), (AT + timedelta(days=2),)])
@pytest.mark.parametrize("before", [(), (AT + timedelta(days=1),)])
def test_a_restored_lock_keeps_every_opening_and_is_open_if_either_was(tmp_path, before, seen, opened_here):
    made = a_closed_lock(opened_at=before, opened=opened_here)
    own = a_closed_lock(threshold=0.7, opened_at=(*before, *seen), opened=bool(seen))
    model = shipped_model(tmp_path, own=own, made=made)
    restored = restore_shipped_lock(model)
    assert model.lock == restored
    assert restored.threshold == made.threshold
    assert restored.opened_at == (*before, *seen)
    assert restored.after_opening == bool(seen)
    assert restored.opened_here == (bool(seen) or (opened_here and bool(before)))
    assert (model.kept / "lock.json").exists() == bool(seen)


def test_python_and_the_command_line_restore_it_too(newcomer, capsys):
    shipped = load_model(newcomer, NAME).lock.threshold
    xraylab.lock(NAME, 0.25)
    assert xraylab.restore_lock(NAME).threshold == shipped
    xraylab.lock(NAME, 0.25)
    assert main(["restore", NAME]) == 0
    assert f"threshold  {shipped:.4g}" in capsys.readouterr().out
    assert load_model(newcomer, NAME).lock.threshold == shipped
