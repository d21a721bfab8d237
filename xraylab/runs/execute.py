"""
What the worker does with a run: train, score, publish, lock.

- the model's folder appears whole, locked, at the very end; a run that stops before leaves none
- a rule that no threshold can meet leaves the model without a lock, and the log says why
- validation and test films are scored by the one scorer; the test scores stay sealed in the folder
"""

import hashlib
import logging
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import nn

from xraylab import predictions as predictions_file
from xraylab.data.datasets import Dataset, load_dataset
from xraylab.errors import RecipeError
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.evaluation.thresholds import threshold_table
from xraylab.files import append_line, new_folder, write_text
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import Card, Model, TrainedOn, check_name_free
from xraylab.networks.inference import logits, sigmoid
from xraylab.networks.pretrained import weights_path
from xraylab.networks.registry import CLASSES, Network, build, network
from xraylab.networks.weights import load_into
from xraylab.predictions import Predictions
from xraylab.runs import folder
from xraylab.runs.table import RunCancelled
from xraylab.settings import Settings
from xraylab.training.device import pick_device, use_threads
from xraylab.training.loop import Epoch, Films, Fitted, Monitor, Progress, fit
from xraylab.training.recipe import TrainingRequest, plan

_PROGRESS_EVERY = 0.5  # seconds
_log = logging.getLogger(__name__)


def execute(
    settings: Settings,
    run_id: str,
    *,
    progress: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> None:
    """Train the model that a run asks for.

    Raises
    ------
    RunCancelled
        Soon after ``cancelled()`` is true.
    XRayLabError
        If the training can't be done; the message says why.
    """
    request = TrainingRequest.model_validate(folder.read_recipe(settings, run_id)["training"])
    check_name_free(settings, request.name, replace=request.replace)
    dataset = load_dataset(settings, request.dataset)
    entry = network(request.arch)
    use_threads(settings)
    device = pick_device(settings)
    started = time.monotonic()

    torch.manual_seed(request.recipe.seed)
    net = build(entry)
    pretrained = request.weights != "none"
    weights_hash = load_into(net, weights_path(settings, entry, request.weights), entry) if pretrained else ""
    recipe = plan(request.recipe, entry, pretrained=pretrained)
    _log.info("training on %s with %d threads, %d epochs", device, torch.get_num_threads(), recipe.epochs)

    fitted = fit(
        net,
        entry,
        _films(dataset),
        recipe,
        device=device,
        monitor=_monitor(settings, run_id, progress, cancelled),
    )
    scored = _score(fitted.net.to("cpu"), entry, dataset, progress, cancelled)
    card = Card(
        name=request.name,
        arch=entry.name,
        classes=CLASSES,
        created_at=datetime.now(UTC),
        run=run_id,
        dataset=TrainedOn(
            name=dataset.info.name,
            kind=dataset.info.kind,
            pixel_hash=dataset.info.pixel_hash,
            patient_key=dataset.info.patient_key,
            splits=dataset.info.splits,
        ),
        weights=request.weights if request.weights in ("none", "imagenet") else Path(request.weights).name,
        weights_sha256=weights_hash,
        recipe=recipe.model_dump(mode="json"),
        best_epoch=fitted.best.epoch,
        epochs=len(fitted.history),
        parameters=sum(p.numel() for p in net.parameters()),
        seconds=round(time.monotonic() - started, 1),
        device=str(device),
        preprocess_version=PREPROCESS_VERSION,
        model_sha256="",
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "torchvision")},
        },
    )
    _publish(settings, request, card, fitted, scored, dataset)


def _films(dataset: Dataset) -> Films:
    return Films(
        pixels=dataset.pixels,
        labels=dataset.catalog["label"].to_numpy(np.int64),
        train=dataset.rows("train"),
        validation=dataset.rows("validation"),
    )


def _monitor(
    settings: Settings,
    run_id: str,
    progress: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> Monitor:
    """Write what the loop tells into the run's folder, and stop it when the run is cancelled."""
    last = 0.0

    def on_progress(now: Progress) -> None:
        nonlocal last
        if cancelled():
            raise RunCancelled
        if time.monotonic() - last >= _PROGRESS_EVERY:
            last = time.monotonic()
            progress(asdict(now))

    def on_epoch(epoch: Epoch) -> None:
        folder.append_history(settings, run_id, asdict(epoch))
        _log.info(
            "epoch %d (%s): train loss %.4f, validation loss %.4f, validation AUC %.4f, %.1f s",
            epoch.epoch,
            epoch.stage,
            epoch.train_loss,
            epoch.validation_loss,
            epoch.validation_auc,
            epoch.seconds,
        )

    return Monitor(on_progress, on_epoch)


def _score(
    net: nn.Module,
    entry: Network,
    dataset: Dataset,
    progress: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> pd.DataFrame:
    """Predictions on the validation and test films, in the schema of ``predictions``.

    On the processor, wherever the training ran: reading scores there, and a film has one score.
    """
    rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
    progress(
        {"doing": "scoring the held-out films", "fraction": 1.0, "films_per_second": 0.0, "seconds_left": 0.0}
    )

    def stop_if_cancelled(_done: int) -> None:
        if cancelled():
            raise RunCancelled

    logit = logits(
        net, entry, dataset.pixels, rows, device=torch.device("cpu"), on_progress=stop_if_cancelled
    )
    frame = dataset.catalog.iloc[rows][["image_id", "patient", "group", "split", "label", "subtype"]]
    return frame.assign(logit=logit, score=sigmoid(logit)).reset_index(drop=True)


def _publish(
    settings: Settings,
    request: TrainingRequest,
    card: Card,
    fitted: Fitted,
    scored: pd.DataFrame,
    dataset: Dataset,
) -> None:
    with new_folder(settings.models / request.name, replace=request.replace) as staging:
        state = {name: tensor.cpu().contiguous() for name, tensor in fitted.net.state_dict().items()}
        raw = safetensors.torch.save(state)
        (staging / "model.safetensors").write_bytes(raw)
        card = card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})
        write_text(staging / "card.json", card.model_dump_json(indent=2))
        predictions_file.write(
            staging / "predictions.parquet", Predictions(scored, card.model_sha256, card.dataset.pixel_hash)
        )
        for epoch in fitted.history:
            append_line(staging / "history.jsonl", folder.finite(asdict(epoch)))
        model = Model(staging, card)
        validation = model.validation.scored
        table = threshold_table(validation.labels, validation.scores, validation.groups)
        rule = parse_rule(request.recipe.rule)
        try:
            threshold = choose(table, rule)
        except RecipeError as error:  # the training is worth keeping; a person locks by another rule
            _log.warning("not locked: %s", error)
            return
        model.write_lock(
            threshold, str(rule), actor="training", after_opening=dataset.opened_for(request.name)
        )
