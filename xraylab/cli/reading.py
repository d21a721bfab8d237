"""The command that reads films."""

from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.output import Json, bar, tell
from xraylab.settings import load_settings


def predict(
    model: Annotated[str, typer.Option(help="Name of a model.")],
    paths: Annotated[list[str], typer.Argument(help="Films, folders or archives.")],
    heatmaps: Annotated[Path | None, typer.Option(help="Folder for Grad-CAM overlays.")] = None,
    age: Annotated[float | None, typer.Option(min=0, max=120, help="Age of the patient, in years.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a PDF per film and scores.csv.")] = None,
    json: Json = False,
) -> None:
    """Read films: score and decision; a file that can't be read is listed with the reason."""
    # The number of films is unknown beforehand: archives and folders are opened one after another.
    with bar("Reading films") as show:
        rows = actions.predict(
            load_settings(),
            model,
            paths,
            heatmaps=heatmaps,
            age=age,
            report=report,
            on_progress=lambda done: show(done, done),
        )
    tell(rows, json)
