"""Trainings: ask for one, start it, watch it, cancel it, resume it."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from xraylab import documents
from xraylab.actions.operating_points import evaluate_validation
from xraylab.data import datasets
from xraylab.errors import NotFoundError, RecipeError, TrainingError
from xraylab.evaluation.rules import FLOOR, parse_rule
from xraylab.models import SHIPPED_NAMES, check_name_free, why_no_floor_by
from xraylab.networks.pretrained import check_weights, model_weights, weights_path
from xraylab.networks.registry import network
from xraylab.runs import folder, launch, lease, ranks, table
from xraylab.runs.table import Run
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe, TrainingRequest, load_recipe, plan

_LONGEST_PART = 30  # characters of a recipe's name in a model's
_WAIT = 0.5  # seconds between two looks at a busy device

OnProgress = Callable[[dict[str, Any]], None]
OnWait = Callable[[], None]


def request_training(
    settings: Settings,
    *,
    dataset: str,
    arch: str,
    recipe: str | Recipe,
    weights: str | None = None,
    name: str | None = None,
    replace: bool = False,
) -> TrainingRequest:
    """Check everything that can be checked before a training starts, and name the model.

    Parameters
    ----------
    recipe : str or Recipe
        A preset's name, a JSON file, or the recipe itself.
    weights : str, optional
        ``imagenet``, ``none``, a model's name or a file; by default ImageNet weights where they exist.
    name : str, optional
        The model's name; by default made of network, recipe and time.

    Raises
    ------
    XRayLabError
        If the dataset, network, recipe, weights or name can't be used.
    """
    datasets.load_dataset(settings, dataset)
    entry = network(arch)
    source = weights or ("imagenet" if entry.pretrained else "none")
    given = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    planned = plan(given, entry, pretrained=source != "none")
    _check_rule(planned)
    if source != "none":
        check_weights(settings, entry, source)
        if source != "imagenet" and model_weights(settings, source) is None:
            # the worker may run in another folder
            source = str(weights_path(settings, entry, source).resolve())
    called = name or name_for(arch, planned)
    request = TrainingRequest(
        name=called, dataset=dataset, arch=arch, weights=source, recipe=planned, replace=replace
    )
    check_name_free(settings, request.name, replace=replace)
    return request


def _check_rule(recipe: Recipe) -> None:
    """Refuse a rule that is none, or that the recipe itself makes impossible, before hours are spent."""
    rule = parse_rule(recipe.rule)
    if rule.kind == FLOOR and (why := why_no_floor_by(recipe.model_dump())):
        raise RecipeError(f"The rule “{rule}” can't lock what the recipe “{recipe.name}” trains: {why}")


def name_for(arch: str, recipe: Recipe) -> str:
    """A name for a model, made of its network, its recipe and the time."""
    return f"{stem(arch, recipe)}-{datetime.now():%m%d-%H%M%S}"


def stem(arch: str, recipe: Recipe) -> str:
    """What such a name begins with."""
    called = re.sub(r"[^A-Za-z0-9]+", "-", recipe.name).strip("-")[:_LONGEST_PART]
    return f"{arch}-{called or 'recipe'}"


def request_of(settings: Settings, run_id: str, *, name: str | None = None) -> TrainingRequest:
    """What a run was asked for, to ask for it again: under another name, and replacing nothing.

    Raises
    ------
    NotFoundError
        If there is no such run, or another version of XRayLab wrote it.
    NameTakenError
        If the name is taken.
    """
    request = _asked(settings, run_id)
    called = name or name_for(request.arch, request.recipe)
    check_name_free(settings, called)
    return request.model_copy(update={"name": called, "replace": False})


def start_training(settings: Settings, request: TrainingRequest) -> Run:
    """Queue a training and make sure that a worker is at it; returns at once."""
    return start_trainings(settings, [request])[0]


def start_trainings(settings: Settings, requests: Sequence[TrainingRequest]) -> list[Run]:
    """Queue trainings, all of them or none, and make sure that a worker is at them; returns at once.

    Raises
    ------
    NameTakenError
        If a name is that of a model or of a run that waits or works, or comes twice.
    """
    runs = submit_all(settings, requests)
    launch.ensure_worker(settings, settings.device)
    return runs


def resume_run(settings: Settings, run_id: str, *, keep_best: bool = False) -> documents.RunRow:
    """Put a failed or cancelled run back in the queue and make sure that a worker is at it.

    Parameters
    ----------
    keep_best : bool
        Whether its best epoch so far shall become the model, without training on.

    Raises
    ------
    XRayLabError
        If it can't go on; the message says why.
    """
    run = _put_back(settings, run_id, keep_best=keep_best)
    launch.ensure_worker(settings, run.device)
    return run_row(settings, run)


def train(
    settings: Settings,
    request: TrainingRequest,
    *,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
) -> documents.Trained:
    """Train in the foreground, under the same lease as the background.

    Parameters
    ----------
    on_progress : callable, optional
        Given each progress of the run.
    on_wait : callable, optional
        Called now and then while another training has the device.

    Raises
    ------
    TrainingError
        If the run failed or was cancelled.
    """
    started = time.monotonic()
    [run] = submit_all(settings, [request])
    return _carried_out(settings, run, started, on_progress, on_wait)


def resume(
    settings: Settings,
    run_id: str,
    *,
    keep_best: bool = False,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
) -> documents.Trained:
    """Let a failed or cancelled run go on in the foreground; as ``train`` and ``resume_run`` do.

    Raises
    ------
    XRayLabError
        If it can't go on, or stops again.
    """
    started = time.monotonic()
    run = _put_back(settings, run_id, keep_best=keep_best)
    return _carried_out(settings, run, started, on_progress, on_wait)


def assist(settings: Settings) -> bool:
    """Help with the trainings of the first of several processes, if this is another; false if it isn't."""
    if ranks.leads():
        return False
    ranks.answer(settings)
    return True


