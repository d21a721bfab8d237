"""
Kill a process before each of its file operations, start again, and look for what was lost or left.

::

    python -m tests.support.kills FOLDER [--share S] [--random N] [--seed S] [--only NAME ...]

The process that forks has loaded torch, and runs nothing itself: a fork keeps one thread only. Each action
runs in a child that dies before its nth operation: open for writing, rename, unlink, mkdir, rmdir, flush to
the disk, and commit of the database. A second child then starts, and checks the home. Prints one JSON object.
"""

import argparse
import atexit
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.support.brief import BOTH, BRIEF, DATASET, FILMS, MEMBERS

LOADED = (
    "xraylab.cli",
    "xraylab.runs.execute",
    "xraylab.reading.features",
    "pytorch_grad_cam",
    "tests.support.averaged",
)
MACHINE = {"XRAYLAB_THREADS": "1", "XRAYLAB_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.fsync", "sqlite commit"}
WRITES = os.O_WRONLY | os.O_RDWR
LEFT = (".partial", ".retired", ".unqueued", ".unconfirmed", "-journal")
NEW, REPORT, BACKUP = "new", "report.json", "home.zip"
RENAMED = "renamed"


class Work:
    """A folder with the films, a home to copy, and the copy that an action changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base, self.home = folder / "base", folder / "home"
        self.films, self.others, self.out = folder / "films", folder / "others", folder / "out"

    def settings(self):
        from xraylab.settings import load_settings

        return load_settings(home=self.home)


def prepare(work: Work) -> None:
    """Make the home that each action starts from; with films, models and ensemble if they are missing."""
    from tests.support.averaged import make_model
    from xraylab import actions
    from xraylab.data import phantoms
    from xraylab.settings import load_settings

    settings = load_settings(home=work.base)
    if not work.base.exists():
        phantoms.write(work.films, FILMS, seed=3)
        phantoms.write(work.others, FILMS, seed=4)
        actions.import_dataset(settings, work.films, DATASET)
        for seed, name in enumerate(MEMBERS, 1):
            make_model(settings, name, "small_cnn", seed)
        actions.ensemble(settings, BOTH, list(MEMBERS), actor="app")
    actions.open_test(settings, MEMBERS[0], actor="app")
    for _ in range(2):
        keep(settings)
    from tests.support.run_rows import submit
    from xraylab.runs import table

    table.give_up(settings, submit(settings, dataset=DATASET).id, "It broke.")


def keep(settings) -> int:
    import numpy as np

    from xraylab import records

    film = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)
    case = records.NewCase("one", "57cb", 0.9, "positive", 0.4)
    return records.keep(settings, case, actor="app", picture=records.Kept(film))


def run_training(work: Work) -> None:
    from xraylab import actions

    stage = BRIEF.stages[0].model_copy(update={"epochs": 1})
    recipe = BRIEF.model_copy(update={"stages": (stage,), "augmentation": 0.0})
    request = actions.request_training(
        work.settings(), dataset=DATASET, arch="small_cnn", recipe=recipe, weights="none", name=NEW
    )
    actions.train(work.settings(), request)


def run_import(work: Work) -> None:
    from xraylab import actions

    actions.import_dataset(work.settings(), work.films, NEW)


def run_replace(work: Work) -> None:
    from xraylab import actions

    actions.import_dataset(work.settings(), work.others, DATASET, replace=True)


def run_mend(work: Work) -> None:
    from xraylab import actions
    from xraylab.data.mends import Mends

    mends = Mends(one_encoding=True, split_again=True)
    actions.mend_dataset(work.settings(), DATASET, NEW, mends)


def run_lock(work: Work) -> None:
    from xraylab import actions

    actions.lock(work.settings(), MEMBERS[1], "sensitivity:0.9", actor="app")


def run_ensemble(work: Work) -> None:
    from xraylab import actions

    actions.ensemble(work.settings(), BOTH, list(MEMBERS), actor="app", rule="f1", replace=True)


def run_open(work: Work) -> None:
    from xraylab import actions

    actions.open_test(work.settings(), MEMBERS[1], actor="app")


def run_keep(work: Work) -> None:
    keep(work.settings())


def run_delete(work: Work) -> None:
    from xraylab import records

    records.delete(work.settings(), 1, actor="app")


def run_rename(work: Work) -> None:
    from xraylab import actions

    actions.rename_object(work.settings(), "model", MEMBERS[1], RENAMED, actor="app")
    actions.rename_object(work.settings(), "dataset", DATASET, RENAMED, actor="app")


def run_discard(work: Work) -> None:
    """Delete one of each kind."""
    from xraylab import actions

    for kind, name in discarded(work):
        actions.delete_object(work.settings(), kind, name, actor="app")


def run_undo(work: Work) -> None:
    """Delete one of each kind, and restore it."""
    from xraylab import actions

    run_discard(work)
    for row in actions.list_deleted(work.settings()):
        actions.restore_object(work.settings(), row.id, actor="app")


def discarded(work: Work) -> list[tuple[str, str]]:
    """Return the objects that are deleted."""
    [run] = [place.name for place in (work.base / "runs").iterdir()]
    return [("model", BOTH), ("dataset", DATASET), ("run", run), ("case", "1")]


def run_report(work: Work) -> None:
    from xraylab.__main__ import main

    if main(["report", MEMBERS[0], "--out", str(work.out / REPORT)]):
        raise RuntimeError("the report failed")


def run_backup(work: Work) -> None:
    from xraylab import actions

    (work.out / BACKUP).unlink(missing_ok=True)
    actions.backup(work.settings(), work.out / BACKUP)


ACTIONS: dict[str, Callable[[Work], None]] = {
    "import": run_import,
    "replace": run_replace,
    "mend": run_mend,
    "train": run_training,
    "lock": run_lock,
    "ensemble": run_ensemble,
    "open": run_open,
    "keep": run_keep,
    "delete": run_delete,
    "rename": run_rename,
    "discard": run_discard,
    "undo": run_undo,
    "report": run_report,
    "backup": run_backup,
}


def done(work: Work, name: str) -> bool:
    """Return whether the result of an action is there."""
    from xraylab import actions, records
    from xraylab.data.datasets import list_datasets, load_dataset
    from xraylab.models import list_models, load_model

    settings = work.settings()
    if name in ("import", "mend", "rename", "discard", "undo"):
        made = NEW in {info.name for info in list_datasets(settings)}
        return made if name in ("import", "mend") else managed(work, name)
    if name == "replace":
        return load_dataset(settings, DATASET).info.source.endswith("others")
    if name == "train":
        trained = [row for row in actions.list_runs(settings) if row.state == "done"]
        return bool(trained) and NEW in {model.name for model in list_models(settings)}
    if name in ("lock", "ensemble"):
        model, rule = (MEMBERS[1], "sensitivity:0.9") if name == "lock" else (BOTH, "f1")
        return load_model(settings, model).require_lock().rule == rule
    if name in ("open", "report", "backup"):
        return load_model(settings, MEMBERS[1]).test_opened if name == "open" else written(work, name)
    kept = {case.number for case in records.all_cases(settings) if case.pixels_kept}
    return kept == ({1, 2, 3} if name == "keep" else {2})


def managed(work: Work, name: str) -> bool:
    """Return whether objects were renamed, deleted or restored."""
    from xraylab import actions
    from xraylab.data.datasets import list_datasets

    settings = work.settings()
    if name == "rename":
        return {info.name for info in list_datasets(settings)} == {RENAMED}
    gone = {(row.kind, row.name) for row in actions.list_deleted(settings)}
    return gone == ({*discarded(work)} if name == "discard" else set())


def written(work: Work, name: str) -> bool:
    """Return whether the file of a report or backup is there; a backup must be one that can be restored."""
    from xraylab import actions
    from xraylab.settings import load_settings

    if name == "report":
        return (work.out / REPORT).exists()
    fresh = load_settings(home=work.folder / "restored")
    shutil.rmtree(fresh.home, ignore_errors=True)
    return actions.restore_backup(fresh, work.out / BACKUP).members > 0


def check(work: Work, name: str, *, acknowledged: bool) -> None:
    """Start again, and raise if something was lost or is left.

    Raises
    ------
    AssertionError
        The message says what.
    """
    from xraylab import actions, records
    from xraylab.actions.leftovers import sweep_at_start
    from xraylab.data.catalog import manifest_sha256
    from xraylab.data.datasets import list_datasets, load_dataset
    from xraylab.data.openings import read_openings
    from xraylab.models import list_models

    settings = work.settings()
    sweep_at_start(settings)
    if name in ("report", "backup") and not acknowledged:
        ACTIONS[name](work)  # its file lies outside of the home: the next report or backup sweeps there
    left = [str(file) for top in (work.home, work.out) for file in top.rglob("*") if file.name.endswith(LEFT)]
    assert not left, f"left: {left}"
    assert done(work, name) or not acknowledged, "what was acknowledged is lost"
    restore(work, name)
    datasets = {info.name for info in list_datasets(settings)}
    known = {RENAMED} if name == "rename" and RENAMED in datasets else {DATASET}
    assert datasets - {NEW} == known, f"datasets: {datasets}"
    for dataset in (load_dataset(settings, name) for name in datasets):
        assert hashlib.sha256(dataset.pixels.tobytes()).hexdigest() == dataset.info.pixel_hash
        assert len(dataset.catalog) == dataset.info.n
        assert dataset.manifest == manifest_sha256(dataset.catalog)
    models = {model.name: model for model in list_models(settings) if not model.shipped}
    known = {MEMBERS[0], RENAMED if name == "rename" and RENAMED in models else MEMBERS[1], BOTH}
    assert set(models) - {NEW} == known, f"models: {set(models)}"
    for model in models.values():
        assert len(model.parts) == 2 if model.name == BOTH else model.read_weights()
        assert model.require_lock().model_sha256 == model.card.model_sha256
        model.table("validation")
    assert models[MEMBERS[0]].test_opened
    assert len(read_openings(settings)) in ({1, 2} if name == "open" else {1})
    runs = {row.run: row.state for row in actions.list_runs(settings)}
    assert {place.name for place in settings.runs.glob("*")} == set(runs), "folders without a run"
    assert not set(runs.values()) & {"running", "queued"} or name == "train"
    for run, state in runs.items():
        assert state != "done" or not (settings.runs / run / "checkpoint").exists()
    claimed = {str(case.number) for case in records.all_cases(settings) if case.pixels_kept}
    assert {place.name for place in settings.cases.iterdir()} == claimed
    assert "2" in claimed
    for number in claimed:
        assert {file.name for file in (settings.cases / number).iterdir()} == {"film.png", "film.json"}


def restore(work: Work, name: str) -> None:
    """Put back what was deleted: each object is whole, in its place or in the trash, and never in both."""
    from xraylab import actions

    settings = work.settings()
    if name not in ("discard", "undo"):
        return
    there = {(row.kind, row.name) for row in actions.list_objects(settings)}
    gone = {(row.kind, row.name): row.id for row in actions.list_deleted(settings)}
    for key in discarded(work):
        assert (key in there) != (key in gone), f"{key} is lost, or here twice"
    for deleted_id in gone.values():
        actions.restore_object(settings, deleted_id, actor="app")


def watch(home: Path, point: int | None, counted: Path) -> None:
    """Die before the operation of this number; without one, count all operations into a file."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    places = (str(home), str(home.parent / "out"))
    number = 0

    def see(name: str, given: tuple) -> None:
        nonlocal number
        if name not in STEPS and not (name == "open" and isinstance(given[2], int) and given[2] & WRITES):
            return
        # A relative path is a name inside a folder that is being removed.
        path = os.fsdecode(given[0]) if isinstance(given[0], str | bytes | os.PathLike) else ""
        if not path.startswith("/") or path.startswith(places):
            number += 1
            if number == point:
                os.kill(os.getpid(), signal.SIGKILL)

    flush = os.fsync

    def fsync(descriptor: int) -> None:
        see("os.fsync", (descriptor,))
        flush(descriptor)

    os.fsync = fsync
    event.listen(Engine, "commit", lambda _connection: see("sqlite commit", (0,)))
    sys.addaudithook(see)
    if point is None:
        atexit.register(lambda: counted.write_text(str(number)))


