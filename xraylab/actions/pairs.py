"""
Pairs on the test films: named before either model was tested, tested once both were opened.

- who names a pair after looking would name the one that looks best: then it is refused, for good
- p is adjusted by Holm's method for all pairs that were named for the same films; one that waits, is void or
  couldn't be tested counts as if its p were 1, which makes the others' as large as they can become
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from xraylab import documents
from xraylab.actions.comparison import Compared, compare_on, pair_document
from xraylab.actions.operating_points import opened_before
from xraylab.errors import ComparisonError, EnsembleError, HonestOrderError, NotFoundError, XRayLabError
from xraylab.evaluation.comparison import holm
from xraylab.models import Model, check_held_out, load_model
from xraylab.models.pairs import Pair, keep_pair, read_pairs
from xraylab.settings import Settings


@dataclass(frozen=True, eq=False)
class _Looked:
    """A pair, and what there is to see of it now."""

    pair: Pair
    state: str  # tested, waiting or void
    reason: str | None = None
    compared: Compared | None = None
    notes: tuple[str, ...] = ()

    @property
    def p_values(self) -> tuple[float, float]:
        """Of the areas and of the calls; NaN until they are tested."""
        found = self.compared.comparison if self.compared else None
        return (found.auc.p, found.calls.p) if found else (math.nan, math.nan)


def name_pair(settings: Settings, first: str, second: str, *, actor: str) -> documents.NamedPair:
    """Write down that two models will be tested against each other on the test films.

    Raises
    ------
    NotFoundError
        If there is no such model.
    HonestOrderError
        If one of them isn't locked, or the test split was opened for it at any time before.
    ComparisonError
        If it is the same model twice, the pair was named already, or they didn't hold out the same films.
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
    )
    keep_pair(settings, pair)
    return test_pairs(settings, pair.films)[-1]


def check_pair(settings: Settings, first: str, second: str) -> tuple[Model, Model]:
    """Make sure that a pair can be named for the test films, and return its models.

    Raises
    ------
    NotFoundError, HonestOrderError, ComparisonError
        As ``name_pair`` does.
    """
    if first == second:
        raise ComparisonError(f"“{first}” can't be tested against itself. Choose another model.")
    models = load_model(settings, first), load_model(settings, second)
    for model in models:
        if model.require_lock().knows_of_opening or opened_before(settings, model):
            raise HonestOrderError(
                f"The test split was opened for {model.name} or a model it is averaged with, so no pair with "
                "it can be named any more: a pair is named before anybody has looked."
            )
    _check_films(*models)
    hashes = {model.name: model.card.model_sha256 for model in models}
    if any(pair.hashes == hashes for pair in read_pairs(settings)):
        raise ComparisonError(f"{first} and {second} are named for the test already.")
    return models


def named_pairs(settings: Settings, films: str | None = None) -> list[Pair]:
    """The pairs that were named, oldest first; of the films of one hash, or of all."""
    return [pair for pair in read_pairs(settings) if films in (None, pair.films)]


def test_pairs(settings: Settings, films: str | None) -> list[documents.NamedPair]:
    """Every named pair: its result on the test films once both models were opened, or why there is none.

    Nothing is opened by this.

    Parameters
    ----------
    films : str or None
        The hash of some films; None for pairs of all films, each adjusted among those of its own.
    """
    pairs = named_pairs(settings, films)
    return [
        row
        for own in dict.fromkeys(pair.films for pair in pairs)
        for row in _rows([_look(settings, pair) for pair in pairs if pair.films == own])
    ]


def _check_films(one: Model, other: Model) -> None:
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
    """Where a pair stands."""
    models = [model for name in pair.hashes if (model := _found(settings, name))]
    gone = [name for name in pair.hashes if name not in [model.name for model in models]]
    if gone:
        return _Looked(pair, "void", f"Gone or damaged since: {' and '.join(gone)}.")
    for model in models:
        if model.card.model_sha256 != pair.hashes[model.name]:
            return _Looked(pair, "void", f"{model.name} is another one since: it was trained again.")
        if (lock := model.lock) and any(at < pair.named_at for at in lock.opened_at):
            return _Looked(pair, "void", f"The test split was opened for {model.name} before it was named.")
    sealed = [model.name for model in models if not model.test_opened]
    if sealed:
        return _Looked(
            pair,
            "waiting",
            f"The test split hasn't been opened for {' and '.join(sealed)} at the present lock.",
        )
    try:
        return _Looked(pair, "tested", compared=compare_on("test", *models), notes=_stamps(models))
    except XRayLabError as error:
        return _Looked(pair, "void", str(error))


def _found(settings: Settings, name: str) -> Model | None:
    try:
        return load_model(settings, name)
    except NotFoundError:
        return None


def _stamps(models: Sequence[Model]) -> tuple[str, ...]:
    """Which locks were made after the test films had been seen."""
    return tuple(
        f"{model.name} was locked anew after the test split had been opened: its AUC was fixed beforehand, "
        "its threshold wasn't."
        for model in models
        if model.require_lock().after_opening
    )


def _rows(looked: Sequence[_Looked]) -> list[documents.NamedPair]:
    """The pairs of one set of films as documents, their p adjusted for how many they are."""
    areas, calls = (
        holm([1.0 if math.isnan(p) else p for p in values])
        for values in zip(*(one.p_values for one in looked), strict=True)
    )
    return [
        documents.NamedPair(
            first=one.pair.first,
            second=one.pair.second,
            dataset=one.pair.dataset,
            named_at=one.pair.named_at,
            actor=one.pair.actor,
            state=one.state,
            reason=one.reason,
            result=_result(one, float(area), float(call), len(looked)),
            pairs=len(looked),
            notes=list(one.notes),
        )
        for one, area, call in zip(looked, areas, calls, strict=True)
    ]


def _result(looked: _Looked, area: float, call: float, pairs: int) -> documents.ComparedPair | None:
    """What a tested pair came to; a p that couldn't be known stays unknown."""
    if looked.compared is None:
        return None
    known = [math.isfinite(p) for p in looked.p_values]
    adjusted = [p if is_known else math.nan for p, is_known in zip((area, call), known, strict=True)]
    return pair_document(looked.compared, adjusted[0], adjusted[1], pairs)
