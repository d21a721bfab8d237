"""The command that reads films."""

from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.output import ACTOR, Json, bar, tell, tell_films
from xraylab.settings import load_settings


def predict(
    paths: Annotated[list[str], typer.Argument(help="Films, folders or archives.")],
    model: Annotated[
        str | None,
        typer.Option(help="Name of a model; by default the one chosen by use, or the ensemble."),
    ] = None,
    heatmaps: Annotated[Path | None, typer.Option(help="Folder for Grad-CAM overlays.")] = None,
    age: Annotated[float | None, typer.Option(min=0, max=120, help="Age of the patient, in years.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a PDF per film and scores.csv.")] = None,
    json: Json = False,
) -> None:
    """Read films: score and decision; a file that can't be read is listed with the reason."""
    # The number of films is unknown beforehand: archives and folders are opened one after another.
    settings = load_settings()
    name = actions.reading_model(settings) if model is None else model
    with bar("Reading films") as show:
        rows = actions.predict(
            settings,
            name,
            paths,
            heatmaps=heatmaps,
            age=age,
            report=report,
            on_progress=lambda done: show(done, done),
            actor=ACTOR,
        )
    if json:
        tell(rows, json)
    else:
        tell_films(rows)
