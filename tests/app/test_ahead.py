"""Films read in the background: in which order, what is prepared, what an error does, and when it ends."""

import gc
import threading
import weakref
from types import SimpleNamespace

import pytest

from tests.support.waiting import eventually
from xraylab.app.ahead import Ahead, Wanted

MODEL = SimpleNamespace(name="model")


def films(count, age=None):
    return [Wanted(f"film {number}", f"film {number}", MODEL, age) for number in range(count)]


class Reader:
    """Reads films, one batch for each permission."""

    def __init__(self, *, free=True):
        self.batches, self.prepared = [], []
        self.allowed = threading.Semaphore(0)
        self.free = free

    def read(self, batch, on_place):
        if not self.free:
            self.allowed.acquire(timeout=30)
        on_place(3)
        self.batches.append([film.film for film in batch])
        for film in batch:
            yield f"reading of {film.film}"

    def prepare(self, film, reading):
        self.prepared.append((film.film, reading))


def test_the_chosen_film_is_read_first_and_alone_then_the_next_then_the_others_together():
    reader = Reader()
    ahead = Ahead(reader.read, reader.prepare)
    ahead.want(films(12), 3)
    eventually(lambda: ahead.waiting == 0)
    assert reader.batches[:2] == [["film 3"], ["film 4"]]
    assert reader.batches[2] == [f"film {number}" for number in (5, 6, 7, 8, 9, 10, 11, 0)]
    assert reader.batches[3] == ["film 1", "film 2"]
    eventually(lambda: reader.prepared == [("film 4", "reading of film 4")])  # once the screen is drawn
    assert ahead.reading(films(12)[7].key) == "reading of film 7"


def test_a_new_choice_goes_before_what_waits():
    reader = Reader(free=False)
    ahead = Ahead(reader.read, reader.prepare)
    wanted = films(30)
    ahead.want(wanted, 0)
    for _ in range(2):
        reader.allowed.release()
    eventually(lambda: len(reader.batches) == 2)
    ahead.want(wanted, 20)  # while the third batch is being read
    for _ in range(2):
        reader.allowed.release()
    eventually(lambda: len(reader.batches) == 4)
    assert reader.batches[3] == ["film 20"]
    reader.free = True
    reader.allowed.release()
    eventually(lambda: ahead.waiting == 0)
    assert sorted(film for batch in reader.batches for film in batch) == sorted(f.film for f in wanted)


def test_films_of_another_age_or_model_are_read_apart():
    reader = Reader()
    ahead = Ahead(reader.read, reader.prepare)
    apart = [*films(4), *[Wanted(f"child {number}", f"child {number}", MODEL, 3.0) for number in range(3)]]
    ahead.want(apart, 0)
    eventually(lambda: ahead.waiting == 0)
    assert ["film 2", "film 3"] in reader.batches
    assert ["child 0", "child 1", "child 2"] in reader.batches


def test_the_same_film_twice_is_read_once_and_films_that_are_gone_are_not_read():
    reader = Reader()
    ahead = Ahead(reader.read, reader.prepare)
    ahead.want([*films(2), *films(2)], 0)
    eventually(lambda: ahead.waiting == 0)
    assert reader.batches == [["film 0"], ["film 1"]]
    ahead.want([], 0)
    assert ahead.waiting == 0


def test_who_waits_hears_the_place_and_gets_the_reading():
    reader = Reader(free=False)
    ahead = Ahead(reader.read, reader.prepare)
    [film] = films(1)
    ahead.want([film], 0)
    looks = []

    def look(before):
        looks.append(before)
        reader.allowed.release()

    assert ahead.wait(film.key, look) == "reading of film 0"
    assert looks[0] == 0


def test_an_error_is_raised_where_the_film_is_waited_for_and_the_next_want_tries_again():
    broken = [True]

    def read(batch, on_place):
        if broken[0]:
            raise OSError("the disk is full")
        for film in batch:
            yield film.film

    ahead = Ahead(read, lambda *_: None)
    [film] = films(1)
    ahead.want([film], 0)
    with pytest.raises(OSError, match="the disk is full"):
        ahead.wait(film.key)
    assert ahead.waiting == 0
    broken[0] = False
    ahead.want([film], 0)
    assert ahead.wait(film.key) == "film 0"


def test_a_reading_at_another_age_is_found_and_one_that_was_made_elsewhere_is_kept():
    reader = Reader()
    ahead = Ahead(reader.read, reader.prepare)
    [film], [child] = films(1), films(1, age=4.0)
    ahead.want([film], 0)
    ahead.wait(film.key)
    assert ahead.at_another_age(child) == "reading of film 0"
    ahead.put(child, "decided at 4 years")
    ahead.want([child], 0)
    assert ahead.wait(child.key) == "decided at 4 years"
    assert reader.batches == [["film 0"]]


def test_a_session_that_ends_ends_its_reading():
    reader = Reader(free=False)
    ahead = Ahead(reader.read, reader.prepare)
    ahead.want(films(30), 0)
    gone = weakref.ref(ahead)
    del ahead
    reader.allowed.release()  # the batch that is being read
    eventually(lambda: gc.collect() is not None and gone() is None)
    assert len(reader.batches) == 1
