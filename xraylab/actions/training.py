"""Trainings: request one, start it, list it, cancel it, resume it."""

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
from xraylab.models import SHIPPED_NAMES, check_name_free, decides_alike, load_model, why_no_floor_by
from xraylab.networks.pretrained import (
    check_weights,
    default_network,
    default_weights,
    model_weights,
    weights_path,
)
from xraylab.networks.registry import Network, network
from xraylab.runs import folder, launch, lease, ranks, table
from xraylab.runs.orphans import reconcile
from xraylab.runs.rebuild import rebuild as rebuild_table
from xraylab.runs.resume import resumable
from xraylab.runs.resume import resume as put_back
from xraylab.runs.run import Run
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe, TrainingRequest, load_recipe, plan, presets_for

_LONGEST_PART = 30  # characters of a recipe's name in a model's
_WAIT = 0.5  # seconds between two looks at a busy device

OnProgress = Callable[[dict[str, Any]], None]
OnWait = Callable[[], None]


def request_training(
    settings: Settings,
    *,
    dataset: str,
    arch: str | None = None,
    recipe: str | Recipe | None = None,
    weights: str | None = None,
    name: str | None = None,
    replace: bool = False,
) -> TrainingRequest:
    """Plan a training, check it as far as possible before it starts, and name its model.

    Parameters
    ----------
    arch : str, optional
        Name of a network; by default one that starts without a download.
    recipe : str or Recipe, optional
        A preset's name, a JSON file, or the recipe itself; by default the first preset that suits the network
        and its weights.
    weights : str, optional
        ``imagenet``, ``none``, a model's name or a file; by default ImageNet weights if the network has them.
    name : str, optional
        The model's name; by default made of network, recipe and time.
    replace : bool
        True to replace a model of this name when the training is done.

    Raises
    ------
    XRayLabError
        If the dataset, network, recipe, weights or name can't be used.
    """
    entry = network(arch) if arch else default_network(settings, weights)
    source = weights or default_weights(entry)
    pretrained = source != "none"
    given = load_recipe(recipe) if isinstance(recipe, str) else recipe
    planned = plan(given or presets_for(entry, pretrained=pretrained)[0], entry, pretrained=pretrained)
    return request_planned(
        settings, dataset=dataset, entry=entry, recipe=planned, weights=source, name=name, replace=replace
    )


def request_planned(
    settings: Settings,
    *,
    dataset: str,
    entry: Network,
    recipe: Recipe,
    weights: str,
    name: str | None = None,
    replace: bool = False,
) -> TrainingRequest:
    """Check a training whose recipe is planned already, and name its model.

    Parameters
    ----------
    recipe : Recipe
        As ``plan`` returned it for this network and these weights.

    Raises
    ------
    XRayLabError
        If the dataset, rule, weights or name can't be used.
    """
    datasets.load_dataset(settings, dataset)
    _check_rule(recipe)
    request = TrainingRequest(
        name=name or name_for(entry.name, recipe),
        dataset=dataset,
        arch=entry.name,
        weights=_found_weights(settings, entry, weights),
        recipe=recipe,
        replace=replace,
    )
    check_name_free(settings, request.name, replace=replace)
    return request


def _found_weights(settings: Settings, entry: Network, weights: str) -> str:
    """Check the first weights; return them with the full path of a file."""
    if weights == "none":
        return weights
    check_weights(settings, entry, weights)
    if weights == "imagenet" or model_weights(settings, weights) is not None:
        return weights
    # The worker may run in another folder, where a relative path means another file.
    return str(weights_path(settings, entry, weights).resolve())


def _check_rule(recipe: Recipe) -> None:
    """Reject an invalid rule, or one that the recipe can't satisfy, before the training takes hours."""
    rule = parse_rule(recipe.rule)
    if rule.kind == FLOOR and (why := why_no_floor_by(recipe.model_dump())):
        raise RecipeError(f"The rule “{rule}” can't lock what the recipe “{recipe.name}” trains: {why}")


