"""
Compare models on the validation films that they all held out, each at its own lock.

- the first is the reference: differences are its number less another's
- an entry is a model's name, or ``seeds:NAME`` for all seeds of a training; those have a spread, not an
  interval, and no paired test is made with them
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from xraylab import documents
from xraylab.actions.seeds import spread
from xraylab.errors import ComparisonError, NotFoundError
from xraylab.evaluation import comparison as paired
from xraylab.evaluation.comparison import Comparison, Scored, holm
from xraylab.evaluation.measures import MEASURES, Measured, differences, estimates, measures
from xraylab.models import Model, Seeds, list_models, load_model, seed_groups
from xraylab.settings import Settings

SEEDS = "seeds:"
FEWEST, MOST = 2, 8  # entries of a comparison
_NAMES = {"ppv": "precision"}  # what a document calls a measure


@dataclass(frozen=True, eq=False)
class Compared:
    """Two models on the same films."""

    comparison: Comparison
    differences: dict[str, Measured]  # of what has no formula
    films: pd.DataFrame  # (n,) the first model's predictions, in the order of the comparison's rows


def compare(settings: Settings, first: str, second: str) -> Compared:
    """Compare two models on validation; the test films stay sealed.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are gone.
    HonestOrderError
        If one of them isn't locked.
    ComparisonError
        If it is the same model twice, or they weren't scored on the same films under the same labels.
    """
    if first == second:
        raise ComparisonError(f"“{first}” can't be compared with itself. Choose another model.")
    return compare_on("validation", load_model(settings, first), load_model(settings, second))


def compare_on(split: str, first: Model, second: Model) -> Compared:
    """Compare two models on validation, or on the test films once they were opened for both.

    Raises
    ------
    HonestOrderError
        If one of them isn't locked, or its test films are sealed.
    NotFoundError, ComparisonError
        As ``compare`` does.
    """
    models = first, second
    thresholds = first.require_lock().threshold, second.require_lock().threshold
    frames = [_films(model, split) for model in models]
    scored = [
        Scored(model.name, list(frame["image_id"]), frame["score"].to_numpy(np.float64), threshold)
        for model, frame, threshold in zip(models, frames, thresholds, strict=True)
    ]
    labels = [frame["label"].to_numpy(np.int8) for frame in frames]
    groups = frames[0]["group"].to_numpy(object)
    found = paired.compare(labels[0], groups, *scored)
    if not np.array_equal(labels[0], labels[1]):
        raise ComparisonError(
            f"{first.name} and {second.name} know some films under different labels, so they can't be "
            "compared. Train both on one import."
        )
    more = differences(labels[0], scored[0].scores, scored[1].scores, groups, thresholds)
    return Compared(found, more, frames[0])


def compare_models(settings: Settings, entries: Sequence[str]) -> documents.ComparedModels:
    """Compare two to eight models, or seeds, on validation.

    Raises
    ------
    NotFoundError, HonestOrderError
        As ``compare`` does.
    ComparisonError
        If there are too few or too many, one comes twice, or they weren't scored on the same films.
    """
    check_entries(entries)
    pairs = [compare(settings, *names) for names in pairs_of(entries)]
    return put_together([measure(settings, entry) for entry in entries], pairs)


def check_entries(entries: Sequence[str]) -> None:
    """Make sure that a comparison has as many entries as it can have, and none twice.

    Raises
    ------
    ComparisonError
        If it hasn't.
    """
    if len(set(entries)) < len(entries):
        twice = next(entry for entry in entries if entries.count(entry) > 1)
        raise ComparisonError(f"“{twice}” can't be compared with itself. Choose another model.")
    if not FEWEST <= len(entries) <= MOST:
        raise ComparisonError(f"A comparison takes {FEWEST} to {MOST} models, not {len(entries)}.")


def pairs_of(entries: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of a comparison that are tested: the first with each other model; none with seeds."""
    first, *others = entries
    if first.startswith(SEEDS):
        return []
    return [(first, other) for other in others if not other.startswith(SEEDS)]


def models_of(settings: Settings, entry: str) -> tuple[Model, ...]:
    """The models of an entry: one, or the seeds of a training.

    Raises
    ------
    NotFoundError
        If there are none of that name.
    """
    if not entry.startswith(SEEDS):
        return (load_model(settings, entry),)
    name = entry.removeprefix(SEEDS)
    groups: dict[str, Seeds] = {}
    for group in seed_groups(list_models(settings)):
        groups.setdefault(group.name, group)
    if name not in groups:
        known = ", ".join(groups) or "none yet"
        raise NotFoundError(f"There is no training of several seeds “{name}”. There are: {known}.")
    return groups[name].models


