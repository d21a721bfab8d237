"""Patients: who is on a film by its name, and who must stay together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xraylab.data.patients import PATIENT_KEYS, groups, origin, patient_key, subtype, told
from xraylab.errors import DatasetError
from xraylab.findings import PNEUMONIA


@pytest.mark.parametrize(
    ("stem", "prefix_number", "merged_normal", "number", "kind"),
    [
        ("person1_bacteria_2", "bacteria-1", "bacteria-1", "person-1", "bacterial"),
        ("person1_virus_6", "virus-1", "virus-1", "person-1", "viral"),
        ("person447_virus_921_1", "virus-447", "virus-447", "person-447", "viral"),
        ("person0009_bacteria_39", "bacteria-9", "bacteria-9", "person-9", "bacterial"),
        ("PERSON9_Bacteria_39", "bacteria-9", "bacteria-9", "person-9", "bacterial"),
        ("IM-0115-0001", "IM-115", "IM-115", "IM-115", ""),
        ("IM-0115-0001-0002", "IM-115", "IM-115", "IM-115", ""),
        ("NORMAL2-IM-0115-0001", "NORMAL2-IM-115", "IM-115", "IM-115", ""),
        ("NORMAL2-IM-1436-0001-0002", "NORMAL2-IM-1436", "IM-1436", "IM-1436", ""),
        ("phantom0007_normal_1", "phantom-7", "phantom-7", "phantom-7", ""),
        ("phantom0007_focal_2", "phantom-7", "phantom-7", "phantom-7", "focal"),
        ("phantom0012_interstitial_1", "phantom-12", "phantom-12", "phantom-12", "interstitial"),
        ("film", None, None, None, ""),
        ("person1", None, None, None, ""),
        ("personal_virus", None, None, None, ""),
        ("person1_bacterial", None, None, None, ""),
        ("SWIM-0115-0001", None, None, None, ""),
        ("ABNORMAL-1003233-0001", None, None, None, ""),
        # Version 3 of the archive at Mendeley Data
        ("NORMAL-1003233-0001", "NORMAL-1003233", "NORMAL-1003233", "NORMAL-1003233", ""),
        ("BACTERIA-1008087-0001", "BACTERIA-1008087", "BACTERIA-1008087", "PNEUMONIA-1008087", "bacterial"),
        ("VIRUS-1010197-0012", "VIRUS-1010197", "VIRUS-1010197", "PNEUMONIA-1010197", "viral"),
        ("virus-0042-0001", "VIRUS-42", "VIRUS-42", "PNEUMONIA-42", "viral"),
        # Names that people and tools have lengthened
        ("person1_bacteria_2 copy", "bacteria-1", "bacteria-1", "person-1", "bacterial"),
        ("my-IM-0115-0001", "IM-115", "IM-115", "IM-115", ""),
        ("IM-0115-0001 (1)", "IM-115", "IM-115", "IM-115", ""),
        ("person1_virus_6 - Copy (2)", "virus-1", "virus-1", "person-1", "viral"),
        ("NORMAL2-IM-1427-0001_jpeg.rf.0a1b", "NORMAL2-IM-1427", "IM-1427", "IM-1427", ""),
        ("person1_bacteria_2_jpeg.rf.99ff", "bacteria-1", "bacteria-1", "person-1", "bacterial"),
        ("aug_0_91_person1_virus_6", "virus-1", "virus-1", "person-1", "viral"),
        ("flippedperson1_virus_6", "virus-1", "virus-1", "person-1", "viral"),
        ("rotated 30 IM-0115-0001-0002_0_1234", "IM-115", "IM-115", "IM-115", ""),
        ("Copy of VIRUS-1010197-0012", "VIRUS-1010197", "VIRUS-1010197", "PNEUMONIA-1010197", "viral"),
        ("phantom0007_focal_2 (1)", "phantom-7", "phantom-7", "phantom-7", "focal"),
        ("", None, None, None, ""),
    ],
)
def test_a_name_tells_the_patient_by_the_preset(stem, prefix_number, merged_normal, number, kind):
    assert patient_key("prefix-number")(stem) == prefix_number
    assert patient_key("merged-normal")(stem) == merged_normal
    assert patient_key("number")(stem) == number
    assert patient_key("none")(stem) is None
    assert subtype(stem, PNEUMONIA) == kind


def test_a_well_and_an_ill_child_of_one_number_are_never_taken_for_one():
    for preset in PATIENT_KEYS:
        key = patient_key(preset)
        assert key("IM-0115-0001") is None or key("IM-0115-0001") != key("person115_virus_1")


def test_a_pattern_tells_the_patient_by_its_first_group():
    key = patient_key(r"re:^(?P<id>[A-Z]+\d+)_(\d+)")
    assert key("AB12_3_left") == "AB12"
    assert key("ab12_3") is None
    assert patient_key("re:x(y)?")("x") is None
    assert patient_key("re:x(y*)")("x") is None


@pytest.mark.parametrize(
    ("preset", "sentence"),
    [
        ("surname", "There is no patient key “surname”"),
        ("", "There is no patient key “”"),
        ("re:(", "“\\(” is not a valid regular expression"),
        ("re:(a){99999999999}", "is not a valid regular expression"),
        ("re:" + "(" * 5000 + ")" * 5000, "is not a valid regular expression"),
        ("re:[0-9]+", "needs one group in parentheses"),
        ("re:", "needs one group in parentheses"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_sentence(preset, sentence):
    with pytest.raises(DatasetError, match=sentence):
        patient_key(preset)


def test_the_sentence_names_every_preset():
    with pytest.raises(DatasetError) as caught:
        patient_key("surname")
    assert all(preset in str(caught.value) for preset in PATIENT_KEYS)


def test_films_are_together_if_a_chain_of_patients_and_pixels_links_them():
    films = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "2"), ("d", "3"), ("d", "4"), ("e", "5"), ("1", "6")]
    group = groups(*zip(*films, strict=True))
    assert group.tolist() == [group[0]] * 4 + [group[4]] * 2 + [group[6], group[7]]
    assert len(set(group.tolist())) == 4
    assert group.dtype == np.int64


def test_no_films_have_no_groups():
    assert groups([], []).shape == (0,)


def by_merging(films: list[tuple[str, str]]) -> set[frozenset[int]]:
    """Groups found the slow way: each film in turn merges the groups that it shares something with."""
    parts: list[set[int]] = []
    for i, (patient, pixels) in enumerate(films):
        linked = [
            part for part in parts if any(films[j][0] == patient or films[j][1] == pixels for j in part)
        ]
        parts = [part for part in parts if part not in linked] + [{i}.union(*linked)]
    return {frozenset(part) for part in parts}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123456")), min_size=1, max_size=12))
def test_groups_are_what_merging_by_hand_gives(films):
    group = groups(*zip(*films, strict=True)).tolist()
    assert {frozenset(i for i, g in enumerate(group) if g == one) for one in group} == by_merging(films)


@pytest.mark.parametrize(
    ("name", "by_source", "expected"),
    [
        (None, None, "nothing"),
        ("IM-1", None, "names of files"),
        ("7", "7", "column “ID”"),
        ("7", "8", "names of files"),  # a person's pattern went before the column
        ("dicom-0a", "dicom-0a", "tags of DICOM"),
        (None, "dicom-0a", "nothing"),  # one name for all films was no patient
    ],
)
def test_where_a_films_patient_comes_from(name, by_source, expected):
    assert origin(name, by_source, "column “ID”") == expected


@pytest.mark.parametrize(
    ("preset", "origins", "words"),
    [
        ("prefix-number", None, "names of files"),  # of an older version
        ("none", None, "nothing: every film is a patient of its own"),
        ("prefix-number", {"nothing": 3}, "nothing: every film is a patient of its own"),
        ("prefix-number", {"folders": 3}, "folders"),
        ("re:(p)", {"names of files": 3}, "names of files by re:(p)"),
        (
            "number",
            {"tags of DICOM": 1200, "names of files": 1, "nothing": 2},
            "tags of DICOM (1\u2009200 films), the number in names of files alone (cautious) (1 film), "
            "nothing (2 films)",
        ),
    ],
)
def test_a_dataset_says_where_its_patients_come_from(preset, origins, words):
    assert told(preset, origins) == words
