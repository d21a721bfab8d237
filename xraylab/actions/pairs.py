"""
Pairs on the test films: named before either model was tested, tested once both were opened.

- a pair named after looking would be the one that looks best, so it is rejected for good
- p is adjusted by Holm's method for all pairs that were named for the same films; a pair that waits, is
  void or couldn't be tested counts as p = 1, which makes the other p as large as they can become
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from xraylab import documents, trail
from xraylab.actions.comparison import Compared, compare_on, pair_document
from xraylab.data.openings import read_openings
from xraylab.errors import ComparisonError, EnsembleError, HonestOrderError, NotFoundError, XRayLabError
from xraylab.evaluation.comparison import holm
from xraylab.models import Model, check_held_out, load_model, opened_before
from xraylab.models.pairs import Pair, keep_pair, read_pairs
from xraylab.settings import Settings


@dataclass(frozen=True, eq=False)
class _Looked:
    """A named pair with its present state, and its result if it was tested."""

    pair: Pair
    state: str  # tested, waiting or void
    reason: str | None = None
    compared: Compared | None = None
    notes: tuple[str, ...] = ()

    @property
    def p_values(self) -> tuple[float, float]:
        """P of the areas and p of the calls; NaN until they are tested."""
        if self.compared is None:
            return math.nan, math.nan
        return self.compared.comparison.auc.p, self.compared.comparison.calls.p


def name_pair(settings: Settings, first: str, second: str, *, actor: str) -> documents.NamedPair:
    """Write down that two models will be tested against each other on the test films.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are missing or damaged.
    WeightsError
        If the stored predictions of one are those of other weights.
    HonestOrderError
        If one of them isn't locked, or the test split was ever opened for it.
    ComparisonError
        If both are the same model, the pair was named already, or they didn't hold out the same films.
    """
    models = check_pair(settings, first, second)
    one, other = models
    pair = Pair(
        films=one.card.dataset.pixel_hash,
        dataset=one.card.dataset.name,
        first=first,
        second=second,
        first_sha256=one.card.model_sha256,
        second_sha256=other.card.model_sha256,
        named_at=datetime.now(UTC),
        actor=actor,
        openings=len(read_openings(settings)),
    )
    objects = {"films": pair.films, "first": pair.first_sha256, "second": pair.second_sha256}
    names = f"{first} and {second}"
    with trail.entered(settings, trail.PAIR, "named", actor=actor, objects=objects, changed=names):
        keep_pair(settings, pair)
    # Pairs are kept in the order in which they were named: the new one is the last.
    return test_pairs(settings, pair.films)[-1]


def check_pair(settings: Settings, first: str, second: str) -> tuple[Model, Model]:
    """Check that a pair can be named for the test films, and return its models.

    Raises
    ------
    NotFoundError, WeightsError, HonestOrderError, ComparisonError
        As ``name_pair``.
    """
    if first == second:
        raise ComparisonError(f"“{first}” can't be tested against itself. Choose another model.")
    models = load_model(settings, first), load_model(settings, second)
    for model in models:
        if model.require_lock().knows_of_opening or opened_before(settings, model):
            raise HonestOrderError(
                f"Test results of {model.name} or of a model it is averaged with were revealed, so no pair "
                "with it can be named any more: a pair is named before anybody has looked."
            )
    _check_films(*models)
    # Hashes, not names: a model that was trained again under its name makes a new pair.
    hashes = {model.card.model_sha256 for model in models}
    if any({*pair.hashes.values()} == hashes for pair in read_pairs(settings)):
        raise ComparisonError(f"{first} and {second} are named for the test already.")
    return models


def named_pairs(settings: Settings, films: str | None = None) -> list[Pair]:
    """Return the named pairs, oldest first: those for the films of one hash, or all of them."""
    return [pair for pair in read_pairs(settings) if films in (None, pair.films)]


def test_pairs(settings: Settings, films: str | None) -> list[documents.NamedPair]:
    """Return every named pair with its result on the test films, or why there is no result; open nothing.

    Parameters
    ----------
    films : str or None
        The hash of some films; None for the pairs of all films. p is adjusted among the pairs of one set of
        films only.
    """
    pairs = named_pairs(settings, films)
    return [
        row
        for own in dict.fromkeys(pair.films for pair in pairs)
        for row in _rows([_look(settings, pair) for pair in pairs if pair.films == own])
    ]


def _check_films(one: Model, other: Model) -> None:
    """Check that two models held out the same films under the same labels."""
    same = one.card.dataset.pixel_hash == other.card.dataset.pixel_hash
    try:
        check_held_out(one, other)
    except EnsembleError:
        same = False
    if not same:
        raise ComparisonError(
            f"{one.name} and {other.name} didn't hold out the same films under the same labels, so they "
            "can't be tested against each other. Train both on one split."
        )


def _look(settings: Settings, pair: Pair) -> _Looked:
    """Return the state of a pair now, with its result if it can be tested."""
    # The reasons are in the order of the pair's life, so that the sentence names the first that applies.
    loaded = {name: _load(settings, name) for name in pair.hashes}
    gone = [name for name, model in loaded.items() if model is None]
    if gone:
        return _Looked(pair, "void", f"Gone or damaged since: {' and '.join(gone)}.")
    models = [model for model in loaded.values() if model is not None]
    for model, sha256 in zip(models, pair.hashes.values(), strict=True):
        if model.card.model_sha256 != sha256:
            return _Looked(pair, "void", f"{model.name} was trained again since, so it is another model.")
        if _opened_before(settings, pair, model):
            return _Looked(pair, "void", f"Test results of {model.name} were revealed before it was named.")
    sealed = [model.name for model in models if not model.test_opened]
    if sealed:
        return _Looked(
            pair,
            "waiting",
            f"The test split hasn't been opened for {' and '.join(sealed)} at the present lock.",
        )
    try:
        return _Looked(pair, "tested", compared=compare_on("test", *models), notes=_stamps(models))
    except XRayLabError as error:  # damaged predictions, for example: the pair still counts for Holm
        return _Looked(pair, "void", str(error))


def _opened_before(settings: Settings, pair: Pair, model: Model) -> bool:
    """Return whether the test split was opened for a model before a pair with it was named."""
    noted = lock.opened_at if (lock := model.lock) else ()
    if pair.openings is None:
        return any(at < pair.named_at for at in noted)
    # Counted, because a clock may have been set back: each opening is logged before the lock notes it.
    since = [
        opening
        for opening in read_openings(settings)[pair.openings :]
        if any(map(opening.concerns, model.names))
    ]
    return len(noted) > len(since)


def _load(settings: Settings, name: str) -> Model | None:
    """Load a model; None if it is gone or damaged."""
    try:
        return load_model(settings, name)
    except NotFoundError:
        return None


def _stamps(models: Sequence[Model]) -> tuple[str, ...]:
    """Say which locks were made after the test films had been seen."""
    return tuple(
        f"{model.name} was locked again after its test results were revealed: its AUC was fixed before that, "
        "its threshold wasn't."
        for model in models
        if model.require_lock().after_opening
    )


def _rows(looked: Sequence[_Looked]) -> list[documents.NamedPair]:
    """Lay out the pairs of one set of films as documents, with p adjusted for all of them."""
    areas, calls = (
        holm([1.0 if math.isnan(p) else p for p in values])
        for values in zip(*(row.p_values for row in looked), strict=True)
    )
    return [
        documents.NamedPair(
            first=row.pair.first,
            second=row.pair.second,
            dataset=row.pair.dataset,
            named_at=row.pair.named_at,
            actor=row.pair.actor,
            state=row.state,
            reason=row.reason,
            result=_result(row, float(area), float(call), len(looked)),
            pairs=len(looked),
            notes=list(row.notes),
        )
        for row, area, call in zip(looked, areas, calls, strict=True)
    ]


def _result(looked: _Looked, area: float, call: float, pairs: int) -> documents.ComparedPair | None:
    """Lay out the result of a tested pair; None for a pair that wasn't tested."""
    if looked.compared is None:
        return None
    # Holm takes an unknown p as 1, but the document must not show that 1 as a result.
    known = [math.isfinite(p) for p in looked.p_values]
    adjusted = [p if is_known else math.nan for p, is_known in zip((area, call), known, strict=True)]
    return pair_document(looked.compared, adjusted[0], adjusted[1], pairs)
