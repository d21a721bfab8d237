"""
Readings: what a model says about films, as Python gets it.

- one film gives a ``FilmReading``, several give ``Readings``
- a reading keeps its film at 256 × 256 (64 kB), so that a heatmap is one call away
- for research and teaching only; a decision is never a diagnosis
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xraylab import formats
from xraylab.data.entries import printable
from xraylab.data.phantoms import burn_in
from xraylab.errors import NotFoundError, UnreadableImageError
from xraylab.evaluation.rules import rule_words
from xraylab.findings import score_of
from xraylab.front.results import Result, Rows, labelled, number
from xraylab.front.weights import Weights

if TYPE_CHECKING:
    from PIL.Image import Image

    from xraylab.models import Lock, Model
    from xraylab.reading.read import Reading


@dataclass(frozen=True, repr=False)
class DecisionLock(Result):
    """The operating point that a reading was decided at."""

    threshold: float  # a score from here up is positive
    review_from: float | None  # lower end of the review band; None without one
    rule: str
    locked_at: datetime
    after_opening: bool  # whether the test split had been opened before

    @classmethod
    def of(cls, lock: "Lock") -> "DecisionLock":
        """Copy what a result tells of a lock."""
        return cls(lock.threshold, lock.review_from, lock.rule, lock.locked_at, lock.after_opening)

    def lines(self) -> list[str]:
        """Return threshold, review band and rule as one line."""
        band = "" if self.review_from is None else f", review from {formats.score(self.review_from)}"
        return [f"{formats.score(self.threshold)} ({rule_words(self.rule)}){band}"]


@dataclass(frozen=True, repr=False)
class FilmReading(Result):
    """Reading of one film by a model.

    Attributes
    ----------
    file : str
        Path of the film, ``archive.zip::film.png`` in an archive, ``<bytes>`` for bytes.
    model : str
    finding : str
        What the score is about.
    score : float or None
        In [0, 1]; None if the film couldn't be read.
    decision : str or None
        ``positive`` at or above the threshold, ``negative`` below, ``review`` in the review band. None
        without a lock, and for a film with warnings.
    lock : DecisionLock or None
        Operating point of the decision.
    warnings : tuple of str
        What is unusual about the film; with any there is no decision.
    notes : tuple of str
        What else to know of the film; notes stop no decision.
    refused : str or None
        Why the film couldn't be read.
    calibrated : bool
        Whether the score was calibrated on the validation films, as an ensemble's is.
    spread : float or None
        Standard deviation between the models of an ensemble; not an interval of the score.
    kinds : tuple of (str, float)
        Kinds of the finding with their probabilities, given it; empty unless the decision is positive.
    synthetic : bool
        Whether the film is a teaching phantom.
    intended_use : str
    pixels : uint8 array of shape (256, 256) or None
        The film as the network gets it.
    """

    file: str
    model: str
    finding: str
    score: float | None
    decision: str | None
    lock: DecisionLock | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    refused: str | None
    calibrated: bool
    spread: float | None
    kinds: tuple[tuple[str, float], ...]
    synthetic: bool
    intended_use: str
    # compare=False: two arrays don't compare to one truth value, and the handle names this machine's home.
    pixels: NDArray[np.uint8] | None = field(repr=False, compare=False)
    weights: Weights = field(repr=False, compare=False)

    @property
    def threshold(self) -> float | None:
        """Threshold of the lock; None without a lock."""
        return self.lock.threshold if self.lock else None

    @property
    def review_from(self) -> float | None:
        """Lower end of the lock's review band; None without one."""
        return self.lock.review_from if self.lock else None

    @property
    def verdict(self) -> str:
        """The decision in words, as the screens write it."""
        if self.refused is not None:
            return f"Not read: {self.refused}"
        return formats.decision(
            self.decision, self.threshold, self.review_from, scored=score_of(self.finding)
        )[0]

    def heatmap(self, method: str = "grad-cam") -> NDArray[np.float32]:
        """Compute where in the film the score comes from.

        Parameters
        ----------
        method : str
            ``grad-cam``, ``grad-cam++``, ``hirescam``, ``layercam``, ``eigen-cam`` or ``score-cam``.

        Returns
        -------
        float32 array of shape (side, side)
            In [0, 1]; 1 is full colour. It covers the whole film, stretched to a square. All zero means that
            nothing raised the score.

        Raises
        ------
        UnreadableImageError
            If the film couldn't be read.
        NotFoundError
            If there is no such method.
        WeightsError
            If the model was replaced since the film was read.
        """
        from xraylab.reading.heatmap import METHODS, heatmap

        if method not in METHODS:
            raise NotFoundError(f"There is no method “{method}”. Choose {', '.join(METHODS)}.")
        return heatmap(self.weights.loaded(), self._film(), method)

    def overlay(self, method: str = "grad-cam") -> "Image":
        """Draw the film under its heatmap.

        Parameters
        ----------
        method : str
            As in ``heatmap``.

        Returns
        -------
        PIL.Image.Image
            RGB, 256 × 256; a phantom has a strip with SYNTHETIC below.

        Raises
        ------
        XRayLabError
            As ``heatmap``.
        """
        from PIL import Image

        from xraylab.reading.heatmap import laid_over

        # A phantom is never shown without its mark, so that nobody takes it for a patient's film.
        picture = laid_over(self._film(), self.heatmap(method))
        return Image.fromarray(burn_in(picture) if self.synthetic else picture)

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as plain JSON values, without the film itself."""
        return super().to_dict() | {
            "verdict": self.verdict,
            "threshold": self.threshold,
            "review_from": self.review_from,
            "kinds": dict(self.kinds),
        }

    def lines(self) -> list[str]:
        """Return score, decision, lock, warnings and notes, a fact per line."""
        facts = [f"{formats.visible(self.file)}, read by {self.model}"]
        if self.score is None:
            return [*facts, labelled("not read", str(self.refused)), self.intended_use]
        # The detail says why there is no decision, or that no other finding was looked for.
        words, detail = formats.decision(
            self.decision, self.threshold, self.review_from, scored=score_of(self.finding)
        )
        decision = labelled("decision", f"{words}. {detail}".strip() if detail else f"{words}.")
        score = f"{formats.score(self.score)}, {self._calibration()}"
        # The score of a film that isn't decided stands last, so that it isn't read as a decision.
        undecided = [] if self.decision else [labelled("no decision, score", score)]
        facts += [decision] if undecided else [labelled("score", score), decision]
        if self.lock is not None:
            facts.append(labelled("lock", repr(self.lock)))
        if self.kinds:
            shares = ", ".join(f"{name} {formats.percent(share)}" for name, share in self.kinds)
            facts.append(labelled("kind", f"{shares}, given {self.finding}"))
        facts += [labelled("warning", sentence) for sentence in self.warnings]
        facts += [labelled("note", sentence) for sentence in self.notes]
        return [*facts, *undecided, self.intended_use]

    def _calibration(self) -> str:
        calibration = "calibrated on validation" if self.calibrated else "not calibrated"
        if self.spread is None:
            return calibration
        return f"{calibration}; disagreement between models {formats.score(self.spread)}"

    def _film(self) -> NDArray[np.uint8]:
        if self.pixels is None:
            raise UnreadableImageError(f"{self.file} has no heatmap, since it couldn't be read.")
        return self.pixels


@dataclass(frozen=True, repr=False)
class Readings(Rows[FilmReading]):
    """Readings of several films by one model, in the order of the films."""

    model: str
    columns: ClassVar[tuple[str, ...]] = (
        *("file", "score", "decision", "threshold", "review_from", "warnings", "notes", "refused"),
        *("spread", "calibrated", "synthetic", "model"),
    )

    def cells(self, result: FilmReading) -> tuple[Any, ...]:
        """Return one reading as a row of the frame."""
        return (
            *(result.file, number(result.score), result.decision, number(result.threshold)),
            *(number(result.review_from), " ".join(result.warnings), " ".join(result.notes), result.refused),
            *(number(result.spread), result.calibrated, result.synthetic, result.model),
        )

    def title(self) -> str:
        """Return how many films were read, and by which model."""
        refused = sum(result.score is None for result in self.results)
        ending = f", {refused} of them not readable" if refused else ""
        use = self.results[0].intended_use if self.results else ""
        return f"{len(self)} {'film' if len(self) == 1 else 'films'} by {self.model}{ending}. {use}".strip()

    def brief(self, result: FilmReading) -> str:
        """Return score, name of the file without its folder, and decision in words."""
        undecided = result.score is None or result.decision is None
        score = formats.DASH if undecided or result.score is None else formats.score(result.score)
        return f"{score:>6}  {formats.visible(PurePath(result.file).name)}  {result.verdict}"


def film_reading(reading: "Reading", model: "Model", lock: "Lock | None", weights: Weights) -> FilmReading:
    """Turn a reading of the room below into one for Python."""
    return FilmReading(
        file=printable(reading.name),  # a name on Linux may hold bytes that no JSON can carry
        model=model.name,
        finding=model.card.finding.name,
        score=reading.score,
        decision=reading.decision,
        lock=None if lock is None else DecisionLock.of(lock),
        warnings=reading.warnings,
        notes=reading.notes,
        refused=reading.refused,
        calibrated=model.card.calibrated,
        spread=reading.spread,
        kinds=reading.subtype,  # not reading.kinds: without a positive decision kinds mean nothing
        synthetic=reading.synthetic,
        intended_use=model.card.intended_use,
        # Only the small film is kept: files and decoded pictures of a list would fill the memory.
        pixels=None if reading.film is None else reading.film.standard.pixels,
        weights=weights,
    )
