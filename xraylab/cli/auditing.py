"""The commands that audit a dataset, compare it with another one and mend it, and what they tell a person."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions, documents
from xraylab.audit.found import Found
from xraylab.audit.naive import method
from xraylab.cli.output import ACTOR, Json, stepped_bar, tell
from xraylab.data.mends import Mends
from xraylab.data.reasons import read_reasons
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


def mend(
    name: Annotated[str, typer.Argument(help="Name of a dataset; it stays as it is.")],
    new: Annotated[str, typer.Option("--as", help="Name of the new dataset.")],
    leave_out: Annotated[
        Path | None,
        typer.Option("--leave-out", help="Table of films to leave out: image_id and reason."),
    ] = None,
    one_encoding: Annotated[
        bool, typer.Option("--one-encoding", help="Encode all films alike, in one size.")
    ] = False,
    split_again: Annotated[
        bool, typer.Option("--split-again", help="Bring each picture and each patient into one split.")
    ] = False,
    patient_key: Annotated[
        str | None, typer.Option(help="How file names name films that may be of one patient.")
    ] = None,
    new_test: Annotated[
        bool, typer.Option("--new-test", help="Draw the test split anew too; an official one is lost.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a dataset of the new name.")] = False,
    json: Json = False,
) -> None:
    """Make a new dataset without the faults that audit found: split again, one encoding, films left out."""
    mends = Mends(
        left_out=read_reasons(leave_out) if leave_out else {},
        one_encoding=one_encoding,
        split_again=split_again,
        patient_key=patient_key,
        new_test=new_test,
    )
    with stepped_bar("Mending") as show:
        document = actions.mend_dataset(
            load_settings(), name, new, mends, replace=replace, on_step=show, actor=ACTOR
        )
    tell(document, json)
