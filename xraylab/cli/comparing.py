"""The command that compares models, and its output for a person."""

from typing import Annotated

import typer

from xraylab import actions, documents
from xraylab.cli.output import ACTOR, Json, spread_line, tell
from xraylab.errors import ComparisonError
from xraylab.formats import DASH, p_value
from xraylab.settings import load_settings

_OF_PROBABILITIES = ("brier", "ece")  # measures that calibrating on the same films flatters


def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Two to eight models, or seeds:NAME; the first is the reference."),
    ] = None,
    name_for_test: Annotated[
        bool,
        typer.Option(
            "--name-for-test", help="Name two models for the test, before either of them is tested."
        ),
    ] = False,
    test: Annotated[
        bool,
        typer.Option("--test", help="Show the pairs named for the test: all, or those of the given models."),
    ] = False,
    json: Json = False,
) -> None:
    """Compare models of the same films on validation, or pairs named beforehand on the test films."""
    # Test results are a mode of their own: a comparison on validation must never show them by the way.
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
            tell(document, json)
        else:
            _tell_comparison(document)
        return
    if json:
        tell(rows[0] if name_for_test else rows, json)
    else:
        _tell_named(rows)


def _concerns(row: documents.NamedPair, names: list[str]) -> bool:
    return row.first in names or row.second in names


def _tell_comparison(document: documents.ComparedModels) -> None:
    """Print models and pairs, for a person."""
    for model in document.models:
        typer.echo(f"{model.model}{f', {len(model.seeds)} seeds' if model.seeds else ''}")
        for name, estimate in model.metrics.items():
            mark = ", calibrated on these films" if model.calibrated and name in _OF_PROBABILITIES else ""
            typer.echo(f"{name:>18}  {_estimated(estimate)}{mark}")
        for name, spread in model.spread.items():
            typer.echo(spread_line(name, spread))
    for pair in document.pairs:
        typer.echo(f"\n{_tell_pair(pair)}")
    typer.echo("\n" + "\n".join((document.verdict, *document.notes)))


def _tell_pair(pair: documents.ComparedPair) -> str:
    """Write a pair in two lines."""
    first, second = pair.first, pair.second
    area, call = (
        f"p {p_value(p)}, {p_value(holm)} by Holm's method"
        for p, holm in ((pair.auc_p, pair.auc_p_holm), (pair.mcnemar_p, pair.mcnemar_p_holm))
    )
    return (
        f"{first} less {second}: AUC {_estimated(pair.auc)}, {area}\n"
        f"{pair.first_only} films right with {first} alone, {pair.second_only} with {second}; McNemar {call}"
    )


def _tell_named(rows: list[documents.NamedPair]) -> None:
    """Print the pairs that are named for the test, for a person."""
    for row in rows:
        typer.echo(f"{row.first} against {row.second} on {row.dataset}: {row.state}")
        if row.reason:
            typer.echo(row.reason)
        if row.result:
            typer.echo(f"{_tell_pair(row.result)}\n{row.result.verdict}")
        typer.echo("\n".join((*row.notes, "")))
    if not rows:
        typer.echo("No pair is named for the test yet.")


def _estimated(estimate: documents.Estimate) -> str:
    # A number without an interval has NaN at both ends.
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})".replace("nan", DASH)
