"""The command that audits a dataset, or compares it with another one, and its output for a person."""

from collections.abc import Iterable
from typing import Annotated

import typer

from xraylab import actions, documents
from xraylab.audit.found import Found
from xraylab.audit.naive import method
from xraylab.cli.output import Json, stepped_bar, tell
from xraylab.formats import visible
from xraylab.runs.auditing import Part
from xraylab.settings import Settings, load_settings


def audit(
    name: Annotated[str, typer.Argument(help="Name of a dataset.")],
    labels: Annotated[
        bool,
        typer.Option(
            help="Look for wrong labels, and for labels that can be read outside the lungs, too, which takes "
            "minutes for thousands of films."
        ),
    ] = True,
    naive: Annotated[
        bool,
        typer.Option("--naive", help="Measure, too, what a split by image would have claimed; minutes."),
    ] = False,
    against: Annotated[
        str | None, typer.Option(help="Compare the films with those of another dataset instead.")
    ] = None,
    json: Json = False,
) -> None:
    """Look for what would make results on a dataset wrong: copies, leaks, shortcuts, wrong labels."""
    settings = load_settings()
    if against is not None:
        _tell_compared(actions.compare_datasets(settings, name, against), json)
        return
    chosen: dict[Part, bool] = {"quick": True, "slow": labels, "naive": naive}
    with stepped_bar("Auditing") as show:
        parts = [part for part, wanted in chosen.items() if wanted]
        document = actions.audit(settings, name, parts=parts, on_step=show)
    if json:
        tell(document, json)
        return
    tell_findings(document.findings)
    if document.naive:
        typer.echo(f"       {document.naive.sentence}\n       {method(document.naive)}")


def check_imported(settings: Settings, name: str) -> None:
    """Make the quick checks of films that were just imported, and say on standard error what they found."""
    quick: tuple[Part, ...] = ("quick",)
    with stepped_bar("Checking the films") as show:
        found = actions.audit(settings, name, parts=quick, on_step=show).findings
    tell_findings((one for one in found if one.severity != "none"), err=True)
    typer.echo(f"Look for wrong labels too, which takes minutes: audit {name}", err=True)


def tell_findings(findings: Iterable[Found], *, err: bool = False) -> None:
    """Print findings for a person, each with what can be done about it."""
    for found in findings:
        check = found.check.replace("_", " ")
        typer.echo(f"{found.severity:>5}  {check}: {visible(found.sentence)}", err=err)
        if found.mend:
            typer.echo(f"       {visible(found.mend)}", err=err)


def _tell_compared(document: documents.ComparedDatasets, json: bool) -> None:
    if json:
        tell(document, json)
        return
    for sentence in document.sentences:
        typer.echo(visible(sentence))
