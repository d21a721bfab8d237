"""Commands from films to a trained model: datasets, trainings, runs, and what to choose from."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.auditing import check_imported
from xraylab.cli.output import ACTOR, Json, bar, tell, tell_faults, tell_seeds, training_bar
from xraylab.data.datasets import faults_of_datasets
from xraylab.data.mapping import Mapping, read_mapping
from xraylab.data.public import public_dataset
from xraylab.settings import load_settings


def import_(
    source: Annotated[Path, typer.Argument(help="Folder, archive, file of arrays, or table of films.")],
    name: Annotated[str | None, typer.Option(help="Name of the dataset.")] = None,
    finding: Annotated[
        str | None, typer.Option(help="What the labels are about; default: pneumonia.")
    ] = None,
    map: Annotated[Path | None, typer.Option("--map", help="JSON file that corrects the reading.")] = None,  # noqa: A002
    preview: Annotated[bool, typer.Option("--preview", help="Say what is understood, and stop.")] = False,
    patient_key: Annotated[str, typer.Option(help="How file names name their patients.")] = "prefix-number",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a dataset of this name.")] = False,
    check: Annotated[bool, typer.Option(help="Check the films quickly afterwards; see audit.")] = True,
    json: Json = False,
) -> None:
    """Import labelled films and split them by patient."""
    mapping = read_mapping(map) if map else Mapping()
    if finding:
        mapping = mapping.model_copy(update={"finding": finding})
    if preview:
        settings = load_settings()
        tell(actions.preview_source(settings, source, mapping=mapping, patient_key=patient_key), json)
        return
    if name is None:
        raise typer.BadParameter("Name the dataset: --name NAME.")
    settings = load_settings()
    with bar("Reading films") as report:
        document = actions.import_dataset(
            settings,
            source,
            name,
            mapping=mapping,
            patient_key=patient_key,
            replace=replace,
            on_progress=report,
            actor=ACTOR,
        )
    tell(document, json)
    if check:
        check_imported(settings, document.name)


def fetch(
    name: Annotated[
        str,
        typer.Argument(help="kermany, pneumoniamnist, or pneumoniamnist_64, _128 or _224 for larger films."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Agree to the request that is named.")] = False,
    json: Json = False,
) -> None:
    """Download a public dataset into the home, after its host and size were named; then import it."""
    settings, dataset = load_settings(), public_dataset(name)
    if not dataset.place(settings).exists():
        typer.echo(dataset.request, err=True)
        yes = yes or (sys.stdin.isatty() and typer.confirm("Start?", err=True))
    with bar("Fetching, bytes") as report:
        document = actions.fetch_dataset(settings, name, confirmed=yes, on_progress=report)
    tell(document, json)
    typer.echo(f"Import it with: import {shlex.quote(document.file)} --name {name}", err=True)


def phantoms(
    out: Annotated[Path, typer.Option(help="Folder to write into; it must be new or empty.")],
    n: Annotated[int, typer.Option("--n", min=1, max=100_000, help="Number of films.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")] = 0,
    json: Json = False,
) -> None:
    """Write teaching phantoms with their lesion masks."""
    with bar("Drawing phantoms") as report:
        document = actions.make_phantoms(out, n, seed=seed, on_progress=report)
    tell(document, json)


def train(
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")],
    arch: Annotated[
        str | None, typer.Option(help="Network, see networks; by default one that needs no download.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Preset or JSON file, see recipes; by default it suits the network.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="First weights: imagenet, none, a file or a model.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=2, max=20, help="Number of trainings, NAME-s0 and on, that differ in the seed."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of this name.")] = False,
    json: Json = False,
) -> None:
    """Train a network in the foreground, then lock it on validation by the recipe's rule."""
    settings = load_settings()
    # Under ``accelerate launch`` this command runs once per GPU. Only rank 0 makes a request and prints.
    if actions.assist(settings):
        return
    request = actions.request_training(
        settings, dataset=dataset, arch=arch, recipe=recipe, weights=weights, name=run, replace=replace
    )
    with training_bar() as (show, wait):
        if seeds is None:
            document = actions.train(settings, request, on_progress=show, on_wait=wait)
        else:
            document = actions.train_seeds(settings, request, seeds, on_progress=show, on_wait=wait)
    if seeds is None or json:
        tell(document, json)
    else:
        tell_seeds(document)


def resume(
    run: Annotated[str, typer.Argument(help="Id of a failed or cancelled run, see runs.")],
    keep_best: Annotated[
        bool, typer.Option("--keep-best", help="Make a model of its best epoch, without more training.")
    ] = False,
    json: Json = False,
) -> None:
    """Go on with a stopped training from its last complete epoch, in the foreground."""
    settings = load_settings()
    # As in train: only rank 0 goes on from here.
    if actions.assist(settings):
        return
    with training_bar() as (show, wait):
        document = actions.resume(settings, run, keep_best=keep_best, on_progress=show, on_wait=wait)
    tell(document, json)


def cancel(run: Annotated[str, typer.Argument(help="Id of a run, see runs.")], json: Json = False) -> None:
    """Cancel a queued or running training."""
    tell(actions.cancel_run(load_settings(), run), json)


def runs(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Write the run table anew from the run folders.")
    ] = False,
    json: Json = False,
) -> None:
    """List the runs."""
    tell(actions.list_runs(load_settings(), rebuild=rebuild), json)


def datasets(json: Json = False) -> None:
    """List the datasets."""
    settings = load_settings()
    tell(actions.list_datasets(settings), json)
    tell_faults(faults_of_datasets(settings))


def networks(json: Json = False) -> None:
    """List the networks."""
    tell(actions.network_rows(load_settings()), json)


def recipes(json: Json = False) -> None:
    """List the recipes."""
    tell(actions.recipe_rows(), json)