def fork(log: Path, body: Callable[[], None]) -> int:
    """Run a function in a child and return its process id; what it writes and raises goes to a log."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        body()
        code = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        atexit._run_exitfuncs()
        os._exit(code)


def wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def attempt(work: Work, name: str, point: int | None = None, seconds: float | None = None) -> str | None:
    """Run an action, kill it at a point or after a time, start again; return what is wrong, or None."""
    shutil.rmtree(work.home, ignore_errors=True)
    shutil.rmtree(work.out, ignore_errors=True)
    shutil.copytree(work.base, work.home)
    work.out.mkdir()
    counted = work.folder / "counted"

    def act() -> None:
        if seconds is None:
            watch(work.home, point, counted)
        ACTIONS[name](work)

    log = work.folder / "log.txt"
    pid = fork(log, act)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    code = wait(pid)
    if code not in (0, -signal.SIGKILL):
        return f"the action ended with {code}: {log.read_text()[-2000:]}"
    if wait(fork(log, lambda: check(work, name, acknowledged=code == 0))):
        return log.read_text()[-2000:]
    return None


def count(work: Work, name: str) -> tuple[int, float]:
    """Return the number of file operations of an action, and its duration in seconds."""
    begun = time.monotonic()
    wrong = attempt(work, name)
    if wrong:
        raise RuntimeError(f"{name} fails without a kill: {wrong}")
    return int((work.folder / "counted").read_text()), time.monotonic() - begun


def main(arguments: list[str] | None = None) -> dict:
    """Try the points and times that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Kill before file operations, and look for losses.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="Share of the points to try.")
    parser.add_argument("--random", type=int, default=200, help="Number of kills at random times.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=list(ACTIONS))
    asked = parser.parse_args(arguments)
    work, drawn = Work(asked.folder), random.Random(asked.seed)  # noqa: S311
    os.environ |= MACHINE | {"XRAYLAB_HOME": str(work.home)}
    for module in LOADED:
        importlib.import_module(module)
    if wait(fork(work.folder / "log.txt", lambda: prepare(work))):
        raise RuntimeError((work.folder / "log.txt").read_text())
    points, failures, times = {}, [], 0
    durations = {}
    for name in asked.only:
        points[name], durations[name] = count(work, name)
    every = [(name, point) for name in asked.only for point in range(1, points[name] + 1)]
    for name, point in sorted(drawn.sample(every, round(asked.share * len(every)))):
        times += 1
        if wrong := attempt(work, name, point):
            failures.append({"action": name, "before operation": point, "wrong": wrong})
            sys.stderr.write(f"{failures[-1]}\n")
    for _ in range(asked.random):
        name = drawn.choice(asked.only)
        after = drawn.random() * durations[name]
        if wrong := attempt(work, name, seconds=after):
            failures.append({"action": name, "after seconds": after, "wrong": wrong})
            sys.stderr.write(f"{failures[-1]}\n")
    return {"operations": points, "points": times, "random": asked.random, "failures": failures}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