def carry_out(
    settings: Settings,
    runs: Sequence[Run],
    *,
    on_progress: Callable[[int, dict[str, Any]], None] = lambda _, __: None,
    on_wait: OnWait | None = None,
) -> list[Run]:
    """Work on queued runs of one device in the foreground, in turn, and return how each ended.

    Parameters
    ----------
    on_progress : callable
        Given the place of a run in the list, from 0, and its progress.
    on_wait : callable, optional
        Called now and then while another training has the device.
    """
    from xraylab.runs.worker import perform

    def wait() -> None:
        if on_wait:
            on_wait()
        time.sleep(_WAIT)

    device = runs[0].device
    try:
        with lease.device_lease(settings, device, wait) as lost:
            for number, run in enumerate(runs):
                if lost.is_set():  # whoever has the device now works on what waits
                    break
                mine = table.start(settings, run.id)
                if mine is not None:  # else a background worker was quicker
                    perform(settings, mine, stop=lost.is_set, watch=partial(on_progress, number))
        ranks.call(settings, None)
        launch.ensure_worker(settings, device)  # others may have queued up behind us
        return [_wait_until_over(settings, run.id) for run in runs]
    except KeyboardInterrupt:
        for run in runs:
            table.cancel(settings, run.id)
        raise


def submit_all(settings: Settings, requests: Sequence[TrainingRequest]) -> list[Run]:
    """Queue trainings, all of them or none, without starting a worker."""
    for request in requests:
        check_name_free(settings, request.name, replace=request.replace)
    return table.submit_all(settings, [_order(settings, request) for request in requests])


def why_no_model(run: Run) -> str:
    """Why a run that is over, and not done, has no model."""
    return run.error or f"The run {run.id} was {run.state}."


def cancel_run(settings: Settings, run_id: str) -> documents.RunRow:
    """Cancel a queued or running training."""
    return run_row(settings, table.cancel(settings, run_id))


def attend_runs(settings: Settings) -> list[Run]:
    """What pages look at: the runs, newest first, after making sure that a waiting queue has a worker."""
    launch.ensure_worker(settings, settings.device)
    return table.list_runs(settings)


def list_runs(settings: Settings, *, rebuild: bool = False) -> list[documents.RunRow]:
    """Every run, newest first; ``rebuild`` makes the table anew from the run folders."""
    table.reconcile(settings)
    runs = table.rebuild(settings) if rebuild else table.list_runs(settings)
    return [run_row(settings, run) for run in runs]


def _carried_out(
    settings: Settings, run: Run, started: float, on_progress: OnProgress | None, on_wait: OnWait | None
) -> documents.Trained:
    def watch(_number: int, progress: dict[str, Any]) -> None:
        if on_progress:
            on_progress(progress)

    [ended] = carry_out(settings, [run], on_progress=watch, on_wait=on_wait)
    if ended.state != "done":
        raise TrainingError(why_no_model(ended))
    return documents.Trained(
        run=ended.id,
        model=ended.name,
        seconds=round(time.monotonic() - started, 1),
        val=evaluate_validation(settings, ended.name),
    )


def _put_back(settings: Settings, run_id: str, *, keep_best: bool) -> Run:
    """Resume a run whose dataset is still there and whose model's name is still free."""
    if run_id in SHIPPED_NAMES:
        raise TrainingError(
            f"“{run_id}” is a model that comes with XRayLab, not a run: there is nothing to resume. Choose a "
            "run that was stopped (see runs)."
        )
    table.reconcile(settings)
    run = table.get(settings, run_id)
    if table.resumable(settings, run):  # else the table says why
        request = _asked(settings, run_id)
        datasets.load_dataset(settings, request.dataset)
        check_name_free(settings, request.name, replace=request.replace)
    return table.resume(settings, run_id, keep_best=keep_best)


def _asked(settings: Settings, run_id: str) -> TrainingRequest:
    asked = folder.read_recipe(settings, run_id).get("training")
    try:
        return TrainingRequest.model_validate(asked)
    except ValidationError as error:
        raise NotFoundError(
            f"The run “{run_id}” was written by another version of XRayLab, or is damaged. Ask for it anew."
        ) from error


def _order(settings: Settings, request: TrainingRequest) -> table.Order:
    return table.Order(
        name=request.name,
        dataset=request.dataset,
        arch=request.arch,
        recipe=request.recipe.name,
        recipe_json=request.model_dump(mode="json"),
        device=settings.device,
    )


def _wait_until_over(settings: Settings, run_id: str) -> Run:
    while True:
        table.reconcile(settings)
        run = table.get(settings, run_id)
        if not run.active:
            return run
        time.sleep(_WAIT)


def run_row(settings: Settings, run: Run) -> documents.RunRow:
    """One run of the table as a row of a list."""
    history = folder.read_history(settings, run.id)
    aucs = [epoch["validation_auc"] for epoch in history if epoch.get("validation_auc") is not None]
    return documents.RunRow(
        run=run.id,
        name=run.name,
        state=run.state,
        dataset=run.dataset,
        arch=run.arch,
        recipe=run.recipe,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=run.error,
        epoch=len(history),
        val_auc=max(aucs, default=None),
        resumable=table.resumable(settings, run),
        notes=(folder.read_result(settings, run.id) or {}).get("notes", []),
    )