def measure(settings: Settings, entry: str) -> documents.ComparedModel:
    """All that a comparison shows of one model, or of the seeds of a training.

    Raises
    ------
    NotFoundError, HonestOrderError
        As ``compare`` does.
    ComparisonError
        If seeds weren't scored on the same films.
    """
    models = models_of(settings, entry)
    frames = [_films(model, "validation") for model in models]
    thresholds = [model.require_lock().threshold for model in models]
    first, films = models[0], _digest(frames[0])
    for model, frame in zip(models[1:], frames[1:], strict=True):
        _check_same(first.name, films, model.name, _digest(frame))
    alone = not entry.startswith(SEEDS)
    return documents.ComparedModel(
        model=entry.removeprefix(SEEDS),
        seeds=[] if alone else [model.name for model in models],
        arch=first.card.arch,
        recipe=str(first.card.recipe.get("name", "")),
        parameters=first.card.parameters,
        seconds=float(np.mean([model.card.seconds for model in models])),
        threshold=thresholds[0] if alone else None,
        n=len(frames[0]),
        patients=frames[0]["group"].nunique(),
        films=films,
        metrics=_estimates(frames[0], thresholds[0]) if alone else {},
        spread={} if alone else _spread(frames, thresholds),
    )


def put_together(
    models: Sequence[documents.ComparedModel], pairs: Sequence[Compared]
) -> documents.ComparedModels:
    """One document of what was measured of each model and each pair; p is adjusted for these pairs.

    Raises
    ------
    ComparisonError
        If they weren't measured on the same films.
    """
    for one, other in combinations(models, 2):
        _check_same(one.model, one.films, other.model, other.films)
    comparisons = [pair.comparison for pair in pairs]
    areas = holm([comparison.auc.p for comparison in comparisons])
    calls = holm([comparison.calls.p for comparison in comparisons])
    return documents.ComparedModels(
        n=models[0].n,
        patients=models[0].patients,
        models=list(models),
        pairs=[
            pair_document(pair, float(area), float(call), len(pairs))
            for pair, area, call in zip(pairs, areas, calls, strict=True)
        ],
        verdict=paired.verdict_of_all(comparisons) if comparisons else _NO_PAIR,
        notes=_notes(models),
    )


def pair_document(compared: Compared, auc_p: float, calls_p: float, pairs: int) -> documents.ComparedPair:
    """A pair as a document.

    Parameters
    ----------
    compared : Compared
    auc_p, calls_p : float
        The p of both tests, adjusted.
    pairs : int
        How many they were adjusted for; the verdict of one alone doesn't speak of it.
    """
    found = compared.comparison
    first, second = found.names
    areas, more = found.auc, {name: _told(one) for name, one in compared.differences.items()}
    return documents.ComparedPair(
        first=first,
        second=second,
        n=found.n,
        patients=found.patients,
        auc=documents.Estimate(value=areas.value, low=areas.low, high=areas.high),
        auc_p=areas.p,
        auc_p_holm=auc_p,
        sensitivity=documents.Estimate(**asdict(found.sensitivity)),
        specificity=documents.Estimate(**asdict(found.specificity)),
        **more,
        mcnemar_p=found.calls.p,
        mcnemar_p_holm=calls_p,
        first_only=found.calls.first_only,
        second_only=found.calls.second_only,
        verdict=paired.verdict(found, adjusted=auc_p, pairs=pairs) if pairs > 1 else paired.verdict(found),
    )


_NO_PAIR = (
    "Seeds of one training are shown as mean and spread, and no test is made with them. Put a single model "
    "first to test others against it."
)


def _notes(models: Sequence[documents.ComparedModel]) -> list[str]:
    seeds = [model.model for model in models if model.seeds]
    if not seeds:
        return []
    return [
        f"{', '.join(seeds)}: mean ± standard deviation over the seeds, and the lowest to the highest. That "
        "is how much chance in training does, not an interval of what other films would show; no paired test "
        "is made."
    ]


def _films(model: Model, split: str) -> pd.DataFrame:
    """A model's scored films of a split, in an order that doesn't depend on the model."""
    said = model.test if split == "test" else model.validation
    return said.scored.frame.sort_values("image_id", ignore_index=True)


def _digest(films: pd.DataFrame) -> str:
    """A hash of which films they are and how they are labelled."""
    rows = zip(films["image_id"], films["label"].astype(int), strict=True)
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def _check_same(one: str, films: str, other: str, others: str) -> None:
    if films != others:
        raise ComparisonError(
            f"{one} and {other} weren't scored on the same validation films under the same labels, so they "
            "can't be compared. Train both on one split."
        )


def _estimates(films: pd.DataFrame, threshold: float) -> dict[str, documents.Estimate]:
    found = estimates(
        films["label"].to_numpy(np.int8),
        films["score"].to_numpy(np.float64),
        films["group"].to_numpy(object),
        threshold,
    )
    return {_NAMES.get(name, name): _told(one) for name, one in found.items()}


def _spread(frames: Sequence[pd.DataFrame], thresholds: Sequence[float]) -> dict[str, documents.Spread]:
    found = [
        measures(frame["label"].to_numpy(np.int8), frame["score"].to_numpy(np.float64), threshold)
        for frame, threshold in zip(frames, thresholds, strict=True)
    ]
    return {_NAMES.get(name, name): spread([each[name] for each in found]) for name in MEASURES}


def _told(one: Measured) -> documents.Estimate:
    known = not math.isnan(one.value)
    return documents.Estimate(
        value=one.value, low=one.low if known else math.nan, high=one.high if known else math.nan
    )
