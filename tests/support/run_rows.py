"""Changes to the rows of the run table that no part of the program would make."""

from sqlalchemy import delete, update

from xraylab.database import runs, writing


def set_row(settings, run_id, **values):
    with writing(settings) as db:
        db.execute(update(runs).where(runs.c.id == run_id).values(**values))


def forget(settings):
    with writing(settings) as db:
        db.execute(delete(runs))
