"""
Compare models on the validation films that they all held out, each at its own lock.

- the first model is the reference: a difference is its number less another model's
- an entry is a model's name, or ``seeds:NAME`` for all seeds of a training; seeds have a spread instead of an
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
_NAMES = {"ppv": "precision"}  # names in a document that differ from those of a measure


@dataclass(frozen=True, eq=False)
class Compared:
    """Two models on the same films."""

    comparison: Comparison
    differences: dict[str, Measured]  # of the measures that have no formula, by jackknife
    films: pd.DataFrame  # (n,) the first model's predictions, in the order of the comparison's rows


def films_seen(settings: Settings, entries: Sequence[str]) -> frozenset[str]:
    """Return the validation films that the first weights of a model had been trained on, by ``image_id``.

    They are left out of the comparison for every model in it.
    """
    return _seen([model for entry in entries for model in models_of(settings, entry)])


def _seen(models: Sequence[Model]) -> frozenset[str]:
    known = [model.made_from for model in models if model.made_from is not None]
    return frozenset(film for films in known for film in films.used_before)


def compare(settings: Settings, first: str, second: str, *, seen: frozenset[str] | None = None) -> Compared:
    """Compare two models on validation; the test films stay sealed.

    Parameters
    ----------
    seen : frozenset of str, optional
        Films to leave out; by default those that one of both models had seen.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are missing or damaged.
    WeightsError
        If the stored predictions of one are those of other weights.
    HonestOrderError
        If one of them isn't locked.
    ComparisonError
        If both are the same model, or they weren't scored on the same films under the same labels.
    """
    if first == second:
        raise ComparisonError(f"“{first}” can't be compared with itself. Choose another model.")
    return compare_on("validation", load_model(settings, first), load_model(settings, second), seen=seen)


def compare_on(split: str, first: Model, second: Model, *, seen: frozenset[str] | None = None) -> Compared:
    """Compare two models on validation, or on the test films once they were opened for both.

    Parameters
    ----------
    split : str
        ``validation`` or ``test``.
    seen : frozenset of str, optional
        Films to leave out, by ``image_id``; by default those that one of both models had seen.

    Raises
    ------
    HonestOrderError
        If one of them isn't locked, or its test films are sealed.
    NotFoundError, WeightsError, ComparisonError
        As ``compare``.
    """
    models = first, second
    seen = _seen(models) if seen is None else seen
    thresholds = first.require_lock().threshold, second.require_lock().threshold
    frames = [_films(model, split, seen) for model in models]
    scored = [
        Scored(model.name, list(frame["image_id"]), frame["score"].to_numpy(np.float64), threshold)
        for model, frame, threshold in zip(models, frames, thresholds, strict=True)
    ]
    labels = [frame["label"].to_numpy(np.int8) for frame in frames]
    groups = frames[0]["group"].to_numpy(object)
    comparison = paired.compare(labels[0], groups, *scored)  # rejects other films
    if not np.array_equal(labels[0], labels[1]):
        raise ComparisonError(
            f"{first.name} and {second.name} have different labels for some films, so they can't be "
            "compared. Train both on one import."
        )
    # After the checks: a jackknife takes time, and would be wasted on films that don't match.
    more = differences(labels[0], scored[0].scores, scored[1].scores, groups, thresholds)
    return Compared(comparison, more, frames[0])


def compare_models(settings: Settings, entries: Sequence[str]) -> documents.ComparedModels:
    """Compare two to eight models, or seeds, on validation.

    Raises
    ------
    NotFoundError, WeightsError, HonestOrderError
        As ``compare``.
    ComparisonError
        If there are too few or too many entries, one comes twice, or they weren't scored on the same films.
    """
    check_entries(entries)
    seen = films_seen(settings, entries)
    pairs = [compare(settings, *names, seen=seen) for names in pairs_of(entries)]
    measured = [measure(settings, entry, seen=seen) for entry in entries]
    return put_together(measured, pairs, left_out=len(seen))


def check_entries(entries: Sequence[str]) -> None:
    """Check that a comparison has a possible number of entries, and no entry twice.

    Raises
    ------
    ComparisonError
        If there are too few or too many, or one comes twice.
    """
    if len(set(entries)) < len(entries):
        twice = next(entry for entry in entries if entries.count(entry) > 1)
        raise ComparisonError(f"“{twice}” can't be compared with itself. Choose another model.")
    if not FEWEST <= len(entries) <= MOST:
        raise ComparisonError(f"A comparison takes {FEWEST} to {MOST} models, not {len(entries)}.")


def pairs_of(entries: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs that are tested: the first entry with each other model; seeds are in no pair."""
    # A few seeds are no sample of films: the paired tests have nothing to say about them.
    first, *others = entries
    if first.startswith(SEEDS):
        return []
    return [(first, other) for other in others if not other.startswith(SEEDS)]


def models_of(settings: Settings, entry: str) -> tuple[Model, ...]:
    """Return the models of an entry: one model, or the seeds of a training.

    Raises
    ------
    NotFoundError
        If there is no model or training of that name.
    """
    if not entry.startswith(SEEDS):
        return (load_model(settings, entry),)
    name = entry.removeprefix(SEEDS)
    groups: dict[str, Seeds] = {}
    for group in seed_groups(list_models(settings)):
        groups.setdefault(group.name, group)  # the newest, if two trainings have the same name
    if name not in groups:
        known = ", ".join(groups) or "none yet"
        raise NotFoundError(f"There is no training of several seeds “{name}”. There are: {known}.")
    return groups[name].models


