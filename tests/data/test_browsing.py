"""The films of a catalog, chosen by any column: what is offered, what is found, and in which order."""

import numpy as np
import pandas as pd
import pytest

from xraylab.data.browsing import MIXED, NOT_STATED, Condition, columns_of, matching, ordered, texts, words_of
from xraylab.findings import PNEUMONIA

N = 60
CATALOG = pd.DataFrame(
    {
        "path": [f"{'ab'[n % 2]}/film {n:02d} [x].png" for n in range(N)],
        "label": [n % 2 for n in range(N)],
        "subtype": ["", "viral"] * (N // 2),
        "split": ["train"] * 40 + ["validation"] * 10 + ["test"] * 10,
        "patient": [n // 2 for n in range(N)],
        "sha256": [f"{(7 * n) % N:02d}" for n in range(N)],
        "width": [100 + n for n in range(N)],
        "bits": [8] * N,
        "quant_sum": pd.array([330] * 20 + [1858] * 20 + [pd.NA] * 20, dtype="Int64"),
        "age": [None, "3", 40.5] * (N // 3),
        "synthetic": [False] * N,
        "raw": [True] + [False] * (N - 1),
        "sex": ["F", "M"] * (N // 2),
        "site": ["a", "b", "c"] * (N // 3),
        "kept.Site": ["Köln\u202e", "<b>", None] * (N // 3),
        "kept.Serial": [f"s{n}" for n in range(N)],
    }
)
OFFERED = {column.name: column for column in columns_of(CATALOG, PNEUMONIA)}


def rows(*conditions):
    return matching(CATALOG, conditions, PNEUMONIA).tolist()


def test_what_tells_films_apart_is_offered_by_value_by_range_or_by_text():
    assert OFFERED["split"].values == ("test", "train", "validation")
    assert OFFERED["label"].values == ("NORMAL", "PNEUMONIA")
    assert OFFERED["subtype"].values == (NOT_STATED, "viral")
    assert (OFFERED["width"].kind, OFFERED["width"].span) == ("numbers", (100.0, 159.0))
    assert OFFERED["quant_sum"].values == ("1858", "330", NOT_STATED)
    assert OFFERED["age"].values == ("3", "40.5", NOT_STATED)
    assert OFFERED["raw"].values == ("no", "yes")
    assert OFFERED["kept.Site"].values == ("<b>", "Köln\ufffd", NOT_STATED)
    assert (OFFERED["kept.Site"].words, OFFERED["width"].words) == ("Site", "Width (pixels)")
    assert {OFFERED[name].kind for name in ("path", "patient", "kept.Serial")} == {"text"}
    assert (OFFERED["sex"].words, OFFERED["site"].words) == ("Sex", "site")
    assert not OFFERED.keys() & {"bits", "synthetic", "sha256"}  # all alike, or for machines


def test_splits_and_labels_are_offered_even_if_all_films_are_alike():
    alike = columns_of(CATALOG[CATALOG["split"].eq("train") & CATALOG["label"].eq(0)], PNEUMONIA)
    assert [column.values for column in alike if column.name in ("split", "label")] == [
        ("train",),
        ("NORMAL",),
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("label", values=frozenset({"PNEUMONIA"})), range(1, N, 2)),
        (Condition("split", values=frozenset({"test", "validation"})), range(40, N)),
        (Condition("quant_sum", values=frozenset({NOT_STATED})), range(40, N)),
        (Condition("width", span=(110, 112)), [10, 11, 12]),
        (Condition("age", span=(0, 10)), range(1, N, 3)),
        (Condition("path", text="FILM 03 ["), [3]),
        (Condition("path", text="(.*"), []),
        (Condition("kept.Site", values=frozenset({"<b>"})), range(1, N, 3)),
        (Condition("patient"), range(N)),
    ],
)
def test_the_films_that_meet_a_condition(condition, expected):
    assert rows(condition) == list(expected)


def test_films_must_meet_all_conditions():
    assert rows(Condition("width", span=(100, 109)), Condition("label", values=frozenset({"NORMAL"}))) == [
        0,
        2,
        4,
        6,
        8,
    ]


def test_films_come_mixed_or_by_a_column_with_those_without_a_value_last():
    some = np.array([5, 1, 40, 0])
    assert ordered(CATALOG, some, "width").tolist() == [0, 1, 5, 40]
    assert ordered(CATALOG, some, "quant_sum").tolist()[-1] == 40
    assert ordered(CATALOG, some, "age").tolist() == [1, 40, 5, 0]  # 3, 3 and 40.5 years, and none
    everything = np.arange(N)
    mixed = ordered(CATALOG, everything)
    assert mixed.tolist() == ordered(CATALOG, everything[::-1], MIXED).tolist()
    assert sorted(mixed.tolist()) == everything.tolist()
    assert 0 < CATALOG["label"].iloc[mixed[:20]].sum() < 20
    assert ordered(CATALOG, some, "path").tolist() == [0, 40, 1, 5]


def test_values_in_words():
    assert texts(CATALOG, "label", PNEUMONIA).tolist()[:2] == ["NORMAL", "PNEUMONIA"]
    assert texts(CATALOG, "age", PNEUMONIA).tolist()[:3] == [NOT_STATED, "3", "40.5"]
    measured = pd.DataFrame({"sharpness": [8.7654321, 0.1434, 72079.4, 1234567.0]})
    assert texts(measured, "sharpness", PNEUMONIA).tolist() == ["8.77", "0.143", "72079", "1234567"]
    assert words_of("kept.Body height") == "Body height"
