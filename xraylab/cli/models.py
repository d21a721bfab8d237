"""Commands on trained models: lock, ensemble, evaluation, robustness, shift, subgroups, card and report."""

from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions, documents
from xraylab.cli.output import ACTOR, Json, bar, tell, tell_faults, tell_report, tell_subgroups
from xraylab.errors import SettingsError
from xraylab.files import write_bytes
from xraylab.leftovers import sweep
from xraylab.models import faults_of_models
from xraylab.settings import load_settings

_REPORTS = (".pdf", ".json")
_RULES = (
    "youden, sensitivity:0.95, specificity:0.95, floor:0.95, f1, cost:N or value:T; @suite may follow "
    "all but a floor."
)


def lock(
    model: Annotated[str, typer.Option(help="Name of a model.")],
    rule: Annotated[str, typer.Option(help=_RULES)],
    review: Annotated[
        str | None,
        typer.Option(
            help="Rule for the lower end of a review band; films from there to the threshold need a reader."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Lock an operating point on the validation films."""
    tell(actions.lock(load_settings(), model, rule, actor=ACTOR, review=review), json)


def restore(
    target: Annotated[
        str,
        typer.Argument(help="A backup, such as backup.zip; or the name of a model that comes with XRayLab."),
    ],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace a home that isn't empty; it is kept under another name."),
    ] = False,
    json: Json = False,
) -> None:
    """Restore a backup; or the threshold that a shipped model came with, whose record of openings stays."""
    file = Path(target)
    # No model that comes with XRayLab has such a name, so the two can't be confused.
    if file.is_file() or file.suffix.lower() == ".zip":
        tell(actions.restore_backup(load_settings(), file, replace=replace, actor=ACTOR), json)
        return
    tell(actions.restore_lock(load_settings(), target, actor=ACTOR), json)


def use(model: Annotated[str, typer.Argument(help="Name of a model.")], json: Json = False) -> None:
    """Choose the model that reads films, in the app and for predict."""
    tell(actions.use_for_reading(load_settings(), model, actor=ACTOR), json)


def ensemble(
    name: Annotated[str, typer.Argument(help="Name of the new model.")],
    models: Annotated[list[str], typer.Argument(help="Two or more models of the same films.")],
    rule: Annotated[str, typer.Option(help=_RULES)] = "youden",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of this name.")] = False,
    json: Json = False,
) -> None:
    """Average models into a new one, then calibrate and lock it on validation."""
    tell(actions.ensemble(load_settings(), name, models, actor=ACTOR, rule=rule, replace=replace), json)


def evaluate(
    model: Annotated[str, typer.Option(help="Name of a model.")],
    data: Annotated[
        str,
        typer.Option(help="Name of a dataset; or a labelled zip or folder, of which all films are scored."),
    ],
    split: Annotated[str, typer.Option(help="validation, test or train.")] = "test",
    include_used: Annotated[
        bool, typer.Option("--include-used", help="Count films that the model was made from, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Evaluate labelled films at the lock; opening a test split is recorded for ever."""
    with bar("Scoring films") as report:
        document = actions.evaluate(
            load_settings(),
            model,
            data,
            split=split,
            include_used=include_used,
            actor=ACTOR,
            on_progress=report,
        )
    tell(document, json)


def robustness(
    model: Annotated[str, typer.Argument(help="Name of a model trained with “suite”: true.")],
    split: Annotated[str, typer.Option(help="validation, or test once it has been opened.")] = "validation",
    json: Json = False,
) -> None:
    """Evaluate a model under the suite of perturbations, at its lock."""
    tell(actions.robustness(load_settings(), model, split=split), json)


def shift(
    model: Annotated[str, typer.Argument(help="Name of a locked model.")],
    data: Annotated[
        str,
        typer.Option(
            help="A labelled zip or folder, of which all films are scored; or test, for opened test films."
        ),
    ] = "test",
    json: Json = False,
) -> None:
    """Compare the scores of other films with validation, and the lock on both; opens no test split."""
    with bar("Scoring films") as report:
        shifted = actions.shift(load_settings(), model, data, on_progress=report)
    tell(shifted.document, json)


def subgroups(
    model: Annotated[str, typer.Argument(help="Name of a locked model.")],
    by: Annotated[
        str, typer.Option(help="What divides the films: age, sex, view, kind, or a column of your table.")
    ],
    split: Annotated[str, typer.Option(help="validation, or test once it has been opened.")] = "validation",
    json: Json = False,
) -> None:
    """Compare the figures of a model between groups of films, such as ages or sites, at its lock."""
    document = actions.subgroups(load_settings(), model, by, split=split)
    if json:
        tell(document, json)
    else:
        tell_subgroups(document)


def models(json: Json = False) -> None:
    """List the models."""
    settings = load_settings()
    tell(actions.model_rows(settings), json)
    tell_faults(faults_of_models(settings))


def card(
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write the card to, instead of showing it.")
    ] = None,
    json: Json = False,
) -> None:
    """Show a model's card as Markdown: its use, its quality, and how to train it again."""
    markdown = actions.model_card(load_settings(), model)
    if out is not None:
        _write(out, markdown.encode())
    if json:
        tell(documents.ModelCard(model=model, markdown=markdown), json)
    elif out is None:
        typer.echo(markdown, nl=False)


def report(
    model: Annotated[str, typer.Argument(help="Name of a model with a lock.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write the report to: .pdf or .json.")
    ] = None,
    prevalence: Annotated[
        float,
        typer.Option(help="Share of films with the finding, for PPV, NPV and counts in a thousand films."),
    ] = actions.PREVALENCE,
    cost: Annotated[
        float | None,
        typer.Option(
            help="False alarms that one missed case costs, for the net benefit; by default that of the "
            "lock's rule, if it is a cost rule."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Report all numbers of a model with their intervals; test films only if they were opened."""
    # Before the report is computed, which takes seconds.
    if out is not None and out.suffix.lower() not in _REPORTS:
        raise SettingsError(f"“{out}” ends in neither .pdf nor .json, so its format isn't known.")
    settings = load_settings()
    document = actions.evaluation_report(settings, model, prevalence=prevalence, cost=cost)
    if out is not None:
        kind = out.suffix[1:].upper()
        _write(out, actions.export_report(settings, document, kind, actor=ACTOR))
    if json:
        tell(document, json)
    elif out is None:
        tell_report(document)


def _write(out: Path, content: bytes) -> None:
    """Write a file outside of the home, where no start sweeps what a killed command left."""
    sweep(out.parent, out.name)
    write_bytes(out, content)
