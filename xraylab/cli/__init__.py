"""
The command line: one command per job, presentation only.

- ``--json`` after a command's arguments prints one document on standard output, and nothing else there
- progress and notes go to standard error, whose last line is the sentence of an error
- exit code 2 means the user's mistake, 1 ours, 130 Ctrl-C
"""

import contextlib
from collections.abc import Callable
from typing import Any

import typer

from xraylab.actions.leftovers import sweep_at_start
from xraylab.cli import auditing, comparing, installation, managing, models, reading, training
from xraylab.errors import SettingsError
from xraylab.settings import load_settings

app = typer.Typer(
    name="xraylab",
    help="Train chest-radiograph classifiers, lock an operating point, read films. For research.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _begin() -> None:
    # Before the command: it must not meet what a killed one left.
    with contextlib.suppress(SettingsError):  # the command itself says what is wrong with them
        sweep_at_start(load_settings())


# ``--help`` lists them in this order: from films to a model, then what there is, then the installation.
_COMMANDS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("fetch", training.fetch),
    ("import", training.import_),
    ("audit", auditing.audit),
    ("mend", auditing.mend),
    ("train", training.train),
    ("resume", training.resume),
    ("lock", models.lock),
    ("restore", models.restore),
    ("ensemble", models.ensemble),
    ("evaluate", models.evaluate),
    ("compare", comparing.compare),
    ("robustness", models.robustness),
    ("shift", models.shift),
    ("subgroups", models.subgroups),
    ("predict", reading.predict),
    ("cancel", training.cancel),
    ("models", models.models),
    ("use", models.use),
    ("card", models.card),
    ("report", models.report),
    ("runs", training.runs),
    ("datasets", training.datasets),
    ("networks", training.networks),
    ("recipes", training.recipes),
    ("phantoms", training.phantoms),
    ("objects", managing.objects),
    ("rename", managing.rename),
    ("note", managing.note),
    ("delete", managing.delete),
    ("deleted", managing.deleted),
    ("undelete", managing.undelete),
    ("backup", installation.backup),
    ("trail", installation.trail),
    ("doctor", installation.doctor),
    ("app", installation.app_),
)
for _name, _command in _COMMANDS:
    app.command(_name)(_command)
