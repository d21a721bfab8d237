"""The way back from a lock of one's own to the one that a shipped model came with."""

import pytest

import xraylab
from tests.support.brief import MODEL
from xraylab import actions
from xraylab.__main__ import main
from xraylab.errors import XRayLabError
from xraylab.models import asks_before_lock, load_model, replaced_here

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


def test_python_and_the_command_line_restore_it_too(newcomer, capsys):
    shipped = load_model(newcomer, NAME).lock.threshold
    xraylab.lock(NAME, 0.25)
    assert xraylab.restore_lock(NAME).threshold == shipped
    xraylab.lock(NAME, 0.25)
    assert main(["restore", NAME]) == 0
    assert f"threshold  {shipped:.4g}" in capsys.readouterr().out
    assert load_model(newcomer, NAME).lock.threshold == shipped
