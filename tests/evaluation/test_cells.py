import numpy as np
import pytest

from xraylab.evaluation.cells import CELLS, REVIEW_CELLS, cases
from xraylab.evaluation.thresholds import threshold_table

LABELS = np.array([1, 0, 1, 0, 1, 0, 1], dtype=np.int8)
SCORES = np.array([0.9, 0.8, 0.2, 0.1, 0.5, 0.5, 0.3])
ALL = (*CELLS, *REVIEW_CELLS)


@pytest.mark.parametrize(
    ("cell", "rows"),
    [
        ("tp", [4, 0]),  # a score equal to the threshold is positive; the nearly missed first
        ("fn", [2, 6]),  # the lowest score is the worst miss
        ("fp", [1, 5]),  # the highest is the worst alarm
        ("tn", [3]),
    ],
)
def test_films_of_a_cell_come_worst_first(cell, rows):
    assert cases(LABELS, SCORES, 0.5, cell).tolist() == rows


def test_the_cells_share_all_films_out_as_the_table_counts_them():
    rng = np.random.default_rng(5)
    labels, scores = rng.integers(0, 2, 300).astype(np.int8), rng.random(300).round(2)
    table = threshold_table(labels, scores)
    for threshold in (0.0, 0.37, 0.5, 1.0):
        found = {cell: cases(labels, scores, threshold, cell) for cell in CELLS}
        point = table.at(threshold)
        assert {cell: len(rows) for cell, rows in found.items()} == {c: getattr(point, c) for c in CELLS}
        assert sorted(np.concatenate(list(found.values()))) == list(range(300))


def test_films_that_score_alike_keep_their_order():
    assert cases(np.ones(3, np.int8), np.full(3, 0.2), 0.5, "fn").tolist() == [0, 1, 2]


def test_an_unknown_cell_is_the_callers_mistake():
    with pytest.raises(ValueError, match="'missed'; there are tp, fn, fp, tn"):
        cases(LABELS, SCORES, 0.5, "missed")


def test_a_review_band_takes_its_films_from_the_missed_and_the_rightly_below():
    rows = {cell: cases(LABELS, SCORES, 0.8, cell, review_from=0.3).tolist() for cell in ALL}
    assert rows == {"tp": [0], "fn": [2], "fp": [1], "tn": [3], "rp": [6, 4], "rn": [5]}


def test_without_a_band_nobody_needs_a_reader():
    assert not any(cases(LABELS, SCORES, 0.5, cell).size for cell in REVIEW_CELLS)


def test_a_band_above_the_threshold_is_refused():
    with pytest.raises(ValueError, match="above the threshold"):
        cases(LABELS, SCORES, 0.5, "fn", review_from=0.6)
