"""The waits of the tests: they go on while something moves, and fail when nothing does."""

import subprocess
import sys

import pytest

from tests.support.waiting import eventually, exit_code, files_of


def test_a_wait_goes_on_while_something_moves_and_returns_what_was_found():
    steps = iter(range(1000))
    seen = []

    def look():
        seen.append(next(steps))
        return seen if len(seen) > 10 else []

    assert eventually(look, moves=lambda: len(seen), still=0.1) == list(range(11))


def test_a_wait_fails_when_nothing_moves():
    with pytest.raises(AssertionError, match=r"still 0, and nothing moved for 0\.1 seconds"):
        eventually(lambda: 0, moves=lambda: "always the same", still=0.1)


def test_a_process_is_waited_for_and_one_that_only_sleeps_is_not():
    done = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert exit_code(done) == 3
    asleep = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with pytest.raises(AssertionError, match="nothing moved"):
        exit_code(asleep, still=0.3)
    asleep.communicate()


def test_the_heartbeat_in_the_database_is_no_move(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "progress.json").write_text("{}")
    before = files_of(tmp_path)
    (tmp_path / "xraylab.db-wal").write_text("a heartbeat")
    assert files_of(tmp_path) == before
    (tmp_path / "runs" / "progress.json").write_text('{"step": 1}')
    assert files_of(tmp_path) != before
