"""The review band, against counting films one by one, scikit-learn's rates and scipy's interval."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import recall_score

from xraylab.evaluation.band import Band, BandThousand, band_of_a_thousand, review_band, workload
from xraylab.evaluation.thresholds import threshold_table

CUTS = [0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 1.0]  # at scores and between them
FILMS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.integers(0, 4)),
    max_size=30,
)


def made_up(seed=0, n=300):
    """Labels, scores with ties, and patients with several films."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.6).astype(int)
    scores = 1 / (1 + np.exp(-rng.normal(3 * labels - 1.5, 1.5)))
    return labels, scores.round(2), rng.integers(0, n // 3, n)


def wilson(successes, trials):
    return tuple(binomtest(successes, trials).proportion_ci(method="wilson"))


def counted(films, low, high):
    """Diseased films and others with a score in [low, high), one film after the other."""
    inside = [label for label, score, _ in films if low <= score < high]
    return inside.count(1), inside.count(0)


@settings(deadline=None, max_examples=300)
@given(films=FILMS, cuts=st.tuples(st.sampled_from(CUTS), st.sampled_from(CUTS)))
def test_every_film_is_in_the_zone_where_counting_puts_it(films, cuts):
    review_from, threshold = sorted(cuts)
    columns = list(zip(*films, strict=True)) or [(), (), ()]
    band = review_band(threshold_table(*columns), review_from, threshold)
    limits = {
        "above": (threshold, math.inf),
        "review": (review_from, threshold),
        "below": (-1, review_from),
    }

    for name, (low, high) in limits.items():
        zone = getattr(band, name)
        assert (zone.diseased, zone.healthy) == counted(films, low, high)
        assert zone.films == zone.diseased + zone.healthy
    shares = [getattr(band, name).share for name in limits]
    assert sum(shares) == pytest.approx(1) if films else all(math.isnan(share) for share in shares)


@settings(deadline=None, max_examples=200)
@given(films=FILMS, threshold=st.sampled_from(CUTS))
def test_the_workload_of_each_lower_cut_is_that_of_the_band_it_makes(films, threshold):
    columns = list(zip(*films, strict=True)) or [(), (), ()]
    table = threshold_table(*columns)
    curve = workload(table, threshold)

    scores = sorted({score for _, score, _ in films if score < threshold}, reverse=True)
    assert curve.review_from.tolist()[0] == threshold
    # A threshold between two scores does what the next higher one does, so none below it is left out.
    assert curve.review_from.tolist()[1:] == scores
    for i, review_from in enumerate(curve.review_from):
        band = review_band(table, review_from, threshold)
        assert (curve.films[i], curve.missed[i]) == (band.review.films, band.missed)
        np.testing.assert_equal((curve.share[i], curve.missed_rate[i]), (band.review.share, band.missed_rate))
    assert (curve.films[0], curve.missed[-1]) == (0, 0)
    assert (np.diff(curve.films) > 0).all()
    assert (np.diff(curve.missed) <= 0).all()


def test_missed_and_false_alarms_are_scikit_learns_rates_seen_from_the_other_side():
    labels, scores, patients = made_up()
    band = review_band(threshold_table(labels, scores, patients), 0.2, 0.6)

    assert band.missed_rate == pytest.approx(1 - recall_score(labels, scores >= 0.2))
    assert band.false_alarm_rate == pytest.approx(1 - recall_score(labels, scores >= 0.6, pos_label=0))
    assert 0 < band.missed < band.below.films
    assert 0 < band.false_alarms < band.above.films


def test_with_one_film_a_patient_the_intervals_are_scipys_wilson_intervals():
    labels, scores, _ = made_up(1)
    band = review_band(threshold_table(labels, scores), 0.2, 0.6)
    ill, well = int(labels.sum()), int((1 - labels).sum())

    expected = wilson(band.missed, ill)
    assert band.missed_interval == pytest.approx(expected, abs=1e-12)
    expected = wilson(band.false_alarms, well)
    assert band.false_alarm_interval == pytest.approx(expected, abs=1e-12)


def test_films_of_one_patient_are_no_further_witnesses_that_nothing_is_missed():
    labels, scores = [1] * 20 + [0] * 20, [0.9] * 20 + [0.1] * 20
    alone = review_band(threshold_table(labels, scores), 0.2, 0.6)
    shared = review_band(threshold_table(labels, scores, [i // 4 for i in range(40)]), 0.2, 0.6)

    assert alone.missed_rate == shared.missed_rate == 0
    expected = wilson(0, 20)[1]
    assert alone.missed_interval == pytest.approx((0, expected), abs=1e-12)
    expected = wilson(0, 5)[1]  # five patients
    assert shared.missed_interval == pytest.approx((0, expected), abs=1e-12)


def test_another_level_makes_wider_intervals():
    table = threshold_table(*made_up(0))
    usual, wide = review_band(table, 0.2, 0.6), review_band(table, 0.2, 0.6, level=0.99)
    assert wide.missed_interval[0] < usual.missed_interval[0]
    assert wide.missed_interval[1] > usual.missed_interval[1]
    assert wide.false_alarm_interval[1] > usual.false_alarm_interval[1]


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.5, 1.0])
def test_equal_cuts_are_an_empty_band(cut):
    labels, scores, patients = made_up(3)
    table = threshold_table(labels, scores, patients)
    band, point = review_band(table, cut, cut), table.at(cut)

    assert (band.review.films, band.review.share) == (0, 0)
    assert (band.missed, band.false_alarms) == (point.fn, point.fp)


@pytest.mark.parametrize("label", [0, 1])
def test_without_a_class_what_hangs_on_it_is_not_known(label):
    band = review_band(threshold_table([label] * 3, [0.1, 0.5, 0.9]), 0.3, 0.8)
    of_diseased = (band.missed_rate, *band.missed_interval, band.review.share_of_diseased)
    of_healthy = (band.false_alarm_rate, *band.false_alarm_interval, band.review.share_of_healthy)

    assert [math.isnan(value) for value in of_diseased] == [label == 0] * 4
    assert [math.isnan(value) for value in of_healthy] == [label == 1] * 4
    assert band.review.share == pytest.approx(1 / 3)
    curve = workload(threshold_table([label] * 3, [0.1, 0.5, 0.9]), 0.8)
    assert np.isnan(curve.missed_rate).tolist() == [label == 0] * 3
    assert curve.share.tolist() == pytest.approx([0, 1 / 3, 2 / 3])


def test_without_films_nothing_is_known():
    table = threshold_table([], [])
    band, curve = review_band(table, 0.3, 0.8), workload(table, 0.8)

    assert isinstance(band, Band)
    assert math.isnan(band.review.share)
    assert math.isnan(band.missed_rate)
    assert (curve.films.tolist(), curve.review_from.tolist()) == ([0], [0.8])
    assert np.isnan(curve.share).all()


@pytest.mark.parametrize("cuts", [(0.6, 0.5), (math.nan, 0.5), (0.5, math.nan)])
def test_cuts_that_are_none_or_the_wrong_way_round_are_refused(cuts):
    with pytest.raises(ValueError, match=r"above the threshold|cannot be NaN"):
        review_band(threshold_table(*made_up()), *cuts)


def test_a_workload_needs_a_threshold():
    with pytest.raises(ValueError, match="cannot be NaN"):
        workload(threshold_table(*made_up()), math.nan)


@pytest.mark.parametrize("review_from", [0.1, 0.3, 0.6])
def test_the_share_below_with_disease_is_one_less_the_npv(review_from):
    labels, scores, groups = made_up()
    table = threshold_table(labels, scores, groups)
    band = review_band(table, review_from, 0.6)
    below = scores < review_from
    assert (band.missed, band.below.films) == (labels[below].sum(), below.sum())
    assert band.below.diseased_share == pytest.approx(labels[below].mean())
    low, high = table.interval("npv", review_from)
    assert band.below_interval == pytest.approx((1 - high, 1 - low))
    assert band.between == band.review


@pytest.mark.parametrize("prevalence", [0.02, 0.1, 0.743])
def test_a_thousand_films_fall_into_the_zones_as_their_classes_do(prevalence):
    labels, scores, groups = made_up()
    band = review_band(threshold_table(labels, scores, groups), 0.3, 0.6)
    films = band_of_a_thousand(band, prevalence)
    assert films.above + films.between + films.below == 1000
    ill, well = scores[labels == 1], scores[labels == 0]
    expected = {
        "found": 1000 * prevalence * np.mean(ill >= 0.6),
        "reader_diseased": 1000 * prevalence * np.mean((ill >= 0.3) & (ill < 0.6)),
        "missed": 1000 * prevalence * np.mean(ill < 0.3),
        "false_alarms": 1000 * (1 - prevalence) * np.mean(well >= 0.6),
        "reader_healthy": 1000 * (1 - prevalence) * np.mean((well >= 0.3) & (well < 0.6)),
        "correctly_negative": 1000 * (1 - prevalence) * np.mean(well < 0.3),
    }
    for name, share in expected.items():
        assert abs(getattr(films, name) - share) < 1


def test_the_films_of_a_thousand_are_those_worked_by_hand():
    labels, scores = [1] * 4 + [0] * 10, [0.9, 0.9, 0.5, 0.1] + [0.9] + [0.5] * 3 + [0.1] * 6
    films = band_of_a_thousand(review_band(threshold_table(labels, scores), 0.3, 0.6), 0.1)
    assert films == BandThousand(50, 25, 25, 90, 270, 540)
    assert (films.above, films.between, films.below) == (140, 295, 565)


def test_without_one_class_nothing_is_known_of_a_thousand_films():
    assert band_of_a_thousand(review_band(threshold_table([1, 1], [0.2, 0.8]), 0.3, 0.6), 0.1) is None
