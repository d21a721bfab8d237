"""Rows of the run table: submit a run, and make changes that no part of the program makes."""

from typing import Any

from sqlalchemy import delete, update

from xraylab.database import runs, writing
from xraylab.runs import table
from xraylab.runs.run import Run
from xraylab.settings import Settings


def submit(
    settings: Settings,
    name: str = "first",
    *,
    dataset: str = "films",
    arch: str = "small_cnn",
    recipe: str = "quick",
    **training: Any,
) -> Run:
    [run] = table.submit_all(settings, [table.Order(name, dataset, arch, recipe, training)])
    return run


def set_row(settings, run_id, **values):
    with writing(settings) as db:
        db.execute(update(runs).where(runs.c.id == run_id).values(**values))


def forget(settings):
    with writing(settings) as db:
        db.execute(delete(runs))
