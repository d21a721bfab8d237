"""The trail: every entry chained and anchored, none changed unseen, nothing that names a patient."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import old_databases
from xraylab import chain, database, records, trail
from xraylab.errors import StorageError
from xraylab.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


def check(settings):
    entries = [entry.plain() for entry in trail.entries(settings)]
    return chain.check(entries, trail.anchors(settings))


def test_entries_are_chained_and_the_newest_is_noted_outside_of_the_database(settings):
    for name in ("one", "two"):
        trail.enter(settings, trail.MODEL, "locked", actor="app", name=name, objects={"model": "ab"})
    first, second = trail.entries(settings)
    assert (first.sequence, first.previous, second.previous) == (1, chain.FIRST, first.sha256)
    assert trail.anchors(settings) == [(1, first.sha256), (2, second.sha256)]
    assert second.at.utcoffset().total_seconds() == 0
    assert check(settings).faults == ()


def test_many_writers_make_one_chain(settings):
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: trail.enter(settings, trail.FILM, "read", actor="app"), range(24)))
    assert sorted(numbers) == list(range(1, 25))
    assert check(settings).faults == ()


def test_the_account_is_that_of_the_system_or_of_the_settings(settings, monkeypatch):
    monkeypatch.setenv("LOGNAME", "anna\u202e")
    assert trail.account_of(settings) == "anna"
    monkeypatch.setenv("XRAYLAB_ACCOUNT", "reading room 2")
    assert trail.account_of(load_settings(home=settings.home)) == "reading room 2"
    monkeypatch.setattr(trail.getpass, "getuser", lambda: {}["no such account"])
    assert trail.account_of(settings) == ""


def test_without_an_entry_nothing_happens(settings, monkeypatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.05)
    done = []
    with (
        database.writing(settings),
        pytest.raises(StorageError, match="locked"),
        trail.entered(settings, trail.MODEL, "used", actor="app"),
    ):
        done.append("used")
    assert done == []


def test_what_fails_after_its_entry_is_a_second_entry(settings):
    with pytest.raises(KeyboardInterrupt), trail.entered(settings, trail.MODEL, "locked", actor="app"):
        raise KeyboardInterrupt
    assert [(entry.action, entry.changed) for entry in trail.entries(settings)] == [
        ("locked", ""),
        ("failed", "entry 1: locked"),
    ]


def test_an_entry_that_cannot_be_anchored_is_kept(settings):
    (settings.home / "trail-anchors.jsonl").mkdir(parents=True)
    assert trail.enter(settings, trail.MODEL, "locked", actor="app") == 1
    assert len(trail.entries(settings)) == 1


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["UPDATE trail SET account = 'somebody else' WHERE sequence = 2"], "Entry 2 was changed"),
        (["DELETE FROM trail WHERE sequence = 2"], "Entry 2 is missing"),
        (["DELETE FROM trail WHERE sequence > 1"], "The end is cut off: entry 3"),
        (["DELETE FROM trail"], "The end is cut off: entry 3"),
    ],
)
def test_what_another_program_does_to_the_table_is_found(settings, statements, words):
    for _ in range(3):
        trail.enter(settings, trail.MODEL, "locked", actor="app")
    with database.writing(settings) as db:
        for statement in ("DROP TRIGGER trail_no_update", "DROP TRIGGER trail_no_delete", *statements):
            db.exec_driver_sql(statement)
    [fault] = check(settings).faults
    assert fault.startswith(words)


def test_a_database_that_was_removed_or_put_back_to_an_older_state_is_found(settings):
    trail.enter(settings, trail.MODEL, "locked", actor="app")
    old = settings.database.read_bytes()
    trail.enter(settings, trail.MODEL, "locked", actor="app")
    settings.database.write_bytes(old)
    [fault] = check(settings).faults
    assert fault == "The end is cut off: entry 2 was written once, but the last one is 1."
    settings.database.unlink()
    assert check(settings).faults


def test_old_entries_are_taken_into_the_chain_and_say_so(settings):
    old_databases.make(
        settings,
        "0002",
        old_databases.CASE_OF_0002.format(note="a"),
        old_databases.ENTRY_OF_0002.format(case="1", action="created", at=1e9),
        old_databases.ENTRY_OF_0002.format(case="NULL", action="exported", at=1e9 + 0.5),
    )
    records.change(settings, 1, call="unsure", note="a", actor="app")
    entries = trail.entries(settings)
    assert [(entry.case, entry.action, entry.origin) for entry in entries] == [
        (1, "created", "0002"),
        (None, "exported", "0002"),
        (1, "call", ""),
    ]
    assert entries[1].at.timestamp() == 1e9 + 0.5
    assert [entry.action for entry in records.full_trail(settings)] == ["created", "exported", "call"]
    assert check(settings) == chain.Checked(3, entries[-1].sha256)


def test_the_table_and_its_entry_hold_the_same_facts(settings):
    trail.enter(
        settings, trail.FILM, "read", actor="app", name="m", objects={"film": "ab"}, changed="c", now=1
    )
    [entry] = trail.entries(settings)
    plain = entry.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert set(plain) == set(database.trail.c.keys())
    assert (plain["at"], plain["objects"]) == ("1970-01-01T00:00:01.000000+00:00", {"film": "ab"})
