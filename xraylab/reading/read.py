"""
Reading a film: gate, score, decision at the lock.

- what can't be read is refused and has no score; what is unusual is scored, warned of, and not decided
- no lock, no decision; a score below the threshold never means that nothing is wrong
- where the lock has a review band, a film in it is neither positive nor negative: it needs a reader
- the kind of pneumonia is told after the decision only, and never takes part in it
"""

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import UnreadableImageError
from xraylab.imaging import PREPROCESS_VERSION, StandardFilm, standardise
from xraylab.models import Lock
from xraylab.networks.inference import BATCH
from xraylab.predictions import class_columns
from xraylab.reading.gate import gate, notes
from xraylab.reading.loaded import LoadedModel
from xraylab.reading.scoring import score_pixels

POSITIVE, NEGATIVE, REVIEW = "positive", "negative", "review"
_DECODERS = 2  # files decoded at once: one of the largest that are read takes 2 GB meanwhile
_AHEAD_BYTES = 256 * 2**20  # of files that wait to be decoded


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model says about one film."""

    name: str  # as the user calls the file; never logged
    score: float | None  # 0 to 1; None if refused
    decision: str | None  # "positive", "negative", "review" (it needs a reader) or None
    threshold: float | None  # of the lock; None without one
    warnings: tuple[str, ...]  # what is unusual about it, in sentences; with any there is no decision
    refused: str | None  # why it couldn't be read
    synthetic: bool = False
    overridden: bool = False  # a person asked for the decision in spite of the warnings
    pixels: NDArray[np.uint8] | None = None  # (256, 256), for the heatmap
    spread: float | None = None  # disagreement between an ensemble's members; no interval of the score
    kinds: tuple[tuple[str, float], ...] = ()  # kind of pneumonia and its probability, given pneumonia
    review_from: float | None = None  # lower end of the lock's review band; None without one
    notes: tuple[str, ...] = ()  # what else to know of the film, in sentences; they stop no decision

    @property
    def subtype(self) -> tuple[tuple[str, float], ...]:
        """The kinds of pneumonia with their probabilities, given pneumonia; nothing unless it is positive."""
        return self.kinds if self.decision == POSITIVE else ()

    def decided_anyway(self) -> "Reading":
        """The same reading with its decision, on a person's word; itself if there is nothing to decide by."""
        if self.score is None or self.threshold is None:
            return self
        decision = _decide(self.score, self.threshold, self.review_from)
        return replace(self, decision=decision, overridden=True)


def read_film(loaded: LoadedModel, data: bytes | str, name: str, *, age: float | None = None) -> Reading:
    """Read one film; see ``read_films``."""
    return next(read_films(loaded, iter([(name, data)]), age=age))


def read_films(
    loaded: LoadedModel, films: Iterator[tuple[str, bytes | str]], *, age: float | None = None
) -> Iterator[Reading]:
    """Read films one batch at a time; any bytes are safe.

    Parameters
    ----------
    films : iterator of (name, bytes or str)
        What the user calls a file, and all of it, or a sentence on why it can't be had.
    age : float, optional
        Years, as a person says it of all of them; the age in a file's tags is looked at anyway.

    Yields
    ------
    Reading
        In order; with ``refused`` set, and no score, for what is no readable film.
    """
    lock = usable_lock(loaded)
    threshold, review_from = (lock.threshold, lock.review_from) if lock else (None, None)
    kind = loaded.model.card.dataset.kind
    ready = _standardised(films)
    while batch := list(islice(ready, BATCH)):
        remaining = _score_films(loaded, [film for _, film in batch if isinstance(film, StandardFilm)])
        for name, film in batch:
            if isinstance(film, str):
                yield Reading(name, None, None, threshold, (), film)
                continue
            score, novelty, spread, kinds = next(remaining)
            unusual = gate(film, kind, novelty=novelty, age=age)
            yield Reading(
                name,
                score,
                None if unusual else _decide(score, threshold, review_from),
                threshold,
                tuple(one.sentence for one in unusual),
                None,
                film.facts.synthetic,
                pixels=film.pixels,
                spread=spread,
                kinds=kinds,
                review_from=review_from,
                notes=notes(film, kind, novelty=novelty, age=age),
            )


def _score_films(
    loaded: LoadedModel, films: list[StandardFilm]
) -> Iterator[tuple[float, float, float | None, tuple[tuple[str, float], ...]]]:
    """Score, novelty, spread and kinds of each film."""
    if not films:
        return
    scores = score_pixels(loaded, np.stack([film.pixels for film in films]))
    classes = loaded.model.card.classes
    names = [name.lower() for name in classes[1:]] if class_columns(classes) else []
    told = zip(scores.score, scores.novelty, scores.spread, scores.kinds, strict=True)
    for score, novelty, spread, kinds in told:
        several = zip(names, map(float, kinds), strict=False)  # with two classes there are no names
        yield float(score), float(novelty), None if math.isnan(spread) else float(spread), tuple(several)


def _standardised(films: Iterator[tuple[str, bytes | str]]) -> Iterator[tuple[str, StandardFilm | str]]:
    """Films in the networks' size, in order; the next batch is decoded while this one is scored."""
    waiting: deque[tuple[str, int, Future[StandardFilm | str]]] = deque()

    def first() -> tuple[str, StandardFilm | str]:
        name, _, film = waiting.popleft()
        return name, film.result()

    with ThreadPoolExecutor(_DECODERS) as pool:
        for name, data in films:
            waiting.append((name, len(data), pool.submit(_try_standardise, data)))
            while len(waiting) > BATCH or sum(size for _, size, _ in waiting) > _AHEAD_BYTES:
                yield first()
        while waiting:
            yield first()


def _try_standardise(data: bytes | str) -> StandardFilm | str:
    if isinstance(data, str):
        return data
    try:
        return standardise(data)
    except UnreadableImageError as error:
        return str(error)


def usable_lock(loaded: LoadedModel) -> Lock | None:
    """The model's lock, if it was made for these weights scored this way."""
    lock = loaded.model.lock
    if lock is None:
        return None
    card = loaded.model.card
    made_for = (lock.model_sha256, lock.backend, lock.preprocess_version)
    return lock if made_for == (card.model_sha256, card.backend, PREPROCESS_VERSION) else None


def _decide(score: float | None, threshold: float | None, review_from: float | None) -> str | None:
    if score is None or threshold is None:
        return None
    if score >= threshold:
        return POSITIVE
    return REVIEW if review_from is not None and score >= review_from else NEGATIVE
