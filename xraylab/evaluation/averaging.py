"""
Averaging: the probabilities of several models as one.

- each member's logit is calibrated first, so that a confident member doesn't outvote a careful one
- what is averaged is probabilities; their mean is calibrated again, since averages lean to the middle
- a model by itself is an average of one, and comes out as it went in, to the last bit
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.calibration import AS_IS, Platt

Floats = NDArray[np.float64]


def probability(logit: Floats) -> Floats:
    """Sigmoid: probabilities in [0, 1] from logits, float64, without overflow at either end."""
    return np.exp(_log_probability(logit))


@dataclass(frozen=True, eq=False)
class Averaged:
    """What k members make of n films together."""

    logit: Floats  # (n,)
    spread: Floats  # (n,) standard deviation (k - 1) of the members' probabilities; NaN for one
    shares: Floats  # (k, n) how much of the mean probability is each member's; they add up to 1

    @property
    def score(self) -> Floats:
        """(n,) in [0, 1]."""
        return probability(self.logit)

    def given_pneumonia(self, kinds: Floats) -> Floats:
        """Mean of what members say about the kind of pneumonia, each heard as far as it sees one.

        Parameters
        ----------
        kinds : float64 array of shape (k, n, kinds)
            Probability of each kind, given pneumonia, by each member.

        Returns
        -------
        float64 array of shape (n, kinds)
            As if the members' probabilities of the kinds themselves were averaged.
        """
        mean: Floats = (self.shares[..., None] * kinds).sum(axis=0)
        return mean


@dataclass(frozen=True)
class Averaging:
    """How the logits of members become one: a calibration each, and one of their mean."""

    members: tuple[Platt, ...] = (AS_IS,)
    final: Platt = AS_IS

    def of(self, logits: Floats) -> Averaged:
        """Average members.

        Parameters
        ----------
        logits : float64 array of shape (k, n)
            As the members' networks give them; NaN for a film that a member couldn't score.
        """
        calibrated = np.stack([platt.apply(row) for platt, row in zip(self.members, logits, strict=True)])
        logs = _log_probability(calibrated)
        total = _log_sum(logs)
        if len(calibrated) == 1:
            mean, spread = calibrated[0], np.full(calibrated.shape[1], np.nan)
        else:
            mean = total - _log_sum(_log_probability(-calibrated))
            spread = np.exp(logs).std(axis=0, ddof=1)
        return Averaged(self.final.apply(mean), spread, np.exp(logs - total))


ALONE = Averaging()  # of a model that isn't an ensemble


def _log_probability(logit: Floats) -> Floats:
    """Logarithm of the sigmoid; near 0 and 1 it keeps what the probability itself would lose."""
    with np.errstate(invalid="ignore"):  # NaN in, NaN out: a film without a score is no fault
        log: Floats = -np.logaddexp(0.0, -logit)
    return log


def _log_sum(logs: Floats) -> Floats:
    """(n,) logarithm of the sum over members, from (k, n) logarithms."""
    with np.errstate(invalid="ignore"):
        total: Floats = np.logaddexp.reduce(logs, axis=0)
    return total
