"""
The command line: one command a job, presentation only.

- ``--json`` after a command's arguments: one document on standard output and nothing else there
- progress and notes go to standard error, whose last line is the sentence of an error
- exit code 2 is the user's mistake, 1 ours, 130 Ctrl-C
"""

import contextlib
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from xraylab import actions, documents, formats
from xraylab.errors import ComparisonError, SettingsError
from xraylab.files import Record, write_bytes, write_text
from xraylab.formats import DASH
from xraylab.settings import load_settings

ACTOR = "command line"
_REPORTS = (".pdf", ".json")
_NAMES = 26  # columns of a fact's name
_RULES = (
    "youden, sensitivity:0.95, specificity:0.95, floor:0.95, f1, cost:N or value:T; @suite may follow "
    "all but a floor."
)

app = typer.Typer(
    name="xraylab",
    help="Train chest-radiograph classifiers, lock an operating point, read films. For research.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def _tell(document: Record | list[Any], json: bool) -> None:
    """Print a document, as JSON or as lines for a person."""
    if json:
        adapter = TypeAdapter(type(document) if isinstance(document, Record) else list[Any])
        typer.echo(adapter.dump_json(document, by_alias=True, indent=2).decode())
        return
    for row in document if isinstance(document, list) else [document]:
        typer.echo("\n".join(_lines(row.model_dump())) + "\n")


def _lines(values: Mapping[str, Any], under: str = "") -> Iterator[str]:
    """A document for a person, a fact a line; what lies deeper stands under the name of what it is in."""
    for key, value in values.items():
        name = f"{under}{key}"
        if isinstance(value, dict):
            yield from _lines(value, f"{name} ")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            for number, one in enumerate(value, 1):
                yield from _lines(one, f"{name} {number} ")
        else:
            yield f"{name:>{_NAMES}}  {_worded(value)}"


def _worded(value: Any) -> str:
    if value is None or value == [] or (isinstance(value, float) and math.isnan(value)):
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_worded, value))
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else formats.visible(str(value))


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def _training_bar() -> Iterator[tuple[Callable[[dict[str, Any]], None], Callable[[], None]]]:
    """A training's bar on standard error: what to call with its progress, and while it waits."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(progress: dict[str, Any]) -> None:
            bar.update(task, description=progress["doing"], completed=progress["fraction"])

        def wait() -> None:
            bar.update(task, description="waiting for another training to end")

        yield show, wait


def _tell_seeds(document: documents.Trained) -> None:
    """Print what several seeds came to, for a person."""
    for row in document.seeds:
        told = f"validation AUC {row.val.auc:.3f}" if row.val else f"no model: {row.error}"
        typer.echo(f"{row.model:>18}  seed {row.seed}, {told}")
    typer.echo("\nmean ± standard deviation over the seeds (lowest to highest), on validation")
    for name, over in document.spread.items():
        typer.echo(f"{name:>18}  {over.mean:.3f} ± {over.sd:.3f} ({over.low:.3f} to {over.high:.3f})")


def _tell_comparison(document: documents.ComparedModels) -> None:
    """Print models and pairs, for a person."""
    for model in document.models:
        typer.echo(f"{model.model}{f', {len(model.seeds)} seeds' if model.seeds else ''}")
        for name, one in model.metrics.items():
            typer.echo(f"{name:>18}  {_estimated(one)}")
        for name, over in model.spread.items():
            typer.echo(f"{name:>18}  {over.mean:.3f} ± {over.sd:.3f} ({over.low:.3f} to {over.high:.3f})")
    for pair in document.pairs:
        typer.echo(f"\n{_tell_pair(pair)}")
    typer.echo("\n" + "\n".join((document.verdict, *document.notes)))


def _tell_pair(pair: documents.ComparedPair) -> str:
    """A pair in two lines."""
    first, second = pair.first, pair.second
    area, call = (
        f"p {formats.p_value(p)}, {formats.p_value(holm)} by Holm's method"
        for p, holm in ((pair.auc_p, pair.auc_p_holm), (pair.mcnemar_p, pair.mcnemar_p_holm))
    )
    return (
        f"{first} less {second}: AUC {_estimated(pair.auc)}, {area}\n"
        f"{pair.first_only} films right with {first} alone, {pair.second_only} with {second}; McNemar {call}"
    )


def _tell_named(rows: list[documents.NamedPair]) -> None:
    """Print the pairs named for the test, for a person."""
    for row in rows:
        typer.echo(f"{row.first} against {row.second} on {row.dataset}: {row.state}")
        if row.reason:
            typer.echo(row.reason)
        if row.result:
            typer.echo(f"{_tell_pair(row.result)}\n{row.result.verdict}")
        typer.echo("\n".join((*row.notes, "")))
    if not rows:
        typer.echo("No pair is named for the test yet.")


def _estimated(one: documents.Estimate) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})".replace("nan", DASH)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Zip archive or folder with NORMAL and PNEUMONIA folders.")],
    name: Annotated[str, typer.Option(help="Name of the dataset.")],
    patient_key: Annotated[str, typer.Option(help="How file names tell patients apart.")] = "prefix-number",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a dataset of that name.")] = False,
    json: Json = False,
) -> None:
    """Import labelled films and split them by patient."""
    with _bar("Reading films") as report:
        document = actions.import_dataset(
            load_settings(), source, name, patient_key=patient_key, replace=replace, on_progress=report
        )
    _tell(document, json)


@app.command()
def train(
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")],
    arch: Annotated[str, typer.Option(help="Network, see networks.")],
    recipe: Annotated[str, typer.Option(help="Preset or JSON file, see recipes.")],
    weights: Annotated[str | None, typer.Option(help="imagenet, none, a file or a model.")] = None,
    run: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=2, max=20, help="Train so many, NAME-s0 and on, differing in the seed.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
    json: Json = False,
) -> None:
    """Train a network in the foreground; ends by locking the recipe's rule on validation."""
    settings = load_settings()
    if actions.assist(settings):
        return
    request = actions.request_training(
        settings, dataset=dataset, arch=arch, recipe=recipe, weights=weights, name=run, replace=replace
    )
    with _training_bar() as (show, wait):
        if seeds is None:
            document = actions.train(settings, request, on_progress=show, on_wait=wait)
        else:
            document = actions.train_seeds(settings, request, seeds, on_progress=show, on_wait=wait)
    if seeds is None or json:
        _tell(document, json)
    else:
        _tell_seeds(document)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Id of a failed or cancelled run, see runs.")],
    keep_best: Annotated[
        bool, typer.Option("--keep-best", help="Make a model of its best epoch, without training on.")
    ] = False,
    json: Json = False,
) -> None:
    """Let a stopped training go on from its last whole epoch, in the foreground."""
    settings = load_settings()
    if actions.assist(settings):
        return
    with _training_bar() as (show, wait):
        document = actions.resume(settings, run, keep_best=keep_best, on_progress=show, on_wait=wait)
    _tell(document, json)


