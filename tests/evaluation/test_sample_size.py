"""Sample size for the width of an interval: by hand, against the interval itself, and Buderer's formula."""

import pytest

from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.sample_size import films_needed

Z2 = 1.959963984540054**2


@pytest.mark.parametrize(
    ("rate", "half_width", "design_effect", "films"),
    [
        # at a rate of 1: z² (1 - 2d) / 2d, so 3.8415 × 0.9 / 0.1 = 34.6 and 3.8415 × 0.95 / 0.05 = 73.0
        (1.0, 0.05, 1.0, 35),
        (1.0, 0.025, 1.0, 73),
        (0.0, 0.05, 1.0, 35),
        (1.0, 0.05, 2.0, 70),  # 2 × 34.57 = 69.1
        # at one half: z² (1 - 4d²) / 4d² = 3.8415 × 0.99 / 0.01 = 380.3
        (0.5, 0.05, 1.0, 381),
        # 0.95: z² (0.0475 - 0.005 + sqrt(0.0475² + 0.0025 × 0.81)) / 0.005 = 768.29 × 0.10796 = 82.9
        (0.95, 0.05, 1.0, 83),
    ],
)
def test_films_needed_by_hand(rate, half_width, design_effect, films):
    assert films_needed(rate, half_width, design_effect=design_effect) == films


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.8, 0.95, 0.98, 0.995, 1.0])
@pytest.mark.parametrize("half_width", [0.01, 0.025, 0.05, 0.1])
def test_the_interval_is_as_narrow_as_wanted_and_with_one_film_less_it_is_not(rate, half_width):
    n = films_needed(rate, half_width)

    def half(films):
        low, high = wilson_interval(rate * films, films)
        return (high - low) / 2

    assert half(n) <= half_width < half(n - 1)


@pytest.mark.parametrize("level", [0.01, 0.5, 0.8, 0.99])
def test_at_any_level_the_interval_is_as_narrow_as_wanted(level):
    n = films_needed(0.8, 0.05, level=level)
    low, high = wilson_interval(0.8 * n, n, level=level)
    assert n == 1 or high - low <= 0.1
    low, high = wilson_interval(0.8 * (n - 1), n - 1, level=level)
    assert not high - low <= 0.1


def test_a_wide_interval_takes_a_film_at_least():
    assert films_needed(0.5, 0.499, level=0.05) == 1


def test_for_a_narrow_interval_it_is_buderers_formula():
    assert films_needed(0.9, 0.002) == pytest.approx(Z2 * 0.9 * 0.1 / 0.002**2, rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "half_width", "design_effect", "level"),
    [
        (1.1, 0.05, 1, 0.95),
        (-0.1, 0.05, 1, 0.95),
        (0.9, -0.05, 1, 0.95),
        (0.9, 0.6, 1, 0.95),
        (0.9, 0.05, 1, 0),
        (0.9, 0.05, 1, 1.5),
        (0.9, 0.0, 1, 0.95),
        (0.9, 0.5, 1, 0.95),
        (0.9, 0.05, 0.9, 0.95),
        (0.9, 0.1, 1, 1),
    ],
)
def test_an_impossible_question_is_refused(rate, half_width, design_effect, level):
    with pytest.raises(ValueError, match="half width"):
        films_needed(rate, half_width, design_effect=design_effect, level=level)
