"""Many trainings at once: one recipe under several seeds, or every network with every recipe and seed."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xraylab import documents
from xraylab.actions.operating_points import evaluate_validation
from xraylab.actions.training import (
    OnProgress,
    OnWait,
    carry_out,
    request_training,
    stem,
    submit_all,
    why_no_model,
)
from xraylab.errors import RecipeError, TrainingError, WeightsError, XRayLabError
from xraylab.files import check_name
from xraylab.runs.table import Run
from xraylab.settings import Settings
from xraylab.training.recipe import LARGEST_SEED, TrainingRequest

SPREAD_OF = ("auc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "f1", "kappa")


@dataclass(frozen=True)
class Grid:
    """The trainings of a grid, and what was left out of it, in sentences."""

    requests: list[TrainingRequest]
    left_out: list[str]


def request_seeds(request: TrainingRequest, seeds: int) -> list[TrainingRequest]:
    """One training as ``seeds`` of them, NAME-s0, NAME-s1, ..., with the recipe's seed and those after it.

    Raises
    ------
    NameTakenError
        If the longer names can't be names.
    RecipeError
        If the last seed is too large.
    """
    made = [_seeded(request, request.recipe.seed + n, f"{request.name}-s{n}") for n in range(seeds)]
    for one in made:
        check_name(one.name, what="model")
    return made


def train_seeds(
    settings: Settings,
    request: TrainingRequest,
    seeds: int,
    *,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
) -> documents.Trained:
    """Train one recipe under several seeds, one after another in the foreground.

    All names are taken before the first training starts. When one fails the others go on.

    Returns
    -------
    documents.Trained
        Of the first seed that ended with a model, with a row a seed and the spread over them.

    Raises
    ------
    TrainingError
        If none ended with a model.
    XRayLabError
        If a name is taken.
    """
    started = time.monotonic()
    requests = request_seeds(request, seeds)
    runs = submit_all(settings, requests)
    ended = carry_out(settings, runs, on_progress=_through_all(seeds, on_progress), on_wait=on_wait)
    rows = [_seed_row(settings, one, run) for one, run in zip(requests, ended, strict=True)]
    vals = [row.val for row in rows if row.val is not None]
    if not vals:
        raise TrainingError(f"None of the {seeds} trainings ended with a model. The first: {rows[0].error}")
    first = next(row for row in rows if row.val is not None)
    return documents.Trained(
        run=first.run,
        model=first.model,
        seconds=round(time.monotonic() - started, 1),
        val=vals[0],
        seeds=rows,
        spread={name: spread([getattr(val, name) for val in vals]) for name in SPREAD_OF},
    )


def request_grid(
    settings: Settings,
    *,
    dataset: str,
    archs: Sequence[str],
    recipes: Sequence[str],
    seeds: Sequence[int] = (0,),
    weights: str | None = None,
    name: str | None = None,
) -> Grid:
    """Every network with every recipe under every seed, as far as they go together.

    Parameters
    ----------
    recipes : sequence of str
        Presets or JSON files.
    weights : str, optional
        As in ``request_training``; by default ImageNet weights for every network that has them.
    name : str, optional
        What the models' names begin with, before network, recipe and seed.

    Returns
    -------
    Grid
        A network and a recipe that don't go together, or whose weights can't be had, are left out.

    Raises
    ------
    XRayLabError
        If the dataset, a network, a recipe or a name can't be used whatever it is combined with.
    """
    requests: list[TrainingRequest] = []
    left_out: list[str] = []
    for arch in dict.fromkeys(archs):
        for recipe in dict.fromkeys(recipes):
            try:
                one = request_training(settings, dataset=dataset, arch=arch, recipe=recipe, weights=weights)
            except (RecipeError, WeightsError) as error:
                left_out.append(f"{arch} with {recipe}: {error}")
                continue
            called = f"{name}-{stem(arch, one.recipe)}" if name else one.name
            requests += [_seeded(one, seed, f"{called}-s{seed}") for seed in dict.fromkeys(seeds)]
    for one in requests:
        check_name(one.name, what="model")
    return Grid(requests, left_out)


def spread(values: Sequence[float]) -> documents.Spread:
    """How a number varies over trainings; those that aren't defined don't count."""
    known = [value for value in values if math.isfinite(value)]
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


def _through_all(seeds: int, on_progress: OnProgress | None) -> Callable[[int, dict[str, Any]], None]:
    """Tell the progress of one of several trainings as that of all."""

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
    except XRayLabError as said:  # without a lock, for one, there are no numbers
        error = str(said)
    return documents.SeedRow(run=run.id, model=run.name, seed=request.recipe.seed, val=val, error=error)
