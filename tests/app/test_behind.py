"""Results that are made in the background."""

import threading

import pytest

from tests.support.waiting import eventually
from xraylab.app.behind import Behind


def made(behind, key):
    eventually(lambda: behind.take(key) is not None)
    return behind.take(key)


def test_what_is_wanted_is_made_in_its_order_and_once():
    behind, order = Behind(), []

    def make(key):
        return lambda: order.append(key) or f"made {key}"

    assert behind.take("a") is None
    behind.want([("a", make("a")), ("b", make("b"))])
    assert made(behind, "b") == "made b"
    behind.want([("a", make("a")), ("b", make("b"))])
    assert made(behind, "a") == "made a"
    assert order == ["a", "b"]


def test_what_is_wanted_anew_takes_the_place_of_what_waited():
    behind, begun, go_on, order = Behind(), threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        go_on.wait()
        return order.append("slow") or "slow"

    behind.want([("slow", slow), ("waits", lambda: order.append("waits") or "waits")])
    begun.wait()
    behind.want([("new", lambda: order.append("new") or "new")])
    go_on.set()
    assert made(behind, "new") == "new"
    assert order == ["slow", "new"]
    assert behind.take("slow") == "slow", "what had begun is kept"


def test_an_error_is_raised_where_the_result_is_taken_and_the_next_try_is_a_new_one():
    behind = Behind()
    behind.want([("a", lambda: 1 / 0)])

    def raised():
        try:
            behind.take("a")
        except ZeroDivisionError:
            return True
        return False

    eventually(raised)
    assert behind.take("a") is None
    behind.want([("a", lambda: 7)])
    assert made(behind, "a") == 7


def test_the_oldest_results_are_forgotten():
    behind = Behind()
    behind.want([(number, lambda number=number: number + 1) for number in range(40)])
    assert made(behind, 39) == 40
    assert behind.take(0) is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_result_that_is_wanted_again_stays(kept):
    behind = Behind()
    behind.want([("old", lambda: "old")])
    made(behind, "old")
    for number in range(23):
        behind.want([(number, lambda: "other")])
        made(behind, number)
    if kept:
        behind.want([("old", lambda: "made anew")])
    behind.want([("last", lambda: "last")])
    made(behind, "last")
    assert behind.take("old") == ("old" if kept else None)
