"""
The review band: two thresholds ("cuts"); the films between them need a reader.

- above: score >= threshold; needs a reader: review_from <= score < threshold; below: score < review_from
- films below both cuts are never called "cleared": the cases missed there are counted, with an interval
- equal cuts make an empty band: every film is then above or below
- both cuts are chosen on validation, and locked together
- the rates of an operating point stay those of all films at ``threshold``; a band stands next to them
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.evaluation.prevalence import checked_prevalence, whole_thousand
from xraylab.evaluation.thresholds import ThresholdTable

Interval = tuple[float, float]


@dataclass(frozen=True)
class Zone:
    """Films in one zone of the scale, counted by class; every share is derived."""

    diseased: int  # films in the zone
    healthy: int
    all_diseased: int  # films in all three zones
    all_healthy: int

    @property
    def films(self) -> int:
        """Number of films in the zone."""
        return self.diseased + self.healthy

    @property
    def share(self) -> float:
        """Share of all films that lie in the zone; NaN without films."""
        return _ratio(self.films, self.all_diseased + self.all_healthy)

    @property
    def diseased_share(self) -> float:
        """Share of the films in the zone that are diseased; NaN if the zone is empty."""
        return _ratio(self.diseased, self.films)

    @property
    def share_of_diseased(self) -> float:
        """Share of the diseased films that lie in the zone; NaN if there are none."""
        return _ratio(self.diseased, self.all_diseased)

    @property
    def share_of_healthy(self) -> float:
        """Share of the films without disease that lie in the zone; NaN if there are none."""
        return _ratio(self.healthy, self.all_healthy)


@dataclass(frozen=True)
class Band:
    """Films above, between and below two cuts; intervals are clustered by patient."""

    review_from: float
    threshold: float
    above: Zone
    review: Zone  # needs a reader
    below: Zone
    missed_interval: Interval  # of missed_rate
    false_alarm_interval: Interval  # of false_alarm_rate
    below_interval: Interval  # of below.diseased_share, at the prevalence of these films

    @property
    def between(self) -> Zone:
        """Films between the two cuts, which need a reader."""
        return self.review

    @property
    def missed(self) -> int:
        """Diseased films below both cuts: neither called positive nor given to a reader."""
        return self.below.diseased

    @property
    def missed_rate(self) -> float:
        """Share of the diseased films that are missed: 1 - sensitivity at ``review_from``."""
        return self.below.share_of_diseased

    @property
    def false_alarms(self) -> int:
        """Films without disease above both cuts."""
        return self.above.healthy

    @property
    def false_alarm_rate(self) -> float:
        """Share of the films without disease that are false alarms: 1 - specificity at ``threshold``."""
        return self.above.share_of_healthy


@dataclass(frozen=True)
class BandThousand:
    """The films of a thousand in each zone, by class; all six counts add up to 1,000."""

    found: int  # with disease, above
    reader_diseased: int  # with disease, between
    missed: int  # with disease, below
    false_alarms: int  # without disease, above
    reader_healthy: int
    correctly_negative: int

    @property
    def above(self) -> int:
        """Number of films at or above the threshold."""
        return self.found + self.false_alarms

    @property
    def between(self) -> int:
        """Number of films that need a reader."""
        return self.reader_diseased + self.reader_healthy

    @property
    def below(self) -> int:
        """Number of films below both cuts."""
        return self.missed + self.correctly_negative


@dataclass(frozen=True, eq=False)
class Workload:
    """Films to read and cases missed for each possible lower cut, at one upper threshold."""

    threshold: float
    review_from: NDArray[np.float64]  # (k,) falling: the threshold itself, then each score below it
    films: NDArray[np.int64]  # (k,) rising from 0: films a reader must see
    missed: NDArray[np.int64]  # (k,) falling to 0: diseased films below
    all_films: int
    all_diseased: int

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of all films that a reader must see, (k,); NaN without films."""
        return _ratios(self.films, self.all_films)

    @property
    def missed_rate(self) -> NDArray[np.float64]:
        """Share of the diseased films that are missed, (k,); NaN if there are none."""
        return _ratios(self.missed, self.all_diseased)


def review_band(table: ThresholdTable, review_from: float, threshold: float, *, level: float = 0.95) -> Band:
    """Count the films above, between and below two cuts.

    Parameters
    ----------
    table : ThresholdTable
        With one class only, or no films, the unknown rates are NaN.
    review_from, threshold : float
        The lower and the upper cut, review_from <= threshold.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    Band
        ``missed_interval`` is 1 less the interval of sensitivity at ``review_from``;
        ``false_alarm_interval`` is 1 less that of specificity at ``threshold``, and ``below_interval`` 1 less
        that of the NPV at ``review_from``.

    Raises
    ------
    ValueError
        If a cut is NaN, or the lower one is above the upper.
    """
    upper, lower = table.at(threshold), table.at(review_from)
    if review_from > threshold:
        raise ValueError(f"review_from is {review_from}, above the threshold of {threshold}")

    def zone(diseased: int, healthy: int) -> Zone:
        return Zone(diseased, healthy, table.positives, table.negatives)

    return Band(
        review_from,
        threshold,
        above=zone(upper.tp, upper.fp),
        review=zone(lower.tp - upper.tp, lower.fp - upper.fp),
        below=zone(lower.fn, lower.tn),
        missed_interval=_complement(table.interval("sensitivity", review_from, level=level)),
        false_alarm_interval=_complement(table.interval("specificity", threshold, level=level)),
        below_interval=_complement(table.interval("npv", review_from, level=level)),
    )


def band_of_a_thousand(band: Band, prevalence: float) -> BandThousand | None:
    """Return the films expected in each zone among 1,000, if the shares of each class stay as measured.

    Parameters
    ----------
    band : Band
    prevalence : float
        Share of films with disease, in (0, 1).

    Returns
    -------
    BandThousand or None
        Counts are rounded by largest remainder, so that they add up to 1,000. None if a class is missing.

    Raises
    ------
    ValueError
        If the prevalence is outside (0, 1).
    """
    ill = checked_prevalence(prevalence)
    zones = band.above, band.review, band.below
    if not band.below.all_diseased or not band.below.all_healthy:
        return None
    # In this order, as in the browser: among equal remainders the first count is rounded up.
    return BandThousand(
        *whole_thousand(
            [1000 * ill * zone.diseased / zone.all_diseased for zone in zones]
            + [1000 * (1 - ill) * zone.healthy / zone.all_healthy for zone in zones]
        )
    )


def workload(table: ThresholdTable, threshold: float) -> Workload:
    """Tabulate, for every lower cut up to a threshold, the films to read and the cases missed.

    Parameters
    ----------
    table : ThresholdTable
    threshold : float
        The upper cut.

    Returns
    -------
    Workload
        The first entry is the empty band, the last the lowest score, below which no film is left. A cut
        between two scores acts like the next higher score.

    Raises
    ------
    ValueError
        If the threshold is NaN.
    """
    first = table.row(threshold)
    called = table.tp[first:] + table.fp[first:]
    return Workload(
        threshold,
        review_from=np.append(threshold, table.threshold[first + 1 :]),
        films=called - called[0],
        missed=table.positives - table.tp[first:],
        all_films=table.n,
        all_diseased=table.positives,
    )


def _complement(interval: Interval) -> Interval:
    """Return the interval of 1 - rate from that of a rate."""
    low, high = interval
    return 1 - high, 1 - low


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _ratios(parts: NDArray[np.int64], whole: int) -> NDArray[np.float64]:
    return parts / whole if whole else np.full(parts.shape, np.nan)
