"""The queue in which readers wait for the networks: its order, who leaves it, and what an error costs."""

import gc
import multiprocessing
import os
import sys
import threading
import time
import weakref
from concurrent.futures import ProcessPoolExecutor

import psutil
import pytest

from xraylab.reading.turns import OneAtATime, Turns

SECONDS = 30  # after which a thread that hangs fails its test


class Crowd:
    """Readers in threads of their own, before a queue whose first piece waits for ``open_``."""

    def __init__(self):
        self.turns, self.order, self.errors = Turns(), [], {}
        self.gate, self.threads = threading.Event(), []
        self.begin("first", lambda: self.gate.wait(SECONDS))
        self.settle(lambda: self.turns._running is not None)

    def begin(self, reader, piece=None, pieces=1, on_place=None):
        """Let a reader ask for pieces, one after the other, and wait until the first is in the queue."""

        def ask():
            try:
                for _ in range(pieces):
                    self.turns.run(reader, piece or (lambda: self.order.append(reader)), on_place)
            except BaseException as error:
                self.errors[reader] = error

        thread = threading.Thread(target=ask, daemon=True)
        self.threads.append(thread)
        known = len(self.turns._waiting)
        thread.start()
        self.settle(lambda: len(self.turns._waiting) > known or self.turns._running is not None)
        if self.threads[1:]:
            self.settle(lambda: len(self.turns._waiting) > known)

    def settle(self, look):
        turns = self.turns
        with turns._changed:
            assert turns._changed.wait_for(look, SECONDS)

    def open_(self):
        self.gate.set()
        for thread in self.threads:
            thread.join(SECONDS)
            assert not thread.is_alive()


@pytest.fixture
def crowd():
    crowd = Crowd()
    yield crowd
    crowd.gate.set()


def test_readers_are_served_in_turns_however_much_one_of_them_asked_for(crowd):
    crowd.begin("many", pieces=50)
    crowd.begin("second")
    crowd.begin("third")
    crowd.open_()
    assert crowd.order[:3] == ["many", "second", "third"]
    assert crowd.order.count("many") == 50


def test_nobody_is_served_twice_in_a_row_while_another_waits(crowd):
    for _ in range(3):
        crowd.begin("many")  # several pieces of one reader are in the queue at once
    crowd.begin("other")
    crowd.open_()
    assert crowd.order == ["many", "other", "many", "many"]


def test_a_waiting_reader_sees_how_many_are_before_it(crowd):
    places = []
    crowd.begin("second")
    crowd.begin("second")  # counted once
    seen = threading.Event()
    crowd.begin("third", on_place=lambda before: (places.append(before), seen.set()))
    assert seen.wait(SECONDS)
    assert places == [2]
    crowd.open_()
    assert places[-1] == 0
    assert places == sorted(places, reverse=True)


def test_a_reader_that_is_served_at_once_sees_no_place():
    places = []
    assert Turns().run("only", lambda: 7, places.append) == 7
    assert places == []


def test_a_reader_that_stops_waiting_leaves_the_queue(crowd):
    class TabClosedError(BaseException):
        pass

    def close(_before):
        raise TabClosedError

    done = []
    crowd.begin("closed", lambda: done.append("closed"), on_place=close)
    crowd.settle(lambda: not crowd.turns._waiting)
    crowd.begin("next")
    crowd.open_()
    assert crowd.order == ["next"]
    assert not done
    assert isinstance(crowd.errors["closed"], TabClosedError)


@pytest.mark.parametrize("error", [ValueError("no film"), SystemExit(3), KeyboardInterrupt()])
def test_an_error_is_raised_where_the_piece_came_from_and_blocks_nobody(crowd, error):
    def fail():
        raise error

    crowd.begin("unlucky", fail)
    crowd.begin("next")
    crowd.open_()
    assert crowd.errors == {"unlucky": error}
    assert crowd.order == ["next"]


def test_what_gives_way_waits_until_nobody_has_asked_for_a_while(crowd):
    came = threading.Thread(target=lambda: (crowd.turns.give_way(1.0), crowd.order.append("late")))
    came.start()
    crowd.begin("second", lambda: time.sleep(0.2) or crowd.order.append("second"))
    crowd.open_()
    came.join(SECONDS)
    assert crowd.order == ["second", "late"]


def test_nothing_gives_way_while_nobody_is_served():
    began = time.monotonic()
    Turns().give_way(SECONDS)
    assert time.monotonic() < began + SECONDS / 2


@pytest.mark.parametrize("in_turn", [Turns().of("a reader"), OneAtATime()])
def test_a_piece_may_consist_of_pieces(in_turn):
    assert in_turn(lambda: in_turn(lambda: "inner")) == "inner"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a priority")
def test_pieces_give_way_to_the_rest_of_the_process():
    def nice():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert Turns().run("reader", nice) == min(19, nice() + 4)


def test_all_pieces_run_in_one_thread(crowd):
    threads = set()
    crowd.begin("second", lambda: threads.add(threading.get_ident()))
    crowd.begin("third", lambda: threads.add(threading.get_ident()))
    crowd.open_()
    assert len(threads) == 1


def test_once_nobody_asks_what_refers_to_itself_is_freed():
    """A piece leaves a circle, as the frames of an error or of a screen do."""
    turns, freed = Turns(), []

    class Film:
        def __init__(self):
            self.itself = self
            weakref.finalize(self, freed.append, True)

    gc.disable()  # the collector's own time is far away in a server, which makes few objects for each film
    try:
        for number in (1, 2):
            turns.run("reader", Film)
            deadline = time.monotonic() + SECONDS
            while len(freed) < number and time.monotonic() < deadline:
                time.sleep(0.05)
            assert len(freed) == number
    finally:
        gc.enable()
        gc.unfreeze()


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed memory and can give it back")
def test_once_nobody_asks_freed_memory_goes_back_to_the_system():
    # In a process of its own: this one has free memory left over from other tests, which would be used again.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        before, filled, freed, last = process.submit(_memory_of_a_piece).result(SECONDS * 2)
    assert filled - before > 0.9 * _BLOCKS * _BLOCK
    assert freed > filled - 0.2 * (filled - before)  # it is the queue that gives back
    assert last < before + 0.2 * (filled - before)


_BLOCKS, _BLOCK = 2_000, 100_000  # bytes: glibc keeps such blocks; it gives larger ones back by itself


def _memory_of_a_piece():
    """Return the memory before a piece, when it is full, just after it, and after a while without any."""
    turns, before = Turns(), _resident()

    def fragment():
        held = [b"1" * _BLOCK for _ in range(_BLOCKS)]
        return _resident(), held[::200]  # a few blocks in between hold on to the rest

    filled, kept = turns.run("reader", fragment)
    freed = last = _resident()
    deadline = time.monotonic() + SECONDS
    while last > freed - 0.8 * (filled - before) and time.monotonic() < deadline:
        time.sleep(0.05)
        last = _resident()
    assert len(kept) == _BLOCKS // 200
    return before, filled, freed, last


def _resident():
    """Return the bytes of this process that are in memory."""
    return psutil.Process().memory_info().rss
