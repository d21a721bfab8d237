"""Commands on what there is: list it with its size, rename it, write notes, delete it and restore it."""

import sys
from typing import Annotated

import typer

from xraylab import actions, formats
from xraylab.cli.output import ACTOR, Json, tell
from xraylab.errors import NotConfirmedError, NotFoundError
from xraylab.formats import visible
from xraylab.settings import Settings, load_settings

_Kind = Annotated[str, typer.Argument(help="model, dataset, run or case.")]
_Name = Annotated[str, typer.Argument(help="Its name; of a run the id, of a case the number.")]


def objects(
    kind: Annotated[str | None, typer.Argument(help="model, dataset, run or case; by default all.")] = None,
    json: Json = False,
) -> None:
    """List models, datasets, runs and cases with their notes and the disk space that they take."""
    rows = actions.list_objects(load_settings(), kind)
    if json:
        tell(rows, json)
        return
    for row in rows:
        note = f"  {visible(row.note)}" if row.note else ""
        title = "" if row.title in (row.name, f"Case {row.name}") else f" ({visible(row.title)})"
        typer.echo(f"{formats.size(row.bytes):>9}  {row.kind:<7}  {visible(row.name)}{title}{note}")
    used = sum(row.bytes for row in rows if row.fixed is None)
    typer.echo(f"{formats.size(used):>9}  in all, without what comes with XRayLab")


def rename(
    kind: _Kind,
    old: _Name,
    new: Annotated[str, typer.Argument(help="The new name.")],
    json: Json = False,
) -> None:
    """Give a model, dataset or run another name; what refers to the old name still finds it."""
    tell(actions.rename_object(load_settings(), kind, old, new, actor=ACTOR), json)


def note(
    kind: _Kind,
    name: _Name,
    text: Annotated[str, typer.Argument(help="The note, one line; an empty one removes it.")],
    json: Json = False,
) -> None:
    """Write a note about a model, dataset, run or case."""
    tell(actions.note_object(load_settings(), kind, name, text, actor=ACTOR), json)


def delete(
    kind: _Kind,
    name: Annotated[
        str | None, typer.Argument(help="Its name; of a run the id, of a case the number.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    for_good: Annotated[
        bool, typer.Option("--for-good", help="Remove it at once, so that it can't be restored.")
    ] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Every run that failed, in place of a name.")
    ] = False,
    json: Json = False,
) -> None:
    """Delete a model, dataset, run or case; for a day it can be restored with undelete."""
    settings = load_settings()
    if failed:
        if (kind, name) != ("run", None):
            raise NotFoundError("--failed stands in place of the name of a run: delete run --failed.")
        _ask("Every run that failed will be deleted. For a day they can be restored.", yes=yes)
        tell(actions.delete_failed_runs(settings, actor=ACTOR), json)
        return
    if name is None:
        raise NotFoundError("Name what is to be deleted, as “delete model NAME”.")
    if not yes:
        _ask(_words(settings, kind, name, for_good=for_good), yes=yes)
    tell(actions.delete_object(settings, kind, name, for_good=for_good, actor=ACTOR), json)


def _words(settings: Settings, kind: str, name: str, *, for_good: bool) -> str:
    """Say what a deletion does."""
    uses = actions.dependants(settings, kind, name)
    head = f"The {kind} “{name}” ({formats.size(uses.bytes)}) will be deleted."
    end = "It can't be restored." if for_good else "For a day it can be restored."
    return " ".join((head, *([] if uses.refused else uses.follows), end))


def _ask(words: str, *, yes: bool) -> None:
    """Ask a person at a terminal; without one, only --yes goes on."""
    if yes:
        return
    typer.echo(visible(words), err=True)
    if not sys.stdin.isatty():
        raise NotConfirmedError("Nothing was deleted. Confirm with --yes.")
    if not typer.confirm("Delete?", err=True):
        raise NotConfirmedError("Nothing was deleted.")


def deleted(
    empty: Annotated[bool, typer.Option("--empty", help="Remove all of it for good now.")] = False,
    json: Json = False,
) -> None:
    """List what was deleted in the last day and can be restored."""
    settings = load_settings()
    if empty:
        for row in actions.list_deleted(settings):
            actions.remove_deleted(settings, row.id, actor=ACTOR)
    tell(actions.list_deleted(settings), json)


def undelete(
    kind: _Kind,
    name: _Name,
    new: Annotated[
        str | None, typer.Option("--as", help="Another name, if the old one was taken meanwhile.")
    ] = None,
    json: Json = False,
) -> None:
    """Restore what was deleted in the last day."""
    settings = load_settings()
    found = actions.find_deleted(settings, kind, name)
    tell(actions.restore_object(settings, found, name=new, actor=ACTOR), json)
