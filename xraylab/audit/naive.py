"""
Naive: what a split by image, which ignores patients, would have claimed.

- the training and validation films are divided twice into the same number of parts: film by film, and group
  by group of patients; each part is held out in turn, the next one chooses epoch and threshold, the others
  train
- so every film has one held-out score by each way in each draw, and the two ways differ in nothing else
- test films take no part
- here are the parts, the figures and the sentence; ``training.naive`` trains
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.jackknife import Jackknifed, difference_interval, mean_of
from xraylab.evaluation.parts import mean_area
from xraylab.files import Record
from xraylab.formats import DASH, auc, auc_interval, count, counted, interval, percent
from xraylab.stored import Count, Finite, Label

PARTS = 7  # one to test, one to validate and five to train on: 14, 14 and 71 %, as an import divides films
_TO_TRAIN = PARTS - 2
FEWEST_PATIENTS = 3 * PARTS  # of each class
TRAINING = "Training by image and by patient"  # what is done, in words; counted in trainings
Ints = NDArray[np.int64]


class Measured(Record):
    """A figure with its interval at 95 %, clustered by patient; null where there is none."""

    value: Finite
    low: Finite | None
    high: Finite | None

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval; NaN where there is none."""
        low, high = (math.nan if bound is None else bound for bound in (self.low, self.high))
        return low, high

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        low, high = self.bounds
        return low > 0 or high < 0


class Claim(Record):
    """What one way to split claims."""

    auc: Measured
    accuracy: Measured  # at the threshold that the recipe's rule chooses on each validation part


class Naive(Record):
    """A split by image against a split by patient, in the same dataset, network and recipe."""

    recipe: Label
    network: Label
    n: Count  # training and validation films
    patients: Count
    draws: Count  # each of which holds out every film once by each way
    trainings: Count  # by each way
    shared: Finite  # of films, by image: the share whose patient also has films to train on or to validate
    by_image: Claim
    by_patient: Claim
    auc: Measured  # by image minus by patient
    accuracy: Measured
    minutes: Finite
    sentence: str


@dataclass(frozen=True, eq=False)
class Way:
    """One way to divide films, and what its trainings say of the held-out films."""

    parts: Ints  # (draws, n): the part of each film
    scores: NDArray[np.float64]  # (draws, n): of each film by a training without its part
    right: NDArray[np.bool_]  # (draws, n): whether it was called rightly


def parts_of(labels: Ints, groups: Ints, draws: int, *, by_patient: bool) -> Ints:
    """Divide films into parts at random, both classes in each, (draws, n).

    Parameters
    ----------
    labels, groups : int arrays of shape (n,)
    by_patient : bool
        Whether a group stays together; it is then dealt as one case.
    """
    units = groups if by_patient else np.arange(labels.size)
    films, ill = np.bincount(units), np.bincount(units, labels).astype(np.int64)
    # Those with films of both labels lie between the others, so that each label by itself is dealt in turn.
    kinds = (ill > 0).astype(np.int64) + (ill == films)
    return np.stack([_dealt(kinds, draw)[units] for draw in range(draws)])


def _dealt(classes: Ints, seed: int) -> Ints:
    """Deal units to the parts in turn, class after class, each in a random order, (units,)."""
    shuffled = np.random.default_rng(seed).permutation(classes.size)
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    dealt = np.empty(classes.size, np.int64)
    dealt[order] = np.arange(classes.size) % PARTS
    return dealt


def can_tell(labels: Ints, groups: Ints) -> bool:
    """Return whether each class has patients enough for every part, and some patient has several films."""
    fewest = min(np.unique(groups[labels == label]).size for label in (0, 1))
    return bool(fewest >= FEWEST_PATIENTS and np.bincount(groups).max() > 1)


def shared_of(parts: Ints, groups: Ints) -> float:
    """Return the share of films whose group is also in another part, over all draws."""
    size = int(groups.max()) + 1
    all_films = np.bincount(groups, minlength=size)
    shares = []
    for part in parts:
        code = groups * PARTS + part
        here = np.bincount(code, minlength=size * PARTS)
        shares.append(float((here[code] < all_films[groups]).mean()))
    return float(np.mean(shares))


