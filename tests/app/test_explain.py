"""What the Read screen says of a heatmap and of where a score stands."""

import math

import numpy as np
import pytest

from xraylab import actions
from xraylab.app.screens.read import explain
from xraylab.evaluation.thresholds import threshold_table
from xraylab.findings import PNEUMONIA
from xraylab.reading.faithfulness import Faithfulness
from xraylab.reading.heatmap import Heatmap


@pytest.fixture
def table():
    return threshold_table([0, 0, 0, 1, 1], [0.0, 0.01, 0.5, 0.99, 1.0])


def test_films_of_one_class_only_are_drawn_without_a_number_that_is_none():
    drawn = explain.standing(threshold_table([1, 1], [0.2, 0.9]), 0.5, [])
    assert "nan" not in drawn.lower()
    assert "dashed" not in drawn


def test_the_film_and_both_cuts_are_marked(table):
    drawn = explain.standing(table, 1.0, [0.2, 0.6])
    assert drawn.count('class="cut"') == 2
    assert "you are here" in drawn
    assert 'class="here" style="left:100.0%' in drawn
    assert "<svg" not in drawn  # Streamlit takes drawings out of what it is given as HTML
    assert "dashed: thresholds" in drawn


@pytest.mark.parametrize(
    ("fixed", "top", "said"),
    [
        (True, 0.5, "the same on every film"),
        (False, 1.0, "no fixed scale"),
        (True, 0.0, "blank: nothing in the film raised"),
    ],
)
def test_a_heatmap_tells_its_method_grid_and_scale(fixed, top, said):
    drawn = Heatmap("grad-cam", np.full((8, 8), top, np.float32), ((7, 7),), fixed)
    words = actions.drawn_heatmap(drawn, PNEUMONIA).words
    assert said in words
    assert "Grad-CAM on the network's own grid of 7 × 7" in words
    assert ("blank" in words) is math.isclose(top, 0)


def test_faithfulness_is_a_count_and_never_being_right():
    words = explain.faithful_words(Faithfulness(1.0, (0.5, 2.0, 0.1, 0.0)))
    assert "more than 3 of 4 smooth random maps (0.75; 0.50 is chance)" in words
    assert "doesn't show whether the model is right about the patient" in words
    assert "blank" in explain.faithful_words(None)
