"""The commands that audit a dataset and mend what was found, and their output for a person."""

from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.output import ACTOR, Json, stepped_bar, tell
from xraylab.data.mends import Mends
from xraylab.data.reasons import read_reasons
from xraylab.formats import visible
from xraylab.settings import load_settings


def audit(
    name: Annotated[str, typer.Argument(help="Name of a dataset.")],
    labels: Annotated[
        bool, typer.Option(help="Look for wrong labels too, which takes minutes for thousands of films.")
    ] = True,
    json: Json = False,
) -> None:
    """Look for what would make results on a dataset wrong: copies, leaks, shortcuts, wrong labels."""
    with stepped_bar("Auditing") as show:
        document = actions.audit(load_settings(), name, labels=labels, on_step=show)
    if json:
        tell(document, json)
        return
    for found in document.findings:
        typer.echo(f"{found.severity:>5}  {found.check.replace('_', ' ')}: {visible(found.sentence)}")
        if found.mend:
            typer.echo(f"       {visible(found.mend)}")


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