@app.command()
def lock(
    model: Annotated[str, typer.Option(help="Name of a model.")],
    rule: Annotated[str, typer.Option(help=_RULES)],
    review: Annotated[
        str | None,
        typer.Option(help="Rule for the lower end of a review band: films from there up need a reader."),
    ] = None,
    json: Json = False,
) -> None:
    """Lock an operating point on the validation films."""
    _tell(actions.lock(load_settings(), model, rule, actor=ACTOR, review=review), json)


@app.command()
def ensemble(
    name: Annotated[str, typer.Argument(help="Name of the new model.")],
    models: Annotated[list[str], typer.Argument(help="Two or more models of the same films.")],
    rule: Annotated[str, typer.Option(help=_RULES)] = "youden",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
    json: Json = False,
) -> None:
    """Average models into a new one; ends by calibrating and locking it on validation."""
    _tell(actions.ensemble(load_settings(), name, models, actor=ACTOR, rule=rule, replace=replace), json)


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="Name of a model.")],
    data: Annotated[str, typer.Option(help="Name of a dataset, or a labelled zip or folder, scored whole.")],
    split: Annotated[str, typer.Option(help="validation, test or train.")] = "test",
    json: Json = False,
) -> None:
    """Score labelled films at the lock; opening a test split is logged for good."""
    with _bar("Scoring films") as report:
        document = actions.evaluate(
            load_settings(), model, data, split=split, actor=ACTOR, on_progress=report
        )
    _tell(document, json)


