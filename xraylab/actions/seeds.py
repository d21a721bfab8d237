"""One recipe trained under several seeds, and how much its numbers vary with the seed."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from xraylab import documents
from xraylab.actions.operating_points import evaluate_validation
from xraylab.actions.training import (
    OnProgress,
    OnWait,
    carry_out,
    notes_of,
    submit_all,
    why_no_model,
)
from xraylab.errors import RecipeError, TrainingError, XRayLabError
from xraylab.files import check_name
from xraylab.runs.run import Run
from xraylab.settings import Settings
from xraylab.training.recipe import LARGEST_SEED, TrainingRequest

SPREAD_OF = ("auc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "f1", "kappa")


def request_seeds(request: TrainingRequest, seeds: int) -> list[TrainingRequest]:
    """Turn one request into several, NAME-s0, NAME-s1, ..., with the recipe's seed and those after it.

    Raises
    ------
    NameTakenError
        If the longer names are invalid.
    RecipeError
        If the last seed is too large.
    """
    requests = [_seeded(request, request.recipe.seed + n, f"{request.name}-s{n}") for n in range(seeds)]
    for seeded in requests:
        check_name(seeded.name, what="model")
    return requests


def train_seeds(
    settings: Settings,
    request: TrainingRequest,
    seeds: int,
    *,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
) -> documents.Trained:
    """Train one recipe under several seeds, one after another in the foreground.

    All names are reserved before the first training starts. If one training fails the others go on.

    Parameters
    ----------
    on_progress, on_wait : callable, optional
        As for ``training.train``; the progress is that of all seeds together.

    Returns
    -------
    documents.Trained
        The first seed that ended with a model, with one row per seed and the spread over them.

    Raises
    ------
    TrainingError
        If no training ended with a model.
    XRayLabError
        If a name is taken.
    """
    started = time.monotonic()
    requests = request_seeds(request, seeds)
    # All at once: a name that is taken must be noticed before the first training, not hours later.
    runs = submit_all(settings, requests)
    ended = carry_out(settings, runs, on_progress=_of_all(seeds, on_progress), on_wait=on_wait)
    rows = [_seed_row(settings, seeded, run) for seeded, run in zip(requests, ended, strict=True)]
    vals = [row.val for row in rows if row.val is not None]
    if not vals:
        raise TrainingError(f"None of the {seeds} trainings ended with a model. The first: {rows[0].error}")
    first, run = next((row, run) for row, run in zip(rows, ended, strict=True) if row.val is not None)
    return documents.Trained(
        run=first.run,
        model=first.model,
        seconds=round(time.monotonic() - started, 1),
        val=vals[0],
        notes=notes_of(settings, run),
        seeds=rows,
        spread={name: spread([getattr(val, name) for val in vals]) for name in SPREAD_OF},
    )


def spread(values: Sequence[float]) -> documents.Spread:
    """Return mean, standard deviation and range of a number over trainings, without NaN values."""
    known = [value for value in values if math.isfinite(value)]
    # A single value has no standard deviation: NaN, and not 0, which would claim that nothing varies.
    return documents.Spread(
        n=len(known),
        mean=statistics.fmean(known) if known else math.nan,
        sd=statistics.stdev(known) if len(known) > 1 else math.nan,
        low=min(known, default=math.nan),
        high=max(known, default=math.nan),
    )


def _seeded(request: TrainingRequest, seed: int, name: str) -> TrainingRequest:
    if not 0 <= seed <= LARGEST_SEED:
        raise RecipeError(f"{seed} can't be a seed. Choose one from 0 to {LARGEST_SEED}.")
    recipe = request.recipe.model_copy(update={"seed": seed})
    return request.model_copy(update={"recipe": recipe, "name": name})


def _of_all(seeds: int, on_progress: OnProgress | None) -> Callable[[int, dict[str, Any]], None]:
    """Turn the progress of one of several trainings into the progress of all."""

    def watch(number: int, progress: dict[str, Any]) -> None:
        if on_progress is None:
            return
        doing = f"seed {number + 1} of {seeds}, {progress['doing']}"
        on_progress(progress | {"doing": doing, "fraction": (number + progress["fraction"]) / seeds})

    return watch


def _seed_row(settings: Settings, request: TrainingRequest, run: Run) -> documents.SeedRow:
    val, error = None, None
    try:
        if run.state == "done":
            val = evaluate_validation(settings, run.name)
        else:
            error = why_no_model(run)
    except XRayLabError as reason:  # such as a model whose rule no threshold could satisfy: it has no lock
        error = str(reason)
    return documents.SeedRow(run=run.id, model=run.name, seed=request.recipe.seed, val=val, error=error)
