"""
Output of the commands: documents on standard output, progress bars on standard error.

A document is printed as JSON, or as lines for a person.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from xraylab import documents
from xraylab.files import Record
from xraylab.formats import DASH, auc, auc_interval, interval, percent, visible

_SMALLEST = 0.0001  # a smaller number would be written with an exponent
_NAME_COLUMNS = 26  # width of the names, so that the values stand below each other

ACTOR = "command line"  # in the record of who locked a model or opened a test split

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def tell(document: Record | list[Any], json: bool) -> None:
    """Print a document, as JSON or as lines for a person."""
    if json:
        # Pydantic writes NaN as null; Python's json module would write NaN, which isn't JSON.
        adapter = TypeAdapter(type(document) if isinstance(document, Record) else list[Any])
        # With escapes the document is the same in every code page; what reads it need not guess.
        typer.echo(adapter.dump_json(document, by_alias=True, indent=2, ensure_ascii=True).decode())
        return
    for row in document if isinstance(document, list) else [document]:
        typer.echo("\n".join(_lines(row.model_dump())) + "\n")


def tell_faults(sentences: list[str]) -> None:
    """Print on standard error what a list had to leave out, a line each."""
    for sentence in sentences:
        typer.echo(visible(sentence), err=True)


def _lines(values: Mapping[str, Any], under: str = "") -> Iterator[str]:
    """Yield the lines of a document, one per fact; a nested fact has the names of its parents before it."""
    for key, value in values.items():
        name = f"{under}{key}"
        if isinstance(value, dict):
            yield from _lines(value, f"{name} ")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            for number, item in enumerate(value, 1):
                yield from _lines(item, f"{name} {number} ")
        else:
            yield f"{name:>{_NAME_COLUMNS}}  {_worded(value)}"


def _worded(value: Any) -> str:
    if value is None or value == [] or (isinstance(value, float) and math.isnan(value)):
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"<{_SMALLEST}" if 0 < value < _SMALLEST else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_worded, value))
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else visible(str(value))


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error; yield the function that moves it."""
    with stepped_bar(what) as show:
        yield lambda done, total: show(what, done, total)


@contextlib.contextmanager
def stepped_bar(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar of several steps on standard error; yield the function that names and moves it."""
    # Standard output stays free for the document, so that a command can be piped.
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        # Without a total the bar only moves: how many films there are is known after the first call.
        task = bar.add_task(what, total=None)
        yield lambda doing, done, total: bar.update(task, description=doing, completed=done, total=total)


@contextlib.contextmanager
def training_bar() -> Iterator[tuple[Callable[[dict[str, Any]], None], Callable[[], None]]]:
    """Show the progress bar of a training; yield the functions for its progress and for waiting."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(progress: dict[str, Any]) -> None:
            bar.update(task, description=progress["doing"], completed=progress["fraction"])

        def wait() -> None:
            bar.update(task, description="waiting for another training to end")

        yield show, wait


def tell_seeds(document: documents.Trained) -> None:
    """Print the results of several seeds, for a person."""
    for row in document.seeds:
        result = f"validation AUC {row.val.auc:.3f}" if row.val else f"no model: {row.error}"
        typer.echo(f"{row.model:>18}  seed {row.seed}, {result}")
    typer.echo("\nmean ± standard deviation over the seeds (lowest to highest), on validation")
    for name, spread in document.spread.items():
        typer.echo(spread_line(name, spread))


def spread_line(name: str, spread: documents.Spread) -> str:
    """Write the spread of one number over seeds in a line."""
    # The range stands beside the deviation: with three seeds the latter says little by itself.
    return f"{name:>18}  {spread.mean:.3f} ± {spread.sd:.3f} ({spread.low:.3f} to {spread.high:.3f})"


def tell_subgroups(document: documents.Subgroups) -> None:
    """Print a line for each group, and what may be said about their differences."""
    lines = [
        f"{document.split} films by {visible(document.column)}, at the lock {document.threshold:.4g}, with "
        f"95 % intervals by patient; {document.not_stated} of {document.n} films are in no group"
    ]
    for group in document.groups:
        lines += [f"\n{visible(group.name)}: {group.films} films, {group.patients} patients"]
        lines += [
            _figure_line(
                "sensitivity", f"{group.tp} of {group.tp + group.fn}", group.sensitivity, percent, interval
            ),
            _figure_line(
                "specificity", f"{group.tn} of {group.tn + group.fp}", group.specificity, percent, interval
            ),
            _figure_line("AUC", "", group.auc, auc, auc_interval),
        ]
    typer.echo("\n".join([*lines, "", *map(visible, document.verdict)]))


def _figure_line(
    name: str,
    counts: str,
    figure: documents.SubgroupFigure,
    write: Callable[[float], str],
    bounds: Callable[[float, float], str],
) -> str:
    ends = "" if math.isnan(figure.value) else f"({bounds(*figure.interval)})"
    return f"{name:>{_NAME_COLUMNS}}  {counts:>14}  {write(figure.value)} {ends}".rstrip()


def tell_films(rows: list[documents.Predicted]) -> None:
    """Print readings for a person; the score of a film that isn't decided stands last."""
    for row in rows:
        facts = row.model_dump()
        if row.score is not None and row.decision is None:
            facts["not decided, score"] = facts.pop("score")
        typer.echo("\n".join(_lines(facts)) + "\n")


def tell_report(document: documents.EvaluationReport) -> None:
    """Print a report for a person, without its card and the data of its figures."""
    curves = {"curves"}  # hundreds of numbers
    facts = document.model_dump(exclude={"card": True, "validation": curves, "test": curves})
    typer.echo("\n".join(_lines(facts)))
