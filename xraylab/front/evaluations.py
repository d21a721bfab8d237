"""Evaluations: how well a model does on labelled films at its lock, with 95 % intervals by patient."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xraylab import documents, formats
from xraylab.front.results import Measure, Result, labelled

if TYPE_CHECKING:
    import pandas as pd

_RATES = ("sensitivity", "specificity", "ppv", "npv", "f1", "accuracy")
_WITHOUT_INTERVAL = ("average_precision", "balanced_accuracy", "kappa", "brier", "ece")


@dataclass(frozen=True, repr=False)
class Counts(Result):
    """Films by truth and call; a film with the finding is positive."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def films(self) -> int:
        """Number of all films."""
        return self.tp + self.fp + self.tn + self.fn


@dataclass(frozen=True, repr=False)
class BandZone(Result):
    """Films above, between or below the two thresholds of a review band."""

    films: int
    share: float  # of all films
    positives: int  # films with the finding
    negatives: int


@dataclass(frozen=True, repr=False)
class ReviewBand(Result):
    """Films above, in and below a lock's review band.

    Attributes
    ----------
    review_from : float
        Films that score from here up to the threshold need a reader.
    above, between, below : BandZone
        Films between the two thresholds need a reader.
    below_positive : int
        Films with the finding below both thresholds.
    below_positive_share : Measure
        Their share of all films below.
    missed : int
        The same films as ``below_positive``.
    missed_rate : Measure
        Their share of all films with the finding.
    false_alarms : int
        Films without the finding above both thresholds.
    false_alarm_rate : Measure
        Their share of all films without it.
    """

    review_from: float
    above: BandZone
    between: BandZone
    below: BandZone
    below_positive: int
    below_positive_share: Measure
    missed: int
    missed_rate: Measure
    false_alarms: int
    false_alarm_rate: Measure

    @property
    def review(self) -> BandZone:
        """The same films as ``between``."""
        return self.between

    def lines(self) -> list[str]:
        """Return the films above, between and below, and those below with the finding, as one line."""
        return [
            f"from {formats.score(self.review_from)}: {self.above.films} films above, {self.between.films} "
            f"need a reader ({formats.percent(self.between.share)}), {self.below.films} below, "
            f"{self.below_positive} of these with the finding, share {self.below_positive_share!r}"
        ]