def name_for(arch: str, recipe: Recipe) -> str:
    """Make a model's name from its network, its recipe and the time."""
    return f"{stem(arch, recipe)}-{datetime.now():%m%d-%H%M%S}"


def stem(arch: str, recipe: Recipe) -> str:
    """Return the part of such a name before the time."""
    part = re.sub(r"[^A-Za-z0-9]+", "-", recipe.name).strip("-")[:_LONGEST_PART]
    return f"{arch}-{part or 'recipe'}"


def request_of(settings: Settings, run_id: str, *, name: str | None = None) -> TrainingRequest:
    """Return the request of a run under another name, to train it again.

    Raises
    ------
    NotFoundError
        If there is no such run, or another version of XRayLab wrote it.
    NameTakenError
        If the name is taken.
    """
    request = _read_request(settings, run_id)
    new_name = name or name_for(request.arch, request.recipe)
    check_name_free(settings, new_name)
    # Under another name there is nothing to replace, even if the first training replaced a model.
    return request.model_copy(update={"name": new_name, "replace": False})


def start_training(settings: Settings, request: TrainingRequest) -> Run:
    """Queue a training, start a worker if none is running, and return at once."""
    return start_trainings(settings, [request])[0]


def start_trainings(settings: Settings, requests: Sequence[TrainingRequest]) -> list[Run]:
    """Queue trainings, all of them or none, start a worker if none is running, and return at once.

    Raises
    ------
    NameTakenError
        If a name occurs twice, or is that of a model or of a queued or running run.
    """
    runs = submit_all(settings, requests)
    launch.ensure_worker(settings, settings.device)
    return runs


def resume_run(settings: Settings, run_id: str, *, keep_best: bool = False) -> documents.RunRow:
    """Put a failed or cancelled run back in the queue, and start a worker if none is running.

    Parameters
    ----------
    keep_best : bool
        True to make a model of its best epoch so far, without more training.

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
    """Train in the foreground, with the same lease as a training in the background.

    Parameters
    ----------
    on_progress : callable, optional
        Called with each progress of the run.
    on_wait : callable, optional
        Called twice per second while another training uses the device.

    Raises
    ------
    TrainingError
        If the run failed or was cancelled.
    """
    started = time.monotonic()
    [run] = submit_all(settings, [request])
    return _finish(settings, run, started, on_progress, on_wait)


def resume(
    settings: Settings,
    run_id: str,
    *,
    keep_best: bool = False,
    on_progress: OnProgress | None = None,
    on_wait: OnWait | None = None,
) -> documents.Trained:
    """Go on with a failed or cancelled run in the foreground; see ``train`` and ``resume_run``.

    Raises
    ------
    XRayLabError
        If it can't go on, or stops again.
    """
    started = time.monotonic()
    run = _put_back(settings, run_id, keep_best=keep_best)
    return _finish(settings, run, started, on_progress, on_wait)


def assist(settings: Settings) -> bool:
    """Take part in the trainings of rank 0 until they are over; return False if this process is rank 0."""
    if ranks.leads():
        return False
    from xraylab.runs.execute import assist as take_part  # imports torch

    ranks.answer(settings, take_part)
    return True


def carry_out(
    settings: Settings,
    runs: Sequence[Run],
    *,
    on_progress: Callable[[int, dict[str, Any]], None] = lambda _, __: None,
    on_wait: OnWait | None = None,
) -> list[Run]:
    """Execute queued runs of one device in the foreground, one after another.

    Parameters
    ----------
    on_progress : callable
        Called with the place of a run in the list, from 0, and its progress.
    on_wait : callable, optional
        Called twice per second while another training uses the device.

    Returns
    -------
    list of Run
        The runs in their final states.
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
                if lost.is_set():  # the new holder of the device works on the queue now
                    break
                started = table.start(settings, run.id)
                if started is not None:  # None if a worker in the background was quicker
                    perform(settings, started, stop=lost.is_set, watch=partial(on_progress, number))
        ranks.call(settings, None)
        launch.ensure_worker(settings, device)  # other runs may have been queued meanwhile
        return [_wait_until_over(settings, run.id) for run in runs]
    except KeyboardInterrupt:
        # Runs that still wait would otherwise be trained by the next worker.
        for run in runs:
            table.cancel(settings, run.id)
        raise


