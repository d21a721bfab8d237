"""
Averaging: combine the calibrated probabilities of several models into one.

- each member's logit is calibrated first, so that a confident member doesn't outvote a careful one
- probabilities are averaged, not logits; their mean is calibrated again, since averages lean to the middle
- a single model is an average of one, and its scores stay the same to the last bit
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.calibration import AS_IS, Platt
from xraylab.finite import only_finite

Floats = NDArray[np.float64]


def probability(logit: Floats) -> Floats:
    """Return the sigmoid of logits: float64 probabilities in [0, 1], without overflow at either end."""
    return np.exp(_log_probability(logit))


@dataclass(frozen=True, eq=False)
class Averaged:
    """Combined scores of n films by k members."""

    logit: Floats  # (n,)
    spread: Floats  # (n,) standard deviation (k - 1) of the members' probabilities; NaN if k is 1
    shares: Floats  # (k, n) share of each member in the mean probability; adds up to 1 over members

    @property
    def score(self) -> Floats:
        """Scores in [0, 1], (n,)."""
        return probability(self.logit)

    def given_finding(self, kinds: Floats) -> Floats:
        """Average the members' probabilities of the kinds, weighted by how likely each finds it.

        Parameters
        ----------
        kinds : float64 array of shape (k, n, kinds)
            Probability of each kind, given the finding, by each member.

        Returns
        -------
        float64 array of shape (n, kinds)
            The same as averaging the members' unconditional probabilities of each kind.
        """
        mean: Floats = (self.shares[..., None] * kinds).sum(axis=0)
        return mean


@dataclass(frozen=True)
class Averaging:
    """Calibrations that turn the logits of members into one: one per member, and one of their mean."""

    members: tuple[Platt, ...] = (AS_IS,)
    final: Platt = AS_IS

    def of(self, logits: Floats) -> Averaged:
        """Average the logits of the members, film by film.

        Parameters
        ----------
        logits : float64 array of shape (k, n)
            Raw logits of the members' networks; NaN for a film that a member couldn't score.

        Returns
        -------
        Averaged
            NaN for a film for which a member has no finite logit: a mean without it would be that of another
            ensemble.
        """
        finite = only_finite(logits)
        with np.errstate(over="ignore"):  # a logit that becomes infinite here has no score either
            rows = [platt.apply(row) for platt, row in zip(self.members, finite, strict=True)]
        calibrated = only_finite(np.stack(rows))
        logs = _log_probability(calibrated)
        total = _log_sum(logs)
        if len(calibrated) == 1:
            mean, spread = calibrated[0], np.full(calibrated.shape[1], np.nan)
        else:
            # The logit of the mean probability: log of the sum of p less log of the sum of 1 - p.
            mean = total - _log_sum(_log_probability(-calibrated))
            spread = np.exp(logs).std(axis=0, ddof=1)
        return Averaged(only_finite(self.final.apply(mean)), spread, np.exp(logs - total))


ALONE = Averaging()  # for a model that isn't an ensemble


def _log_probability(logit: Floats) -> Floats:
    """Return the logarithm of the sigmoid, exact also where the probability would round to 0 or 1."""
    with np.errstate(invalid="ignore"):  # NaN in, NaN out: a film without a score is no error
        log: Floats = -np.logaddexp(0.0, -logit)
    return log


def _log_sum(logs: Floats) -> Floats:
    """Return the logarithm of the sum over members, (n,), from (k, n) logarithms."""
    with np.errstate(invalid="ignore"):
        total: Floats = np.logaddexp.reduce(logs, axis=0)
    return total