@dataclass(frozen=True, repr=False)
class Evaluation(Result):
    """Figures of a model on labelled films at its lock.

    Attributes
    ----------
    model, data : str
    finding : str
        What a positive film shows.
    split : str or None
        ``validation``, ``test`` or ``train``; None for a folder or archive, which is scored whole.
    counts : Counts
        Films by truth and call at the threshold.
    patients : int
    refused : int
        Files that couldn't be read.
    warned : int or None
        Films with warnings; None if only stored scores were there.
    threshold : float
        A score from here up is positive.
    auc, sensitivity, specificity, ppv, npv, f1, accuracy : Measure
        With 95 % intervals, clustered by patient.
    average_precision, balanced_accuracy, kappa, brier, ece : float
        NaN if there is nothing to divide by.
    test_openings : int
        Openings of these films on record, for any model and under any name.
    used : int
        Films that the model was made from; left out of the figures unless they were asked for.
    overlap : str
        A sentence on these films, or on what isn't known of them; empty if there is nothing to say.
    is_test : bool
        Whether these are films of a test split, and the model was made from none of them.
    lock_after_opening : bool
        Whether the test split had been opened before the lock was made; then it is no longer unseen.
    band : ReviewBand or None
        None if the lock has no review band.
    """

    model: str
    data: str
    finding: str
    split: str | None
    counts: Counts
    patients: int
    refused: int
    warned: int | None
    threshold: float
    auc: Measure
    sensitivity: Measure
    specificity: Measure
    ppv: Measure
    npv: Measure
    f1: Measure
    accuracy: Measure
    average_precision: float
    balanced_accuracy: float
    kappa: float
    brier: float
    ece: float
    test_openings: int
    used: int
    overlap: str
    is_test: bool
    lock_after_opening: bool
    band: ReviewBand | None

    def frame(self) -> "pd.DataFrame":
        """Return a pandas frame with one row per measure: ``value``, ``low`` and ``high``."""
        import pandas as pd

        measures = {name: getattr(self, name) for name in ("auc", *_RATES)}
        # The document has no intervals for these.
        measures |= {name: Measure(getattr(self, name)) for name in _WITHOUT_INTERVAL}
        rows = [(measure.value, measure.low, measure.high) for measure in measures.values()]
        return pd.DataFrame(rows, columns=["value", "low", "high"], index=pd.Index(measures, name="measure"))

    def lines(self) -> list[str]:
        """Return films, AUC, the rates at the threshold and what limits them, a fact per line."""
        part = f", {self.split} split" if self.split else ""
        lines = [
            f"{self.model} on {formats.visible(self.data)}{part}: {formats.count(self.counts.films)} films, "
            f"{formats.count(self.patients)} patients",
            labelled("threshold", formats.score(self.threshold)),
            labelled("AUC", repr(self.auc)),
            *(
                labelled(name.upper() if name in ("ppv", "npv", "f1") else name, repr(getattr(self, name)))
                for name in _RATES
            ),
            labelled("missed", f"{self.counts.fn} of {self.counts.tp + self.counts.fn} with {self.finding}"),
            labelled("false alarms", f"{self.counts.fp} of {self.counts.fp + self.counts.tn} without"),
        ]
        if self.band is not None:
            lines.append(labelled("review band", repr(self.band)))
        if self.refused:
            lines.append(labelled("not readable", f"{self.refused} files"))
        if self.overlap:
            lines.append(self.overlap)
        # Without this line the numbers would look like those of films that played no part in the choice.
        if self.lock_after_opening:
            lines.append("The threshold was locked after the test split had been opened.")
        return [*lines, "Intervals at 95 %, clustered by patient. Research and teaching only."]


def evaluation(document: documents.Evaluated) -> Evaluation:
    """Turn the document of an evaluation into a result."""
    (tn, fp), (fn, tp) = document.confusion  # rows by truth, columns by call

    def rate(name: str) -> Measure:
        # The document calls PPV precision, after scikit-learn.
        field = "precision" if name == "ppv" else name
        return Measure(getattr(document, field), *document.intervals[field])

    return Evaluation(
        model=document.model,
        data=document.data,
        finding=document.finding,
        split=document.split,
        counts=Counts(tp, fp, tn, fn),
        patients=document.patients,
        refused=document.refused,
        warned=document.warned,
        threshold=document.threshold,
        auc=Measure(document.auc, *document.auc_ci),
        **{name: rate(name) for name in _RATES},
        average_precision=document.average_precision,
        balanced_accuracy=document.balanced_accuracy,
        kappa=document.kappa,
        brier=document.brier,
        ece=document.ece,
        test_openings=document.test_openings,
        used=document.overlap.used if document.overlap else 0,
        overlap=document.overlap.sentence if document.overlap else "",
        is_test=document.is_test,
        lock_after_opening=document.lock_after_opening,
        band=None if document.band is None else _band(document.band),
    )


def _band(band: documents.ReviewBand) -> ReviewBand:
    return ReviewBand(
        review_from=band.review_from,
        above=_zone(band.above),
        between=_zone(band.between),
        below=_zone(band.below),
        below_positive=band.below_positive,
        below_positive_share=Measure(band.below_positive_share, *band.below_positive_ci),
        missed=band.missed,
        missed_rate=Measure(band.missed_rate, *band.missed_ci),
        false_alarms=band.false_alarms,
        false_alarm_rate=Measure(band.false_alarm_rate, *band.false_alarm_ci),
    )


def _zone(zone: documents.BandZone) -> BandZone:
    return BandZone(zone.films, zone.share, zone.positives, zone.negatives)