def submit_all(settings: Settings, requests: Sequence[TrainingRequest]) -> list[Run]:
    """Queue trainings, all of them or none, without starting a worker."""
    for request in requests:
        check_name_free(settings, request.name, replace=request.replace)
    return table.submit_all(settings, [_order(settings, request) for request in requests])


def why_no_model(run: Run) -> str:
    """Return the reason why a run that is over has no model."""
    return run.error or f"The run {run.id} was {run.state}."


def cancel_run(settings: Settings, run_id: str) -> documents.RunRow:
    """Cancel a queued or running training."""
    return run_row(settings, table.cancel(settings, run_id))


def attend_runs(settings: Settings) -> list[Run]:
    """Return the runs for a page, newest first, and start a worker if runs wait without one."""
    # A worker may have been killed, or the machine restarted, so every page view is a chance to go on.
    launch.ensure_worker(settings, settings.device)
    return table.list_runs(settings)


def list_runs(settings: Settings, *, rebuild: bool = False) -> list[documents.RunRow]:
    """List every run, newest first.

    Parameters
    ----------
    rebuild : bool
        True to write the run table anew from the run folders first.
    """
    reconcile(settings)
    runs = rebuild_table(settings) if rebuild else table.list_runs(settings)
    return [run_row(settings, run) for run in runs]


def _finish(
    settings: Settings, run: Run, started: float, on_progress: OnProgress | None, on_wait: OnWait | None
) -> documents.Trained:
    """Execute a queued run in the foreground, and evaluate its model."""

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
        notes=[*notes_of(settings, ended), *_of_lock(settings, ended.name)],
    )


def _of_lock(settings: Settings, name: str) -> list[str]:
    """Return what to know about the decisions of a new model."""
    same = decides_alike(load_model(settings, name))
    return [same] if same else []


def _put_back(settings: Settings, run_id: str, *, keep_best: bool) -> Run:
    """Put a run back in the queue if its dataset still exists and its model's name is still free."""
    if run_id in SHIPPED_NAMES:
        raise TrainingError(
            f"“{run_id}” is a model that comes with XRayLab, not a run: there is nothing to resume. Choose a "
            "run that was stopped (see runs)."
        )
    reconcile(settings)
    run = table.get(settings, run_id)
    if resumable(settings, run):  # otherwise ``put_back`` raises and says why
        request = _read_request(settings, run_id)
        datasets.load_dataset(settings, request.dataset)
        check_name_free(settings, request.name, replace=request.replace)
    return put_back(settings, run_id, keep_best=keep_best)


def _read_request(settings: Settings, run_id: str) -> TrainingRequest:
    training = folder.read_recipe(settings, run_id).get("training")
    try:
        return TrainingRequest.model_validate(training)
    except ValidationError as error:
        raise NotFoundError(
            f"The run “{run_id}” was written by another version of XRayLab, or is damaged. Start a new "
            "training instead."
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
        reconcile(settings)  # the worker that took the run may die
        run = table.get(settings, run_id)
        if not run.active:
            return run
        time.sleep(_WAIT)


def run_row(settings: Settings, run: Run) -> documents.RunRow:
    """Return one run as a row of a list."""
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
        resumable=resumable(settings, run),
        notes=notes_of(settings, run),
    )


def notes_of(settings: Settings, run: Run) -> list[str]:
    """Return the sentences that a run tells about its training."""
    return list((folder.read_result(settings, run.id) or {}).get("notes", []))
