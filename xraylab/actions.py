"""
What a user can do, one function a job.

- pages and commands change things through here and nowhere else
- a function that changes something takes the actor: who did it, for the record
- no torch at import: the light screens come through here too; what needs it imports it when called
"""

import math
import os
import platform
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xraylab import __version__, documents
from xraylab.data import datasets, phantoms
from xraylab.data.datasets import Dataset, DatasetInfo
from xraylab.data.sources import LARGEST_FILE, danger, read_member
from xraylab.errors import (
    DatasetError,
    NameTakenError,
    NotFoundError,
    StorageError,
    TrainingError,
    UnreadableImageError,
)
from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.evaluation.summary import summarise
from xraylab.evaluation.thresholds import threshold_table
from xraylab.files import check_name, write_bytes
from xraylab.models import Model, check_name_free, list_models, load_model, openings
from xraylab.networks.pretrained import weights_path
from xraylab.networks.registry import network, networks
from xraylab.predictions import SPLITS, Predictions
from xraylab.runs import folder, launch, lease, table
from xraylab.runs.table import Run
from xraylab.settings import Settings
from xraylab.training.recipe import PRESETS, TrainingRequest, load_recipe, plan

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel

Progress = Callable[[int, int], None]

PHANTOM_FILMS = 600
_LOW_DISK = 2**30  # bytes
_LONGEST_PART = 30  # characters of a recipe's name in a model's
_WAIT = 0.5  # seconds between two looks at a busy device


# Films


def import_dataset(
    settings: Settings,
    source: Path,
    name: str,
    *,
    patient_key: str = "prefix-number",
    replace: bool = False,
    on_progress: Progress | None = None,
) -> documents.Imported:
    """Import a zip archive or folder of labelled films; see ``datasets.import_dataset``."""
    dataset = datasets.import_dataset(
        settings, source, name, patient_key=patient_key, replace=replace, on_progress=on_progress
    )
    return _imported(dataset.info, len(dataset.openings))


def make_phantoms(
    target: Path, n: int, *, seed: int = 0, on_progress: Progress | None = None
) -> documents.Phantoms:
    """Write teaching phantoms in the dataset layout."""
    labels = phantoms.write(target, n, seed=seed, on_progress=on_progress)
    return documents.Phantoms(n=n, labels=labels, folder=str(target))