def compared(
    labels: Ints,
    groups: Ints,
    by_image: Way,
    by_patient: Way,
    *,
    recipe: str,
    network: str,
    minutes: float,
) -> Naive:
    """Compare what two ways to split claim.

    Parameters
    ----------
    labels, groups : int arrays of shape (n,)
        Groups are numbers from 0 on, all of them in use.
    by_image, by_patient : Way
        Of the same films.
    """
    ways = (by_image, by_patient)
    draws = len(by_image.parts)
    areas = [_widened(mean_area(labels, way.scores, groups, way.parts), draws) for way in ways]
    rates = [_widened(mean_of(way.right.mean(axis=0), groups), draws) for way in ways]
    claims = [
        Claim(auc=_measured(area), accuracy=_measured(rate)) for area, rate in zip(areas, rates, strict=True)
    ]
    result = Naive(
        recipe=recipe,
        network=network,
        n=labels.size,
        patients=int(groups.max()) + 1,
        draws=draws,
        trainings=draws * PARTS,
        shared=shared_of(by_image.parts, groups),
        by_image=claims[0],
        by_patient=claims[1],
        auc=_difference(areas[0], areas[1]),
        accuracy=_difference(rates[0], rates[1]),
        minutes=minutes,
        sentence="",
    )
    return result.model_copy(update={"sentence": _sentence(result)})


def _widened(figure: Jackknifed, draws: int) -> Jackknifed:
    """Widen the interval of a figure by what other films to train on would have changed.

    The influences of patients tell how the held-out films vary, as if the networks were given. The trainings
    of a draw share most of their films, so that their mean varies more than that. By Nadeau and Bengio's
    correction the variance of a mean over J = draws * PARTS trainings isn't 1 / J of that of one, but
    1 / J + (films to test) / (films to train on).

    References
    ----------
    Nadeau C, Bengio Y (2003), Machine Learning 52:239-281.
    """
    factor = 1 / draws + PARTS / _TO_TRAIN
    return replace(figure, influence=figure.influence * math.sqrt(factor))


def _measured(figure: Jackknifed) -> Measured:
    return _with(figure.value, figure.interval())


def _difference(first: Jackknifed, second: Jackknifed) -> Measured:
    return _with(first.value - second.value, difference_interval(first, second, 0.95))


def _with(value: float, bounds: tuple[float, float]) -> Measured:
    low, high = (None if math.isnan(bound) else bound for bound in bounds)
    return Measured(value=value, low=low, high=high)


def _sentence(naive: Naive) -> str:
    image, patient = naive.by_image.auc, naive.by_patient.auc
    claimed = (
        f"Split by image, the recipe “{naive.recipe}” would have claimed an AUC of {_area(image)}; split by "
        f"patient it reaches {_area(patient)}"
    )
    accuracy = (
        f"Its accuracy would have been {_rate(naive.by_image.accuracy)} in place of "
        f"{_rate(naive.by_patient.accuracy)}, a difference of {signed(naive.accuracy, points=True)} points."
    )
    return f"{claimed}: {_verdict(naive.auc)}. {accuracy}"


def _verdict(difference: Measured) -> str:
    if not difference.excludes_zero:
        may_be = f"the difference of {signed(difference)} may be chance"
        return f"{may_be}, so these films can't tell whether the split adds anything"
    return f"the split alone {'adds' if difference.value > 0 else 'takes'} {signed(difference)}"


def method(naive: Naive) -> str:
    """Say in two sentences how the comparison was made."""
    return (
        f"Means of {counted(naive.trainings, 'training')} by each way, on {count(naive.n)} training and "
        f"validation films of {counted(naive.patients, 'patient')}; the test films took no part. By image, "
        f"{percent(naive.shared)} of the held-out films were of a patient with films among the others."
    )


def signed(measured: Measured, *, points: bool = False) -> str:
    """Write a difference with its sign and its interval, as an area or in percentage points."""

    def write(value: float) -> str:
        text = f"{100 * value:+.1f}" if points else f"{value:+.4f}"
        return text.replace("-", "−")

    low, high = measured.bounds
    bounds = DASH if math.isnan(low) else f"{write(low)} to {write(high)}"
    return f"{write(measured.value)} ({bounds})"


def _area(measured: Measured) -> str:
    return f"{auc(measured.value)} ({auc_interval(*measured.bounds)})"


def _rate(measured: Measured) -> str:
    return f"{percent(measured.value)} ({interval(*measured.bounds)})"
