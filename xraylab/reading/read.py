"""
Reading a film: gate, score, decision at the lock.

- a file that can't be read is refused and has no score; an unusual film is scored, with a warning and without
  a decision
- a film for which the model gives no finite score is refused too, and the other films of its batch go on
- without a lock there is no decision; a score below the threshold never means that nothing is wrong
- if the lock has a review band, a film in it is neither positive nor negative: it needs a reader
- the kind of the finding is given after the decision only, and never takes part in it
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from xraylab.errors import UnreadableImageError
from xraylab.finite import NO_SCORE, check_finite
from xraylab.imaging import PREPROCESS_VERSION, Film, Refused
from xraylab.models import Lock, Model, decides_alike
from xraylab.networks.passes import BATCH
from xraylab.predictions import class_columns
from xraylab.reading.gate import gate, notes
from xraylab.reading.loaded import LoadedModel
from xraylab.reading.scoring import score_pixels

POSITIVE, NEGATIVE, REVIEW = "positive", "negative", "review"
_DECODERS = 2  # files decoded at once: a film of the largest size takes 2 GB meanwhile
_AHEAD_BYTES = 256 * 2**20  # of files that wait to be decoded, and of files in one batch


@dataclass(frozen=True, eq=False)
class Reading:
    """Result of one model on one film."""

    name: str  # as the user calls the file; never logged
    score: float | None  # 0 to 1; None if refused
    decision: str | None  # "positive", "negative", "review" (it needs a reader) or None
    threshold: float | None  # of the lock; None without one
    warnings: tuple[str, ...]  # what is unusual about the film, in sentences; any of them stops the decision
    refused: str | None  # why the file couldn't be read, or has no score
    synthetic: bool = False
    overridden: bool = False  # a person asked for the decision in spite of the warnings
    film: Film | None = field(default=None, repr=False)  # None if refused, or if only the result was kept
    spread: float | None = None  # disagreement between an ensemble's members; no interval of the score
    kinds: tuple[tuple[str, float], ...] = ()  # kind of the finding and its probability, given the finding
    review_from: float | None = None  # lower end of the lock's review band; None without one
    notes: tuple[str, ...] = ()  # what else to know about the film, in sentences; they stop no decision
    novelty: float = math.nan  # how unusual the film is for the model; NaN if the model can't measure it

    @property
    def subtype(self) -> tuple[tuple[str, float], ...]:
        """The kinds of the finding with their probabilities, given it; empty unless it is positive."""
        return self.kinds if self.decision == POSITIVE else ()

    def decided_anyway(self) -> "Reading":
        """Return the reading with its decision in spite of warnings, as a person asked.

        Returns
        -------
        Reading
            With ``overridden`` set; the same object if there is no score or no lock to decide by.
        """
        if self.score is None or self.threshold is None:
            return self
        decision = _decide(self.score, self.threshold, self.review_from)
        return replace(self, decision=decision, overridden=True)


@dataclass(frozen=True)
class _Scored:
    """A model's output for one film."""

    score: float
    novelty: float  # NaN if the model can't measure it
    spread: float | None
    kinds: tuple[tuple[str, float], ...]


def read_film(loaded: LoadedModel, film: Film | Refused, *, age: float | None = None) -> Reading:
    """Read one film; see ``read_films``."""
    return next(read_films(loaded, [film], age=age))


def read_films(
    loaded: LoadedModel, films: Iterable[Film | Refused], *, age: float | None = None
) -> Iterator[Reading]:
    """Read films one batch at a time; any bytes are safe.

    Parameters
    ----------
    loaded : LoadedModel
    films : iterable of Film or Refused
        Taken as they are needed: at most a batch and 256 MB ahead.
    age : float, optional
        Years, stated by a person for all of the films; the age in a file's tags is checked in any case.

    Yields
    ------
    Reading
        In order. A file that can't be read has ``refused`` set and no score.
    """
    lock = usable_lock(loaded)
    same = decides_alike(loaded.model) if lock else None
    of_lock = (same,) if same else ()
    for batch in _batches(_decoded_ahead(films)):
        scored = iter(_score(loaded, [film for film in batch if isinstance(film, Film)]))
        while batch:
            film = batch.popleft()  # taken out, so that its file is freed with its reading
            if isinstance(film, Refused):
                yield Reading(film.name, None, None, lock.threshold if lock else None, (), film.why)
            else:
                yield _reading(loaded, film, next(scored), lock, age, of_lock)