def import_phantoms(
    settings: Settings,
    name: str = "phantoms",
    *,
    n: int = PHANTOM_FILMS,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> documents.Imported:
    """Make teaching phantoms and import them, as one job.

    The films lie in the home; making them again gives the same ones, so phantoms of that name are replaced.

    Raises
    ------
    NameTakenError
        If a dataset of that name holds radiographs.
    """
    source = settings.home / "phantoms" / check_name(name, what="dataset")
    there = _dataset_or_none(settings, name)
    if there is not None and there.info.kind != "phantoms":
        raise NameTakenError(f"There is a dataset “{name}” of radiographs already. Choose another name.")

    def report(offset: int) -> Progress | None:
        return (lambda done, total: on_progress(offset + done, 2 * total)) if on_progress else None

    shutil.rmtree(source, ignore_errors=True)
    phantoms.write(source, n, seed=seed, on_progress=report(0))
    return import_dataset(settings, source, name, replace=True, on_progress=report(n))


def list_datasets(settings: Settings) -> list[documents.Imported]:
    """Every dataset, newest first."""
    return [
        _imported(info, len(Dataset(settings.datasets / info.name, info).openings))
        for info in datasets.list_datasets(settings)
    ]


# Training


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
    planned = plan(load_recipe(recipe), pretrained=source != "none")
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


# Operating points


def lock(settings: Settings, name: str, rule: str, *, actor: str) -> documents.Locked:
    """Lock a model's operating point by a rule on its validation films.

    Raises
    ------
    NotFoundError, RecipeError
        If there is no such model, or the rule isn't one.
    """
    model = load_model(settings, name)
    parsed = parse_rule(rule)
    validation = model.validation.scored
    threshold = choose(threshold_table(validation.labels, validation.scores, validation.groups), parsed)
    made = model.write_lock(
        threshold, str(parsed), actor=actor, after_opening=_opened_before(settings, model)
    )
    return documents.Locked(
        model=name,
        rule=made.rule,
        threshold=made.threshold,
        after_opening=made.after_opening,
        val=evaluate_validation(settings, name),
    )


def evaluate_validation(settings: Settings, name: str) -> documents.Evaluated:
    """A model's numbers on its validation films at its lock."""
    model = load_model(settings, name)
    return _evaluated(settings, model, model.validation, data=model.card.dataset.name, split="validation")


def open_test(settings: Settings, name: str, *, actor: str) -> documents.Evaluated:
    """Open the test split for a locked model: logged for good, on the model and on the dataset.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    """
    model = load_model(settings, name)
    _log_opening(settings, model, model.card.dataset.name, actor)
    return test_result(settings, name)


def test_result(settings: Settings, name: str) -> documents.Evaluated:
    """A model's numbers on its test films at its lock, once they have been opened; opens nothing.

    Raises
    ------
    HonestOrderError
        If they are sealed.
    """
    model = load_model(settings, name)
    return _evaluated(settings, model, model.test, data=model.card.dataset.name, split="test")


def evaluate(
    settings: Settings,
    name: str,
    data: str,
    *,
    split: str = "test",
    actor: str,
    on_progress: Progress | None = None,
) -> documents.Evaluated:
    """Score labelled films at a model's lock.

    Parameters
    ----------
    data : str
        A dataset's name, or the path of a labelled zip or folder, which is scored whole.
    split : str
        Of a dataset; opening the test split is logged.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    NotFoundError, DatasetError
        If there is no such model, dataset, path or split.
    """
    model = load_model(settings, name)
    model.require_lock()
    if (settings.datasets / data / "dataset.json").exists():
        return _evaluate_dataset(settings, model, data, split, actor, on_progress)
    if not Path(data).exists():
        raise NotFoundError(f"“{data}” is neither a dataset nor a path on this machine.")
    catalog, pixels, refused = datasets.read_labelled(Path(data), on_progress=on_progress)
    if catalog.empty:
        raise DatasetError(f"None of the {len(refused)} labelled files in “{data}” could be read.")
    scored = _score(settings, model, catalog, pixels, np.arange(len(catalog)), on_progress)
    return _evaluated(settings, model, scored, data=data, split=None, refused=len(refused))


# Reading


def load_for_reading(settings: Settings, name: str) -> "LoadedModel":
    """Load a model's weights, ready to score."""
    from xraylab.reading.loaded import load
    from xraylab.training.device import use_threads

    use_threads(settings)
    return load(load_model(settings, name))


def predict(
    settings: Settings,
    name: str,
    paths: list[str],
    *,
    heatmaps: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[documents.Predicted]:
    """Score files, folders (recursively) and archives; what can't be read is a row that says why.

    Raises
    ------
    NotFoundError
        If a path doesn't exist, or there is no such model.
    StorageError
        If the heatmaps can't be written.
    """
    from xraylab.reading.read import read_films

    for path in paths:
        if not Path(path).exists():
            raise NotFoundError(f"{path} doesn't exist. Check the path.")
    if heatmaps is not None and heatmaps.exists() and not heatmaps.is_dir():
        raise StorageError(f"{heatmaps} is not a folder, so no heatmaps can go there. Name a folder.")
    loaded = load_for_reading(settings, name)
    rows = []
    films = (film for path in paths for film in _files_of(path))
    for number, reading in enumerate(read_films(loaded, films), 1):
        drawn = _write_heatmap(loaded, reading, heatmaps, number) if heatmaps else None
        rows.append(
            documents.Predicted(
                file=reading.name,
                score=reading.score,
                decision=reading.decision,
                threshold=reading.threshold,
                warnings=list(reading.warnings),
                refused=reading.refused,
                heatmap=drawn,
            )
        )
        if on_progress:
            on_progress(number)
    return rows


# What there is


def model_rows(settings: Settings) -> list[documents.ModelRow]:
    """Every model, newest first, with its validation AUC."""
    return [_model_row(model) for model in list_models(settings)]


def model_row(settings: Settings, name: str) -> documents.ModelRow:
    """One model with its validation AUC.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    return _model_row(load_model(settings, name))


def network_rows(settings: Settings) -> list[documents.NetworkRow]:
    """Every network."""
    return [
        documents.NetworkRow(
            name=entry.name,
            title=entry.title,
            about=entry.about,
            side=entry.side,
            pretrained=entry.pretrained,
            weights_here=(settings.weights / entry.weights_file).exists(),
        )
        for entry in networks()
    ]


def recipe_rows() -> list[documents.RecipeRow]:
    """Every preset."""
    return [
        documents.RecipeRow(
            name=preset.name,
            about=preset.about,
            epochs=preset.epochs,
            stages=[stage.model_dump() for stage in preset.stages],
        )
        for preset in PRESETS
    ]


# Parts


def _imported(info: DatasetInfo, openings: int) -> documents.Imported:
    return documents.Imported(
        name=info.name,
        kind=info.kind,
        n=info.n,
        labels=info.labels,
        patients=info.patients,
        patient_key=info.patient_key,
        splits=info.splits,
        ignored=info.ignored,
        refused=info.refused,
        notes=info.notes,
        test_openings=openings,
        created_at=info.created_at,
    )


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


def _model_row(model: Model) -> documents.ModelRow:
    lock = model.lock
    auc, auc_ci = _validation_auc(model)
    return documents.ModelRow(
        name=model.name,
        arch=model.card.arch,
        dataset=model.card.dataset.name,
        recipe=str(model.card.recipe["name"]),
        threshold=lock.threshold if lock else None,
        rule=lock.rule if lock else None,
        val_auc=auc,
        val_auc_ci=auc_ci,
        created_at=model.card.created_at,
    )


def _validation_auc(model: Model) -> tuple[float, tuple[float, float]]:
    """AUC and its interval on validation; NaN if the predictions are damaged, for the list to go on."""
    try:
        validation = model.validation.scored
    except NotFoundError:
        return math.nan, (math.nan, math.nan)
    labels, scores, groups = validation.labels, validation.scores, validation.groups
    return threshold_table(labels, scores, groups).auc, auc_interval(labels, scores, groups)


def _dataset_or_none(settings: Settings, name: str) -> Dataset | None:
    try:
        return datasets.load_dataset(settings, name)
    except (NotFoundError, DatasetError):
        return None


def _opened_before(settings: Settings, model: Model) -> bool:
    dataset = _dataset_or_none(settings, model.card.dataset.name)
    return dataset is not None and dataset.opened_for(model.name)


def _log_opening(settings: Settings, model: Model, dataset_name: str, actor: str) -> None:
    """Log first, then look: an opening that isn't logged can't happen."""
    lock = model.require_lock()
    dataset = _dataset_or_none(settings, dataset_name)
    if dataset is not None:
        dataset.log("test opened", model=model.name, actor=actor, threshold=lock.threshold)
    if dataset_name == model.card.dataset.name:
        model.write_opening()


def _evaluate_dataset(
    settings: Settings, model: Model, data: str, split: str, actor: str, on_progress: Progress | None
) -> documents.Evaluated:
    if split not in SPLITS:
        raise NotFoundError(f"There is no split “{split}”. Choose {', '.join(SPLITS)}.")
    dataset = datasets.load_dataset(settings, data)
    rows = dataset.rows(split)
    if not len(rows):
        raise DatasetError(f"The {split} split of {data} is empty.")
    if split == "test":
        _log_opening(settings, model, data, actor)
    own = dataset.info.pixel_hash == model.card.dataset.pixel_hash and data == model.card.dataset.name
    if own and split != "train":  # scored by the same scorer when the training ended
        kept = model.test if split == "test" else model.validation
        return _evaluated(settings, model, kept, data=data, split=split)
    scored = _score(settings, model, dataset.catalog, dataset.pixels, rows, on_progress)
    return _evaluated(settings, model, scored, data=data, split=split)


def _score(
    settings: Settings,
    model: Model,
    catalog: pd.DataFrame,
    pixels: np.ndarray[Any, np.dtype[np.uint8]],
    rows: np.ndarray[Any, np.dtype[np.intp]],
    on_progress: Progress | None,
) -> Predictions:
    from xraylab.reading.read import gate, score_pixels

    loaded = load_for_reading(settings, model.name)
    tell = (lambda done: on_progress(done, len(rows))) if on_progress else None
    logit, score = score_pixels(loaded, pixels, rows, on_progress=tell)
    frame = catalog.iloc[rows].reset_index(drop=True).assign(logit=logit, score=score)
    frame["warned"] = [
        bool(gate(bool(synthetic), model.card.dataset.kind)) for synthetic in frame["synthetic"]
    ]
    return Predictions(frame, model.card.model_sha256)


def _evaluated(
    settings: Settings,
    model: Model,
    predictions: Predictions,
    *,
    data: str,
    split: str | None,
    refused: int = 0,
) -> documents.Evaluated:
    lock = model.require_lock()
    scored = predictions.scored
    return documents.evaluated(
        summarise(scored.labels, scored.scores, scored.groups, lock.threshold),
        model=model.name,
        data=data,
        split=split,
        refused=refused,
        warned=int(predictions.frame["warned"].sum()) if "warned" in predictions.frame else 0,
        test_openings=len(openings(settings, data)) if split else 0,
        lock_after_opening=lock.after_opening,
    )


def _files_of(path: str) -> Iterator[tuple[str, bytes | str]]:
    """Every file that a path stands for, with the name to tell it by."""
    place = Path(path)
    if place.is_dir():
        for file in sorted(place.rglob("*")):
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(place).parts):
                yield os.path.join(path, file.relative_to(place).as_posix()), _read_file(file)  # noqa: PTH118
    elif zipfile.is_zipfile(place):
        yield from _members_of(path)
    else:
        yield path, _read_file(place)


def _read_file(file: Path) -> bytes | str:
    try:
        if file.stat().st_size > LARGEST_FILE:
            return f"The file has more than {LARGEST_FILE // 2**20} MB, too many for a radiograph."
        return file.read_bytes()
    except OSError:
        return "The file can't be opened. Check its permissions."


def _members_of(path: str) -> Iterator[tuple[str, bytes | str]]:
    """Every file in an archive, or why it isn't read."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        yield path, "The archive is damaged. Download or copy it again."
        return
    with archive:
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            if not member.is_dir() and not _hidden(member.filename):
                yield f"{path}::{member.filename}", _read_member(archive, member)


def _hidden(member: str) -> bool:
    """Whether a system put it there; a path out of the archive is never passed over in silence."""
    parts = member.split("/")
    return ".." not in parts and any(part != "." and part.startswith((".", "__MACOSX")) for part in parts)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | str:
    if fault := danger(member):
        return f"This file of the archive was not read: {fault}."
    try:
        return read_member(archive, member)
    except UnreadableImageError as error:
        return str(error)


def _write_heatmap(loaded: "LoadedModel", reading: Any, target: Path, number: int) -> str | None:
    if reading.pixels is None:
        return None
    from xraylab.reading.heatmap import heatmap, overlay_png

    stem = Path(reading.name.rpartition("::")[2]).stem[:80]
    file = target / f"{number:05d}-{stem}.png"
    write_bytes(file, overlay_png(heatmap(loaded, reading.pixels)))
    return str(file)


# Health


def doctor(settings: Settings) -> documents.Doctor:
    """Look at everything that a fault report would ask for."""
    looks: dict[str, Callable[[], tuple[bool, str]]] = {
        "versions": _look_at_versions,
        "device": lambda: _look_at_device(settings),
        "home": lambda: _look_at_home(settings),
        "database": lambda: _look_at_database(settings),
        "weights": lambda: _look_at_weights(settings),
        "golden film": _look_at_pixels,
        "golden score": _look_at_score,
    }
    checks = []
    for name, look in looks.items():
        try:
            ok, detail = look()
        except Exception as error:  # a doctor reports what is broken, whatever it is
            ok, detail = False, f"{type(error).__name__}: {error}"
        checks.append(documents.Check(name=name, ok=ok, detail=detail))
    return documents.Doctor(ok=all(check.ok for check in checks), checks=checks)


def _look_at_versions() -> tuple[bool, str]:
    packages = ("torch", "torchvision", "streamlit", "grad-cam", "pillow", "scikit-learn", "numpy")
    found = ", ".join(f"{name} {version(name)}" for name in packages)
    return True, f"xraylab {__version__}, Python {platform.python_version()}, {found}"


def _look_at_device(settings: Settings) -> tuple[bool, str]:
    import torch

    from xraylab.training.device import bf16_pays, pick_device, use_threads

    device = pick_device(settings)
    use_threads(settings)
    return True, f"{device}, {torch.get_num_threads()} threads, bf16 {'yes' if bf16_pays(device) else 'no'}"


def _look_at_home(settings: Settings) -> tuple[bool, str]:
    probe = settings.home / ".doctor"
    write_bytes(probe, b"")
    probe.unlink()
    free = shutil.disk_usage(settings.home).free
    return free > _LOW_DISK, f"{settings.home}, {free / 2**30:.1f} GB free"


def _look_at_database(settings: Settings) -> tuple[bool, str]:
    return True, f"{len(table.list_runs(settings))} runs, up to date"


def _look_at_weights(settings: Settings) -> tuple[bool, str]:
    here = [row.name for row in network_rows(settings) if row.weights_here]
    return True, f"ImageNet weights in {settings.weights}: {', '.join(here) or 'none'}"


def _look_at_pixels() -> tuple[bool, str]:
    from xraylab.reading import golden

    difference = golden.pixel_difference()
    return difference <= golden.PIXEL_TOLERANCE, f"differs by at most {difference} grey levels"


def _look_at_score() -> tuple[bool, str]:
    from xraylab.reading import golden

    difference = golden.score_difference()
    return difference <= golden.SCORE_TOLERANCE, f"differs by {difference:.1e}"
