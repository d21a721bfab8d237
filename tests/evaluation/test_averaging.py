import numpy as np
import pytest
from scipy.special import expit, logit

from xraylab.evaluation.averaging import ALONE, Averaging, probability
from xraylab.evaluation.calibration import Platt

THREE = Averaging((Platt(2, 0.5), Platt(0.5, -1), Platt(1, 0)), Platt(1.5, 0.2))


@pytest.fixture
def logits():
    return np.random.default_rng(0).normal(size=(3, 40)) * 3


def test_the_mean_of_calibrated_probabilities_is_calibrated_again(logits):
    members = expit(np.stack([2 * logits[0] + 0.5, 0.5 * logits[1] - 1, logits[2]]))
    averaged = THREE.of(logits)
    np.testing.assert_allclose(averaged.score, expit(1.5 * logit(members.mean(axis=0)) + 0.2), atol=1e-12)
    np.testing.assert_allclose(averaged.spread, np.std(members, axis=0, ddof=1), atol=1e-15)
    np.testing.assert_allclose(averaged.shares, members / members.sum(axis=0), atol=1e-12)


def test_kinds_are_averaged_as_probabilities_of_their_own(logits):
    kinds = np.random.default_rng(1).dirichlet([1, 1], (3, 40))
    members = probability(np.stack([p.apply(row) for p, row in zip(THREE.members, logits, strict=True)]))
    joint = (members[..., None] * kinds).mean(axis=0)
    expected = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(THREE.of(logits).given_finding(kinds), expected, atol=1e-12)


def test_a_model_by_itself_comes_out_as_it_went_in(logits):
    averaged = ALONE.of(logits[:1])
    assert averaged.logit.tobytes() == logits[0].tobytes()
    assert np.isnan(averaged.spread).all()
    assert (averaged.shares == 1).all()


def test_equal_members_agree_and_logits_beyond_any_probability_stay_numbers():
    extreme = np.array([[-2000.0, -800, 0, 800, 2000]] * 2)
    averaged = Averaging((Platt(), Platt()), Platt()).of(extreme)
    np.testing.assert_allclose(averaged.logit, extreme[0], rtol=1e-12)
    assert averaged.spread.tolist() == [0] * 5
    np.testing.assert_allclose(averaged.shares, 0.5, atol=1e-12)


def test_a_film_that_a_member_could_not_score_has_no_score():
    averaged = Averaging((Platt(), Platt()), Platt()).of(np.array([[1.0, 2.0], [np.nan, 2.0]]))
    assert np.isnan(averaged.score).tolist() == [True, False]
    assert np.isnan(averaged.spread).tolist() == [True, False]


def test_as_many_calibrations_as_members_are_needed(logits):
    with pytest.raises(ValueError, match="shorter"):
        THREE.of(logits[:2])