@app.command()
def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Two to eight models, or seeds:NAME; the first is the reference."),
    ] = None,
    name_for_test: Annotated[
        bool, typer.Option("--name-for-test", help="Name two models for the test, before either is tested.")
    ] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Show the named pairs, of all films or of these models'.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare models of the same films on validation, or pairs named beforehand on the test films."""
    settings, names = load_settings(), models or []
    if name_for_test:
        if test or len(names) != 2:  # noqa: PLR2004 - a pair
            raise ComparisonError("Name two models for the test: compare FIRST SECOND --name-for-test.")
        rows = [actions.name_pair(settings, *names, actor=ACTOR)]
    elif test:
        rows = [row for row in actions.test_pairs(settings, None) if not names or _concerns(row, names)]
    else:
        document = actions.compare_models(settings, names)
        if json:
            _tell(document, json)
        else:
            _tell_comparison(document)
        return
    if json:
        _tell(rows[0] if name_for_test else rows, json)
    else:
        _tell_named(rows)


def _concerns(row: documents.NamedPair, names: list[str]) -> bool:
    return row.first in names or row.second in names


@app.command()
def robustness(
    model: Annotated[str, typer.Argument(help="Name of a model trained with “suite”: true.")],
    split: Annotated[str, typer.Option(help="validation, or test once it has been opened.")] = "validation",
    json: Json = False,
) -> None:
    """Tell how a model bears the suite of perturbations, at its lock."""
    _tell(actions.robustness(load_settings(), model, split=split), json)


@app.command()
def shift(
    model: Annotated[str, typer.Argument(help="Name of a locked model.")],
    data: Annotated[
        str, typer.Option(help="A labelled zip or folder, scored whole; test for the opened test films.")
    ] = "test",
    json: Json = False,
) -> None:
    """Tell whether other films score like validation, and what the lock does on both; opens nothing."""
    with _bar("Scoring films") as report:
        found = actions.shift(load_settings(), model, data, on_progress=report)
    _tell(found.document, json)


@app.command()
def predict(
    model: Annotated[str, typer.Option(help="Name of a model.")],
    paths: Annotated[list[str], typer.Argument(help="Films, folders or archives.")],
    heatmaps: Annotated[Path | None, typer.Option(help="Folder for Grad-CAM overlays.")] = None,
    age: Annotated[
        float | None, typer.Option(min=0, max=120, help="Age of whoever is on the films, in years.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a PDF of each film and scores.csv.")] = None,
    json: Json = False,
) -> None:
    """Score films; a file that can't be read is a row that says why."""
    with _bar("Reading films") as show:
        rows = actions.predict(
            load_settings(),
            model,
            paths,
            heatmaps=heatmaps,
            age=age,
            report=report,
            on_progress=lambda done: show(done, done),
        )
    _tell(rows, json)


@app.command()
def cancel(run: Annotated[str, typer.Argument(help="Id of a run, see runs.")], json: Json = False) -> None:
    """Cancel a queued or running training."""
    _tell(actions.cancel_run(load_settings(), run), json)


@app.command()
def models(json: Json = False) -> None:
    """List the models."""
    _tell(actions.model_rows(load_settings()), json)


