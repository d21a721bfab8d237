"""Films that show one picture: counted, and judged by splits, labels and patients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.catalogs import catalog
from tests.support.changed import changed
from xraylab.audit.duplicates import (
    check_duplicates,
    check_near_duplicates,
    exact_pictures,
    find_near,
    near_pictures,
)
from xraylab.audit.near import NearPairs
from xraylab.data.phantoms import phantom
from xraylab.findings import PNEUMONIA

SOME = [("a", 0, "p1", "train", "x"), ("b", 0, "p1", "train", "x"), ("c", 1, "p2", "test", "y")]


def pairs(*rows):
    first, second = np.array(rows, np.intp).reshape(-1, 2).T
    return NearPairs(first, second, np.ones(len(first)))


def judged(*films):
    return check_duplicates(exact_pictures(catalog(*films)), PNEUMONIA)


def test_a_set_without_copies_raises_nothing():
    found = judged(*SOME[1:])
    assert (found.check, found.severity, found.figure, found.films, found.mend) == (
        "duplicates",
        "none",
        0,
        (),
        None,
    )
    assert found.sentence == "No two films are identical."


def test_a_copy_within_a_patient_of_one_split_is_of_low_severity():
    found = judged(*SOME)
    assert (found.severity, found.figure, found.films) == ("low", 1, ("a", "b"))
    assert found.sentence == (
        "1 picture occurs more than once, in 2 films: it is of one patient, in one split and under one label."
    )
    assert found.mend == "Mend it: leave out all but one film of each picture."
    assert found.mend_by == ("leave out",)


@pytest.mark.parametrize(
    ("copy", "severity", "words"),
    [
        (("d", 1, "p2", "train", "y"), "high", "1 is in more than one split"),
        (("d", 0, "p2", "test", "y"), "high", "1 is labelled NORMAL and PNEUMONIA"),
        (("d", 1, "p3", "test", "y"), "low", "1 is under more than one patient"),
        (
            ("d", 1, "p1", "test", "y"),  # whose other films are in train
            "high",
            "1 is under more than one patient, 1 is of patients who have films in different splits",
        ),
        (("d", 1, "p2", "left out", "y"), "low", "it is of one patient"),
        (("d", 0, "p2", "left out", "y"), "high", "labelled NORMAL and PNEUMONIA"),
    ],
)
def test_what_a_copy_does_to_figures_is_told(copy, severity, words):
    found = judged(*SOME[1:], copy)
    assert (found.severity, found.figure, found.films) == (severity, 1, ("c", "d"))
    assert words in found.sentence


@pytest.mark.parametrize(
    ("copy", "mend", "steps"),
    [
        (
            ("d", 1, "p1", "train", "x"),
            "Mend it: leave out the films whose label is wrong.",
            ("leave out",),
        ),
        (
            ("d", 0, "p1", "test", "x"),
            "Mend it: split again with each picture in one split.",
            ("split again",),
        ),
        (
            ("d", 0, "p2", "left out", "x"),  # whose other film is in the test
            "Mend it: split again with each picture in one split.",
            ("split again",),
        ),
        (
            ("d", 1, "p1", "test", "x"),
            "Mend it: leave out the films whose label is wrong, then split again with each picture in one "
            "split.",
            ("leave out", "split again"),
        ),
    ],
)
def test_the_mend_asks_for_what_is_wrong_and_for_nothing_else(copy, mend, steps):
    found = judged(*SOME, copy)
    assert (found.mend, found.mend_by) == (mend, steps)


def test_the_worst_pictures_come_first_and_not_too_many_films_are_named():
    harmless = [(f"{n}{copy}", 0, f"q{n}", "train", f"h{n}") for n in range(600) for copy in "ab"]
    found = judged(*harmless, ("bad", 0, "p", "train", "x"), ("worse", 1, "p", "train", "x"))
    assert found.figure == 601
    assert found.films[:2] == ("bad", "worse")
    assert len(found.films) == 1000


def test_versions_of_a_picture_bring_their_copies_along():
    films = catalog(*SOME, ("d", 1, "p3", "train", "z"), ("e", 1, "p4", "train", "w"))
    (picture,) = near_pictures(films, pairs((0, 3)))
    assert picture.films == ("a", "b", "d")
    assert picture.labels == {0, 1}
    assert picture.patients == {"p1", "p3"}
    assert near_pictures(films, pairs()) == []


def test_versions_that_are_linked_through_others_are_one_picture():
    films = catalog(*[(name, 0, name, "train", name) for name in "abcdef"])
    assert [picture.films for picture in near_pictures(films, pairs((0, 2), (2, 5), (1, 3)))] == [
        ("a", "c", "f"),
        ("b", "d"),
    ]


def test_a_planted_version_in_another_split_is_of_high_severity():
    pixels = [phantom(patient, 1, seed=2).pixels for patient in range(12)]
    films = [(str(n), 0, f"p{n}", "train" if n < 8 else "test", str(n)) for n in range(12)]
    pixels += [changed(pixels[4], ["turned", "encoded"]), pixels[4]]
    films += [("version", 0, "q", "test", "version"), ("copy", 0, "p4", "train", "4")]
    table = catalog(*films)
    found = check_near_duplicates(near_pictures(table, find_near(table, np.stack(pixels))), PNEUMONIA)
    assert (found.check, found.severity, found.figure) == ("near_duplicates", "high", 1)
    assert found.films == ("4", "version", "copy")
    assert found.sentence == (
        "1 picture occurs in several versions (encoded, cut, turned or brightened), in 3 films: 1 is in more "
        "than one split, 1 is under more than one patient."
    )


def test_a_set_without_versions_raises_nothing():
    found = check_near_duplicates([], PNEUMONIA)
    assert (found.severity, found.figure, found.films) == ("none", 0, ())


FILM = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["p1", "p2", "p3", "p4"]),
    st.sampled_from(["train", "validation", "test", "left out"]),
    st.sampled_from("uvwxyz"),
)


@given(st.lists(FILM, max_size=10))
def test_severity_is_that_of_the_worst_pair(drawn):
    films = [(str(n), *film) for n, film in enumerate(drawn)]
    splits = {}
    for _, _, patient, split, _ in films:
        splits.setdefault(patient, set()).update({split} - {"left out"})
    severities = {"none"}
    for one in films:
        for other in films:
            if one is not other and one[4] == other[4]:
                of_both = splits[one[2]] | splits[other[2]]
                severities.add("high" if one[1] != other[1] or len(of_both) > 1 else "low")
    worst = next(severity for severity in ("high", "low", "none") if severity in severities)
    assert judged(*films).severity == worst
