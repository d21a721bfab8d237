"""The command that audits a dataset, and its output for a person."""

from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.output import Json, stepped_bar, tell
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