def _reading(
    loaded: LoadedModel,
    film: Film,
    scored: _Scored,
    lock: Lock | None,
    age: float | None,
    of_lock: tuple[str, ...],
) -> Reading:
    threshold, review_from = (lock.threshold, lock.review_from) if lock else (None, None)
    if not math.isfinite(scored.score):
        return Reading(film.name, None, None, threshold, (), NO_SCORE)
    undecided = Reading(
        film.name,
        scored.score,
        None,
        threshold,
        (),
        None,
        film.facts.synthetic,
        film=film,
        spread=scored.spread,
        kinds=scored.kinds,
        review_from=review_from,
        novelty=scored.novelty,
    )
    return _gated(loaded.model, film, undecided, age, of_lock)


def at_age(model: Model, film: Film, reading: Reading, age: float | None) -> Reading:
    """Return the reading of a film at another age, without the network: an age changes no score.

    Parameters
    ----------
    model : Model
        The one that made the reading.
    film : Film
        The film that was read.
    reading : Reading
        With a score.
    age : float, optional
        Years, as a person states them; None if unknown.
    """
    same = decides_alike(model) if reading.threshold is not None else None
    return _gated(model, film, replace(reading, overridden=False), age, (same,) if same else ())


def _gated(
    model: Model, film: Film, reading: Reading, age: float | None, of_lock: tuple[str, ...]
) -> Reading:
    """Return a reading with warnings and notes, decided unless it has warnings."""
    of, novelty = model.card.dataset, reading.novelty
    unusual = gate(film.standard, of.kind, shown=of.shown, novelty=novelty, age=age)
    decided = None if unusual else _decide(reading.score, reading.threshold, reading.review_from)
    return replace(
        reading,
        decision=decided,
        warnings=tuple(warning.sentence for warning in unusual),
        notes=(*of_lock, *notes(film.standard, of.kind, shown=of.shown, novelty=novelty, age=age)),
    )


def _score(loaded: LoadedModel, films: list[Film]) -> list[_Scored]:
    if not films:
        return []
    scores = score_pixels(loaded, np.stack([film.standard.pixels for film in films]))
    classes = loaded.model.card.classes
    names = [name.lower() for name in classes[1:]] if class_columns(classes) else []
    columns = zip(scores.score, scores.novelty, scores.spread, scores.kinds, strict=True)
    return [
        _Scored(
            float(score),
            float(novelty),
            None if math.isnan(spread) else float(spread),
            tuple(zip(names, map(float, kinds), strict=False)),  # with two classes there are no names
        )
        for score, novelty, spread, kinds in columns
    ]


def _batches(films: Iterator[Film | Refused]) -> Iterator[deque[Film | Refused]]:
    """Collect films until a batch is full, by number or by bytes: a reading keeps its film's file."""
    batch: deque[Film | Refused] = deque()
    size = 0
    for film in films:
        batch.append(film)
        size += _bytes_of(film)
        if len(batch) == BATCH or size >= _AHEAD_BYTES:
            yield batch
            batch, size = deque(), 0
    if batch:
        yield batch


def _decoded_ahead(films: Iterable[Film | Refused]) -> Iterator[Film | Refused]:
    """Decode films for networks, in order; the next batch is decoded while this one is scored."""
    waiting: deque[tuple[int, Future[Film | Refused]]] = deque()
    with ThreadPoolExecutor(_DECODERS) as pool:
        for film in films:
            waiting.append((_bytes_of(film), pool.submit(_decoded, film)))
            while len(waiting) > BATCH or sum(size for size, _ in waiting) > _AHEAD_BYTES:
                yield waiting.popleft()[1].result()
        while waiting:
            yield waiting.popleft()[1].result()


def _decoded(film: Film | Refused) -> Film | Refused:
    if isinstance(film, Film):
        try:
            _ = film.standard  # decoded in this thread, and kept by the film
        except UnreadableImageError as error:
            return Refused(film.name, str(error))
    return film


def _bytes_of(film: Film | Refused) -> int:
    return len(film.data) if isinstance(film, Film) else 0


def usable_lock(loaded: LoadedModel) -> Lock | None:
    """Return the model's lock; None if it is missing, or was made for other weights or another scorer."""
    lock = loaded.model.lock
    if lock is None:
        return None
    card = loaded.model.card
    made_for = (lock.model_sha256, lock.backend, lock.preprocess_version)
    return lock if made_for == (card.model_sha256, card.backend, PREPROCESS_VERSION) else None


def _decide(score: float | None, threshold: float | None, review_from: float | None) -> str | None:
    """Return the decision on a score; raise ``ScoreError`` for a number that isn't finite."""
    if score is None or threshold is None:
        return None
    # NaN fails every comparison, so it would fall through to "negative".
    check_finite(score=score, threshold=threshold, review_from=review_from)
    if score >= threshold:
        return POSITIVE
    return REVIEW if review_from is not None and score >= review_from else NEGATIVE