@app.command()
def card(
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write it to, instead of showing it.")
    ] = None,
    json: Json = False,
) -> None:
    """Show a model's card as Markdown: what it is for, how good it is, how to make it again."""
    markdown = actions.model_card(load_settings(), model)
    if out is not None:
        write_text(out, markdown)
    if json:
        _tell(documents.ModelCard(model=model, markdown=markdown), json)
    elif out is None:
        typer.echo(markdown, nl=False)


@app.command()
def report(
    model: Annotated[str, typer.Argument(help="Name of a model with a lock.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write it to: .pdf or .json.")
    ] = None,
    prevalence: Annotated[
        float, typer.Option(help="Share of pneumonia to say PPV, NPV and a thousand films for.")
    ] = actions.PREVALENCE,
    json: Json = False,
) -> None:
    """Report how good a model is, with every interval and its card; test films only if they were opened."""
    if out is not None and out.suffix.lower() not in _REPORTS:
        raise SettingsError(f"“{out}” ends in neither .pdf nor .json, so its kind isn't known.")
    document = actions.evaluation_report(load_settings(), model, prevalence=prevalence)
    if out is not None:
        pdf = out.suffix.lower() == ".pdf"
        write_bytes(out, actions.drawn(document) if pdf else actions.as_json(document).encode())
    if json:
        _tell(document, json)
    elif out is None:
        _tell_report(document)


def _tell_report(document: documents.EvaluationReport) -> None:
    """Print a report for a person, without what its figures are drawn from and the card."""
    curves = {"curves"}
    told = document.model_dump(exclude={"card": True, "validation": curves, "test": curves})
    typer.echo("\n".join(_lines(told)))


@app.command()
def runs(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the run table anew from the run folders.")
    ] = False,
    json: Json = False,
) -> None:
    """List the runs."""
    _tell(actions.list_runs(load_settings(), rebuild=rebuild), json)


@app.command()
def datasets(json: Json = False) -> None:
    """List the datasets."""
    _tell(actions.list_datasets(load_settings()), json)


@app.command()
def networks(json: Json = False) -> None:
    """List the networks."""
    _tell(actions.network_rows(load_settings()), json)


@app.command()
def recipes(json: Json = False) -> None:
    """List the recipes."""
    _tell(actions.recipe_rows(), json)


@app.command()
def phantoms(
    out: Annotated[Path, typer.Option(help="Folder to write into; new or empty.")],
    n: Annotated[int, typer.Option("--n", min=1, max=100_000, help="How many films.")] = 400,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json: Json = False,
) -> None:
    """Write teaching phantoms with their lesion masks."""
    with _bar("Drawing phantoms") as report:
        document = actions.make_phantoms(out, n, seed=seed, on_progress=report)
    _tell(document, json)


@app.command()
def doctor(json: Json = False) -> None:
    """Check this installation, and that films are scored as they should be."""
    document = actions.doctor(load_settings())
    if json:
        _tell(document, json)
    else:
        for check in document.checks:
            typer.echo(f"{'ok' if check.ok else 'FAULT':>6}  {check.name}: {check.detail}")
    if not document.ok:
        raise typer.Exit(1)


@app.command("app")
def app_(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Start the app and open it in the browser."""
    command = _app_command(port, browser=browser)
    if sys.platform == "win32":
        raise typer.Exit(subprocess.call(command))
    os.execv(command[0], command)  # noqa: S606 - it becomes the server, so that ending it ends the server


def _app_command(port: int, *, browser: bool) -> list[str]:
    package = Path(__file__).parent
    site = package / "site"  # in an installed package the screens travel inside; in a clone they lie beside
    script = (site if site.is_dir() else package.parent) / "streamlit_app.py"
    options = [f"--server.port={port}", f"--server.headless={'false' if browser else 'true'}"]
    return [sys.executable, "-m", "streamlit", "run", str(script), *options]
