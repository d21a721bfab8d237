"""Results that are made once."""

import threading

import pytest

from xraylab.app.once import Once

SECONDS = 30


def test_threads_that_ask_at_once_wait_for_one_that_makes():
    once, made, inside, go_on, results = Once(2), [], threading.Event(), threading.Event(), []

    def make():
        made.append(1)
        inside.set()
        go_on.wait(SECONDS)
        return "result"

    threads = [threading.Thread(target=lambda: results.append(once.take("key", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert inside.wait(SECONDS)
    assert not once.has("key")
    go_on.set()
    for thread in threads:
        thread.join(SECONDS)
    assert (made, results) == ([1], ["result"] * 4)
    assert once.has("key")


def test_what_was_used_last_stays():
    once = Once(2)
    for key in ("a", "b", "a", "c"):
        once.take(key, lambda: key)  # noqa: B023 - made at once
    assert once.keys() == ["a", "c"]
    once.keep_only(lambda key: key == "c")
    assert once.keys() == ["c"]
    once.clear()
    assert once.keys() == []


def test_an_error_is_raised_for_all_and_the_next_call_tries_again():
    once = Once(2)

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        once.take("key", fail)
    assert not once.has("key")
    assert once.take("key", lambda: "yes") == "yes"
