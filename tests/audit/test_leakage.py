"""Patients whose films are in more than one split, by every way to name them."""

import pytest

from tests.support.catalogs import catalog, info
from xraylab.audit.duplicates import exact_pictures
from xraylab.audit.leakage import check_patient_leakage, straddling
from xraylab.data import patients

NORMAL = [("IM-0001-0001.png", 0, "IM-1", "train", "a"), ("IM-0002-0001.png", 0, "IM-2", "test", "b")]
ILL = [
    ("person7_bacteria_1.png", 1, "bacteria-7", "train", "c"),
    ("person8_virus_2.png", 1, "virus-8", "test", "d"),
]
FIRST = "names of files"


def judged(*films, **facts):
    table = catalog(*films)
    return check_patient_leakage(straddling(info(table, **facts), table, exact_pictures(table)))


def test_a_split_by_patient_raises_nothing():
    found = judged(*NORMAL, *ILL)
    assert (found.check, found.severity, found.figure, found.films, found.mend) == (
        "patient_leakage",
        "none",
        0,
        (),
        None,
    )
    assert found.sentence == f"By {FIRST}, no patient has films in more than one split."


def test_a_patient_on_both_sides_is_of_high_severity():
    found = judged(*NORMAL, *ILL, ("IM-0001-0002.png", 0, "IM-1", "validation", "e"))
    assert (found.severity, found.figure) == ("high", 1)
    assert found.films == ("IM-0001-0001.png", "IM-0001-0002.png")
    assert found.sentence == f"By {FIRST}, 1 of 4 patients (2 films) has films in more than one split."
    assert found.mend == "Mend it: split again with each patient in one split."
    assert found.mend_by == ("split again",)


def test_patients_who_share_a_picture_across_splits_are_of_high_severity():
    found = judged(*NORMAL, *ILL, ("IM-0003-0001.png", 0, "IM-3", "test", "a"))
    assert (found.severity, found.figure) == ("high", 1)
    assert found.films == ("IM-0001-0001.png", "IM-0003-0001.png")
    assert "If patients who share a picture are one, 1 of 4 patients (2 films) has." in found.sentence
    assert found.mend == "Mend it: split again with each picture in one split."
    assert found.mend_by == ("split again",)


@pytest.mark.parametrize(
    ("film", "key", "words"),
    [
        (
            ("NORMAL2-IM-0001-0001.png", 0, "NORMAL2-IM-1", "test", "e"),
            "merged-normal",
            " By names of files, NORMAL counters merged, 1 of 4 patients (2 films) would.",
        ),
        (
            ("person7_virus_3.png", 1, "virus-7", "test", "e"),
            "number",
            " By the number in names of files alone (cautious), 1 of 4 patients (2 films) would.",
        ),
    ],
)
def test_a_patient_by_a_more_cautious_key_alone_is_of_low_severity(film, key, words):
    found = judged(*NORMAL, *ILL, film)
    assert (found.severity, found.figure) == ("low", 1)
    assert found.sentence.startswith(f"By {FIRST}, no patient has films in more than one split. ")
    assert words in found.sentence
    assert found.mend.startswith(f"Mend it: split again by the patient key “{key}”")
    assert found.mend_by == ("split again",)


def test_all_keys_that_join_patients_are_told_and_the_first_divided_one_is_the_figure():
    more = [
        ("NORMAL2-IM-0001-0001.png", 0, "NORMAL2-IM-1", "test", "e"),
        ("person7_virus_3.png", 1, "virus-7", "test", "f"),
        ("person8_bacteria_4.png", 1, "bacteria-8", "train", "g"),
    ]
    table = catalog(*NORMAL, *ILL, *more)
    ways = straddling(info(table), table, [])
    assert [(way.key, way.patients, way.divided) for way in ways] == [
        ("own", 7, 0),
        ("merged-normal", 6, 1),
        ("number", 4, 3),
    ]
    found = check_patient_leakage(ways)
    assert found.figure == 1
    assert "patient key “number”" in found.mend


def test_films_that_were_left_out_of_every_split_do_not_count():
    found = judged(*NORMAL, *ILL, ("IM-0001-0002.png", 0, "IM-1", "left out", "e"))
    assert found.severity == "none"


def test_a_picture_of_films_that_were_left_out_alone_joins_nobody():
    left_out = [(f"IM-000{n}-0001.png", 0, f"IM-{n}", "left out", "e") for n in (3, 4)]
    assert judged(*NORMAL, *ILL, *left_out).severity == "none"


def test_where_nothing_names_the_patients_it_says_so():
    films = [("a.png", 0, "a.png", "train", "a"), ("b.png", 1, "b.png", "test", "b")]
    found = judged(*films, patient_key="none", patients_from={patients.ALONE: 2})
    assert (found.severity, found.figure) == ("none", None)
    assert found.sentence == (
        "Nothing names the patients, so it can't be told whether one is in more than one split."
    )


def test_names_of_files_count_where_a_dataset_does_not_use_them():
    films = [
        ("IM-0001-0001.png", 0, "IM-0001-0001.png", "train", "a"),
        ("IM-0001-0002.png", 0, "IM-0001-0002.png", "test", "b"),
    ]
    found = judged(*films, patient_key="none", patients_from={patients.ALONE: 2})
    assert (found.severity, found.figure) == ("low", 1)
    assert "By names of files, 1 of 1 patients (2 films) would." in found.sentence
