"""Two models on the same films: against the parts it is made of, and in words."""

import math

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from xraylab.errors import ComparisonError
from xraylab.evaluation.comparison import (
    Comparison,
    Scored,
    adjusted_p,
    compare,
    holm,
    verdict,
    verdict_of_all,
)
from xraylab.evaluation.intervals import Difference, auc_difference
from xraylab.evaluation.mcnemar import McNemar, mcnemar
from xraylab.evaluation.paired import RateDifference


def films(n=300, seed=2):
    """Labels, patients, and scores of a good and a worse model."""
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, n // 2, n)
    labels = rng.integers(0, 2, n)
    habit = rng.normal(0, 0.5, n // 2)[patients]
    good, worse = (rng.normal(shift * labels) + habit for shift in (2.0, 0.9))
    return labels, patients, good, worse


def scored(name, scores, threshold=0.5):
    return Scored(name, [f"film {i}" for i in range(len(scores))], scores, threshold)


def of_areas(value, low, high, p, n=782, patients=395, other="cnn"):
    """A comparison of which only the areas matter."""
    none = np.array([], np.int64)
    return Comparison(
        names=("densenet", other),
        n=n,
        patients=patients,
        auc=Difference(value, low, high, p),
        sensitivity=RateDifference(0, 0, 0),
        specificity=RateDifference(0, 0, 0),
        calls=McNemar(0, 0, math.nan, 1),
        first_only=none,
        second_only=none,
    )


def test_differences_are_those_of_scikit_learns_numbers():
    labels, patients, good, worse = films()
    found = compare(labels, patients, scored("good", good, 1.1), scored("worse", worse, 0.3))
    calls, others = good >= 1.1, worse >= 0.3

    assert (found.n, found.patients) == (300, np.unique(patients).size)
    assert found.auc.value == pytest.approx(roc_auc_score(labels, good) - roc_auc_score(labels, worse))
    for rate, label in ((found.sensitivity, 1), (found.specificity, 0)):
        one, other = (recall_score(labels, made, pos_label=label) for made in (calls, others))
        assert rate.value == pytest.approx(one - other, abs=1e-12)
        assert rate.low < rate.value < rate.high


def test_its_parts_know_the_patients():
    labels, patients, good, worse = films()
    found = compare(labels, patients, scored("good", good), scored("worse", worse))

    assert found.auc == auc_difference(labels, good, worse, patients)
    assert found.calls == mcnemar(labels, good >= 0.5, worse >= 0.5, patients)


def test_films_that_only_one_called_rightly_are_listed_by_row():
    labels, first, second = [1, 1, 0, 0, 1], [0.5, 0.4, 0.2, 0.9, 0.9], [0.4, 0.9, 0.6, 0.9, 0.9]
    found = compare(labels, None, scored("first", first), scored("second", second))

    assert found.first_only.tolist() == [0, 2]  # a score equal to the threshold is positive
    assert found.second_only.tolist() == [1]
    assert (found.calls.first_only, found.calls.second_only) == (2, 1)


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_class_the_areas_are_not_known_but_the_calls_are(label):
    found = compare([label] * 3, None, scored("first", [0.9, 0.1, 0.9]), scored("second", [0.1, 0.1, 0.1]))

    assert math.isnan(found.auc.value)
    assert math.isnan(found.specificity.value if label else found.sensitivity.value)
    assert len(found.first_only) + len(found.second_only) == 2
    assert "both classes" in verdict(found)


@pytest.mark.parametrize(
    ("mine", "others", "says"),
    [
        ("abc", "abd", "can't be compared: 1 film only one has scored, and 1 film only two"),
        ("abc", "a", "2 films only one has scored, and 0 films only two. Score the same films with both"),
        ("aab", "abb", "1 film only one has scored, and 1 film only two"),
        ("", "", "no film was scored with both. Score some films"),
    ],
)
def test_other_films_are_refused_with_what_to_do(mine, others, says):
    one, two = (
        Scored(name, list(ids), [0.5] * len(ids), 0.5) for name, ids in (("one", mine), ("two", others))
    )

    with pytest.raises(ComparisonError, match=says):
        compare([0, 1, 1][: len(mine)], None, one, two)


@pytest.mark.parametrize(
    ("others", "threshold", "fault"), [("ba", 0.5, "another order"), ("ab", math.nan, "threshold")]
)
def test_what_the_caller_got_wrong_is_no_matter_for_the_user(others, threshold, fault):
    with pytest.raises(ValueError, match=fault):
        compare([0, 1], None, Scored("one", "ab", [0, 1], 0.5), Scored("two", others, [0, 1], threshold))


@pytest.mark.parametrize(
    ("areas", "says"),
    [
        (
            (0.021, 0.004, 0.038, 0.016),
            "On these 782 films of 395 patients, densenet ranks better than cnn: its AUC is 0.021 higher, "
            "with a 95 % interval of 0.004 to 0.038.",
        ),
        (
            (-0.021, -0.038, -0.0002, 0.048),
            "On these 782 films of 395 patients, cnn ranks better than densenet: its AUC is 0.021 higher, "
            "with a 95 % interval of 0.0002 to 0.038.",
        ),
        (
            (0.004, -0.012, 0.02, 0.6),
            "These 782 films of 395 patients can't tell the two apart: the AUC of densenet less that of cnn "
            "is 0.004, and its 95 % interval, −0.012 to 0.020, includes zero.",
        ),
        (
            (0.01, 0.0, 0.02, 0.05),
            "These 782 films of 395 patients can't tell the two apart: the AUC of densenet less that of cnn "
            "is 0.010, and its 95 % interval, 0.000 to 0.020, includes zero.",
        ),
        (
            (0.25, 0.25, 0.25, math.nan),  # nothing varies: a formula without a spread names no winner
            "These 782 films of 395 patients can't tell the two apart: the AUC of densenet less that of cnn "
            "is 0.250, and nothing varies from patient to patient that would tell how certain that is.",
        ),
        (
            (0.25, math.nan, math.nan, math.nan),
            "These 782 films of 395 patients can't tell the two apart: that takes both classes, and each in "
            "two patients or more.",
        ),
    ],
)
def test_a_winner_is_named_only_where_the_interval_excludes_zero(areas, says):
    assert verdict(of_areas(*areas)) == says


def test_few_films_are_counted_as_one_says_them():
    assert "films of 1 patient can't" in verdict(of_areas(0, *[math.nan] * 3, n=5216, patients=1))


def test_the_better_of_two_models_wins_whichever_comes_first():
    labels, patients, good, worse = films()
    one, other = scored("good", good), scored("worse", worse)

    assert "good ranks better than worse" in verdict(compare(labels, patients, one, other))
    assert "good ranks better than worse" in verdict(compare(labels, patients, other, one))


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    # from multipletests(p, method="holm") of statsmodels 0.15.0, in an environment of its own, but for NaN
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.01, 0.02, 0.04], [0.03, 0.04, 0.04]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.001, 0.001, 0.9], [0.003, 0.003, 0.9]),
        ([0.03], [0.03]),
        ([0.04, math.nan, 0.01, 0.02, math.nan], [0.04, math.nan, 0.03, 0.04, math.nan]),
        ([math.nan], [math.nan]),
        ([], []),
    ],
)
def test_holms_adjustment_equals_statsmodels_and_leaves_out_nan(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("p_values", [[0.2, 1.1], [-0.1], 0.3, [[0.1]]])
def test_what_is_no_p_is_refused(p_values):
    with pytest.raises(ValueError, match="p values"):
        holm(p_values)


def test_several_pairs_are_adjusted_together():
    labels, patients, good, worse = films()
    models = [scored("good", good), scored("worse", worse), scored("copy", 2 * good)]
    pairs = [compare(labels, patients, models[i], models[j]) for i, j in ((0, 1), (0, 2), (2, 1))]
    found = adjusted_p(pairs)

    assert list(found) == [("good", "worse"), ("good", "copy"), ("copy", "worse")]
    assert math.isnan(found["good", "copy"])  # they rank alike
    assert found["good", "worse"] == pytest.approx(2 * pairs[0].auc.p)
    with pytest.raises(ValueError, match="twice"):
        adjusted_p([pairs[0], pairs[0]])


CLEAR, LIKELY, UNCERTAIN = (0.02, 0.01, 0.03, 0.001), (0.021, 0.001, 0.041, 0.04), (0.0, -0.01, 0.01, 0.9)
WORSE = (-0.02, -0.03, -0.01, 0.0001)
UNKNOWN = (0.2, math.nan, math.nan, math.nan)


def several(**areas):
    return [of_areas(*found, other=other) for other, found in areas.items()]


@pytest.mark.parametrize(
    ("adjusted", "says"),
    [
        (
            0.0496,
            "On these 782 films of 395 patients, densenet ranks better than cnn: its AUC is 0.021 higher, "
            "with a 95 % interval of 0.001 to 0.041; p is 0.0496, adjusted for 3 pairs by Holm's method.",
        ),
        (
            0.08,
            "These 782 films of 395 patients can't tell the two apart: the AUC of densenet less that of cnn "
            "is 0.021 with a 95 % interval of 0.001 to 0.041, but adjusted for 3 pairs by Holm's method p is "
            "0.080.",
        ),
        (0.05, "can't tell the two apart"),
        (math.nan, "can't tell the two apart"),
    ],
)
def test_among_several_pairs_a_winner_takes_an_adjusted_p_below_5_in_100_too(adjusted, says):
    assert says in verdict(of_areas(*LIKELY), adjusted=adjusted, pairs=3)


@pytest.mark.parametrize(
    ("areas", "says"),
    [
        (
            {"cnn": LIKELY, "resnet": UNCERTAIN},  # alone it would be told apart
            "By AUC these films can't tell cnn and resnet from densenet, on 782 films of 395 patients and "
            "adjusted for 2 pairs by Holm's method.",
        ),
        (
            {"cnn": CLEAR, "resnet": UNCERTAIN, "vit": WORSE, "mlp": UNKNOWN},
            "On these 782 films of 395 patients, adjusted for 4 pairs by Holm's method, AUC ranks vit (by "
            "0.020) better than densenet and cnn (by 0.020) worse than densenet; these films can't tell "
            "resnet and mlp from densenet.",
        ),
        (
            {"cnn": CLEAR, "resnet": CLEAR, "vit": CLEAR},
            "On these 782 films of 395 patients, adjusted for 3 pairs by Holm's method, AUC ranks cnn (by "
            "0.020), resnet (by 0.020) and vit (by 0.020) worse than densenet.",
        ),
    ],
)
def test_several_models_get_one_verdict_adjusted_for_how_many_they_are(areas, says):
    assert verdict_of_all(several(**areas)) == says


def test_one_pair_alone_is_not_adjusted():
    [pair] = several(cnn=LIKELY)
    assert verdict_of_all([pair]) == verdict(pair)
    assert "ranks better" in verdict(pair)


def test_a_verdict_of_all_needs_one_reference():
    labels, patients, good, worse = films()
    models = [scored("good", good), scored("worse", worse), scored("copy", 2 * good)]
    with pytest.raises(ValueError, match="one reference"):
        verdict_of_all([compare(labels, patients, models[i], models[j]) for i, j in ((0, 1), (2, 1))])
    with pytest.raises(ValueError, match="one reference"):
        verdict_of_all([])


@pytest.mark.parametrize(("adjusted", "named"), [(0.049, True), (0.05, False), (0.5, False), (1.0, False)])
def test_a_winner_is_named_below_an_adjusted_p_of_a_twentieth(adjusted, named):
    told = verdict(of_areas(0.02, 0.004, 0.036, 0.01), adjusted=adjusted, pairs=5)
    assert ("but adjusted for 5 pairs" in told) != named
