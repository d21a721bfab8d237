"""Trainings: ask for one, start it, watch and cancel it."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from xraylab import documents
from xraylab.actions.operating_points import evaluate_validation
from xraylab.data import datasets
from xraylab.errors import (
    TrainingError,
)
from xraylab.evaluation.rules import parse_rule
from xraylab.models import check_name_free
from xraylab.networks.pretrained import weights_path
from xraylab.networks.registry import network
from xraylab.runs import folder, launch, lease, table
from xraylab.runs.table import Run
from xraylab.settings import Settings
from xraylab.training.recipe import TrainingRequest, load_recipe, plan

_LONGEST_PART = 30  # characters of a recipe's name in a model's
_WAIT = 0.5  # seconds between two looks at a busy device


def request_training(
    settings: Settings,
    *,
    dataset: str,
    arch: str,
    recipe: str,
    weights: str | None = None,
    name: str | None = None,
    replace: bool = False,
) -> TrainingRequest:
    """Check everything that can be checked before a training starts, and name the model.

    Parameters
    ----------
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
    planned = plan(load_recipe(recipe), entry, pretrained=source != "none")
    parse_rule(planned.rule)
    if source != "none":
        file = weights_path(settings, entry, source)
        if source != "imagenet" and file != settings.models / source / "model.safetensors":
            source = str(file.resolve())  # the worker may run in another folder
    called = re.sub(r"[^A-Za-z0-9]+", "-", planned.name).strip("-")[:_LONGEST_PART]
    made_up = f"{arch}-{called or 'recipe'}-{datetime.now():%m%d-%H%M%S}"
    request = TrainingRequest(
        name=name or made_up, dataset=dataset, arch=arch, weights=source, recipe=planned, replace=replace
    )
    check_name_free(settings, request.name, replace=replace)
    return request


def start_training(settings: Settings, request: TrainingRequest) -> Run:
    """Queue a training and make sure that a worker is at it; returns at once."""
    run = _submit(settings, request)
    launch.ensure_worker(settings, settings.device)
    return run


def train(
    settings: Settings,
    request: TrainingRequest,
    *,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    on_wait: Callable[[], None] | None = None,
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
    from xraylab.runs.worker import perform

    started = time.monotonic()
    run = _submit(settings, request)

    def wait() -> None:
        if on_wait:
            on_wait()
        time.sleep(_WAIT)

    try:
        with lease.device_lease(settings, settings.device, wait) as lost:
            mine = table.start(settings, run.id)
            if mine is not None:  # else a background worker was quicker
                perform(settings, mine, stop=lost.is_set, watch=on_progress)
    except KeyboardInterrupt:
        table.cancel(settings, run.id)
        raise
    launch.ensure_worker(settings, settings.device)  # others may have queued up behind us
    ended = _wait_until_over(settings, run.id)
    if ended.state != "done":
        raise TrainingError(ended.error or f"The run {run.id} was {ended.state}.")
    return documents.Trained(
        run=run.id,
        model=request.name,
        seconds=round(time.monotonic() - started, 1),
        val=evaluate_validation(settings, request.name),
    )


def cancel_run(settings: Settings, run_id: str) -> documents.RunRow:
    """Cancel a queued or running training."""
    return _run_row(settings, table.cancel(settings, run_id))


def attend_runs(settings: Settings) -> list[Run]:
    """What pages look at: the runs, newest first, after making sure that a waiting queue has a worker."""
    launch.ensure_worker(settings, settings.device)
    return table.list_runs(settings)


def list_runs(settings: Settings, *, rebuild: bool = False) -> list[documents.RunRow]:
    """Every run, newest first; ``rebuild`` makes the table anew from the run folders."""
    table.reconcile(settings)
    runs = table.rebuild(settings) if rebuild else table.list_runs(settings)
    return [_run_row(settings, run) for run in runs]


def _submit(settings: Settings, request: TrainingRequest) -> Run:
    return table.submit(
        settings,
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


def _run_row(settings: Settings, run: Run) -> documents.RunRow:
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
    )