def measure(settings: Settings, entry: str, *, seen: frozenset[str] = frozenset()) -> documents.ComparedModel:
    """Return everything that a comparison shows of one model, or of the seeds of a training.

    Parameters
    ----------
    seen : frozenset of str
        Films to leave out, by ``image_id``.

    Raises
    ------
    NotFoundError, WeightsError, HonestOrderError
        As ``compare``.
    ComparisonError
        If seeds weren't scored on the same films.
    """
    models = models_of(settings, entry)
    frames = [_films(model, "validation", seen) for model in models]
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
        # An ensemble is calibrated on its validation films, and these are they.
        calibrated=first.card.calibrated,
    )


def put_together(
    models: Sequence[documents.ComparedModel], pairs: Sequence[Compared], *, left_out: int = 0
) -> documents.ComparedModels:
    """Put the numbers of each model and each pair into one document; adjust p for these pairs.

    Parameters
    ----------
    left_out : int
        Number of validation films that are left out because a model had seen them.

    Raises
    ------
    ComparisonError
        If the models weren't measured on the same films.
    """
    for one, other in combinations(models, 2):
        _check_same(one.model, one.films, other.model, other.films)
    comparisons = [pair.comparison for pair in pairs]
    # Two families of tests, adjusted apart: one asks about the ranking, the other about the calls.
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
        notes=_notes(models, left_out),
    )


def pair_document(compared: Compared, auc_p: float, calls_p: float, pairs: int) -> documents.ComparedPair:
    """Lay out a pair as a document.

    Parameters
    ----------
    compared : Compared
    auc_p, calls_p : float
        The adjusted p of both tests.
    pairs : int
        Number of pairs that p was adjusted for; the verdict on a single pair doesn't mention it.
    """
    comparison = compared.comparison
    first, second = comparison.names
    areas = comparison.auc
    more = {name: _estimate(measured) for name, measured in compared.differences.items()}
    if pairs > 1:
        verdict = paired.verdict(comparison, adjusted=auc_p, pairs=pairs)
    else:
        verdict = paired.verdict(comparison)
    return documents.ComparedPair(
        first=first,
        second=second,
        n=comparison.n,
        patients=comparison.patients,
        auc=documents.Estimate(value=areas.value, low=areas.low, high=areas.high),
        auc_p=areas.p,
        auc_p_holm=auc_p,
        sensitivity=documents.Estimate(**asdict(comparison.sensitivity)),
        specificity=documents.Estimate(**asdict(comparison.specificity)),
        **more,
        mcnemar_p=comparison.calls.p,
        mcnemar_p_holm=calls_p,
        first_only=comparison.calls.first_only,
        second_only=comparison.calls.second_only,
        verdict=verdict,
    )


_NO_PAIR = (
    "Seeds of one training are shown as mean and spread, and no test is made with them. Put a single model "
    "first to test others against it."
)


def _notes(models: Sequence[documents.ComparedModel], left_out: int) -> list[str]:
    """Explain the films that are left out, the spread of seeds, and calibrated scores, if there are any."""
    films = "1 validation film is" if left_out == 1 else f"{left_out} validation films are"
    notes = [
        f"{films} left out for all models: the first weights of one of them had been trained on such films."
    ]
    return (notes if left_out else []) + _model_notes(models)


def _model_notes(models: Sequence[documents.ComparedModel]) -> list[str]:
    notes = []
    seeds = [model.model for model in models if model.seeds]
    if seeds:
        notes.append(
            f"{', '.join(seeds)}: mean ± standard deviation over the seeds, and the lowest to the highest. "
            "That is the effect of chance in training, not an interval for other films; no paired test is "
            "made."
        )
    calibrated = [model.model for model in models if model.calibrated]
    if calibrated:
        others = [model.model for model in models if not model.calibrated]
        apart = f" The scores of {', '.join(others)} aren't calibrated." if others else ""
        notes.append(
            f"{', '.join(calibrated)}: calibrated on these same films, so Brier score and calibration error "
            f"look better than they are.{apart} Don't compare the two across models here; compare them on "
            "films that calibrated no model."
        )
    return notes


def _films(model: Model, split: str, seen: frozenset[str]) -> pd.DataFrame:
    """Return a model's scored films of a split, by name: each model has stored them in its own order."""
    frame = model.films(split).scored.frame
    return frame[~frame["image_id"].isin(seen)].sort_values("image_id", ignore_index=True)


def _digest(films: pd.DataFrame) -> str:
    """Return a hash of the films' names and labels."""
    rows = zip(films["image_id"], films["label"].astype(int), strict=True)
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def _check_same(one: str, films: str, other: str, others: str) -> None:
    if films != others:
        raise ComparisonError(
            f"{one} and {other} weren't scored on the same validation films under the same labels, so they "
            "can't be compared. Train both on one split."
        )


def _estimates(films: pd.DataFrame, threshold: float) -> dict[str, documents.Estimate]:
    measured = estimates(
        films["label"].to_numpy(np.int8),
        films["score"].to_numpy(np.float64),
        films["group"].to_numpy(object),
        threshold,
    )
    return {_NAMES.get(name, name): _estimate(value) for name, value in measured.items()}


def _spread(frames: Sequence[pd.DataFrame], thresholds: Sequence[float]) -> dict[str, documents.Spread]:
    by_seed = [
        measures(frame["label"].to_numpy(np.int8), frame["score"].to_numpy(np.float64), threshold)
        for frame, threshold in zip(frames, thresholds, strict=True)
    ]
    return {_NAMES.get(name, name): spread([values[name] for values in by_seed]) for name in MEASURES}


def _estimate(measured: Measured) -> documents.Estimate:
    """Lay out a number and its interval; without the number there is no interval either."""
    known = not math.isnan(measured.value)
    return documents.Estimate(
        value=measured.value,
        low=measured.low if known else math.nan,
        high=measured.high if known else math.nan,
    )
