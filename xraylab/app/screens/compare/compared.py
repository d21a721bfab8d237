"""The tables of a comparison: a column a model, how far the others are from the first, and both as a file."""

from collections.abc import Callable, Sequence

import streamlit as st

from xraylab import formats
from xraylab.app import wording
from xraylab.app.widgets import table
from xraylab.documents import ComparedModel, ComparedModels, ComparedPair, Estimate, Spread
from xraylab.reports.comparison import comparison_csv

Cell = str | tuple[str, str]  # words, or a number and its interval
_MINUS = "\N{MINUS SIGN}"
_SHARES = {  # written as percentages
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
}
_MEASURES = (
    {"auc": "AUC", "average_precision": "Average precision"}
    | _SHARES
    | {
        "kappa": "Kappa",
        "mcc": "Matthews correlation",
        "brier": "Brier score",
        "ece": "Calibration error (ECE)",
    }
)
_APART = ("auc", "average_precision", "sensitivity", "specificity", "f1", "kappa")
_DECIMALS = {"auc": 4, "average_precision": 4, "kappa": 3}


def draw(document: ComparedModels, words: Sequence[str]) -> None:
    """Draw the models beside each other, the differences of the pairs, and a button that saves both.

    Parameters
    ----------
    document : ComparedModels
    words : sequence of str, (models,)
        What the models are called on the screen.
    """
    only = document.pairs[0] if len(document.models) == len(document.pairs) + 1 == 2 else None  # noqa: PLR2004
    rows = [
        (name, *(_measure(model, measure) for model in document.models), *_of_only(only, measure))
        for measure, name in _MEASURES.items()
    ]
    rows += [
        (name, *(cell(model) for model in document.models), *([""] if only else []))
        for name, cell in _FACTS.items()
    ]
    table(("", *words, *(["First less second"] if only else [])), rows, stub=True)
    st.caption(_caption(document, only))
    if len(document.pairs) > 1 or (document.pairs and not only):
        _draw_pairs(document.pairs)
    for note in document.notes:
        st.caption(wording.plain(note))
    st.download_button(
        "Save the table (CSV)",
        comparison_csv(document),
        "xraylab-comparison.csv",
        "text/csv",
        key="compare csv",
        on_click="ignore",
    )


def apart(measure: str, one: Estimate) -> Cell:
    """A difference with its sign and interval, shares in percentage points."""
    decimals = _DECIMALS.get(measure)

    if decimals is None:
        return wording.points(one.value, one.low, one.high)
    return wording.apart(one.value, one.low, one.high, lambda number: f"{number:.{decimals}f}")


def _measure(model: ComparedModel, measure: str) -> Cell:
    write, bounds = (
        (formats.percent, formats.interval) if measure in _SHARES else (_three, formats.auc_interval)
    )
    if model.seeds:
        over = model.spread[measure]
        return _mean(over, write), bounds(over.low, over.high)
    one = model.metrics[measure]
    if measure == "ece":
        return write(one.value)
    low, high = (_three(end) for end in (one.low, one.high)) if one.low < 0 else ("", "")
    return write(one.value), f"{low} to {high}" if low else bounds(one.low, one.high)


def _mean(over: Spread, write: Callable[[float], str]) -> str:
    """Mean and standard deviation over seeds, in one unit: ``95.1 ± 0.4 %``."""
    mean, sd = write(over.mean), write(over.sd)
    return f"{mean.removesuffix(_PERCENT)} ± {sd}"


_PERCENT = f"{formats.NARROW_SPACE}%"


def _three(value: float) -> str:
    """Three decimals with a true minus, and no pretended end of the scale."""
    return f"{_MINUS}{formats.score(-value)}" if value < 0 else formats.score(value)


_FACTS: dict[str, Callable[[ComparedModel], Cell]] = {
    "Locked at": lambda model: "each its own" if model.threshold is None else formats.score(model.threshold),
    "Network": lambda model: model.arch,
    "Recipe": lambda model: model.recipe or formats.DASH,
    "Parameters": lambda model: formats.count(model.parameters),
    "Training took": lambda model: formats.duration(model.seconds) if model.seconds else formats.DASH,
}


def _of_only(pair: ComparedPair | None, measure: str) -> list[Cell]:
    """The difference of the only pair, beside its models."""
    if pair is None:
        return []
    return [apart(measure, getattr(pair, measure)) if measure in _APART else ""]


def _draw_pairs(pairs: Sequence[ComparedPair]) -> None:
    """How far each other model is from the first, a column each."""
    rows: list[tuple[Cell, ...]] = [
        (_MEASURES[measure], *(apart(measure, getattr(pair, measure)) for pair in pairs))
        for measure in _APART
    ]
    tests: dict[str, Callable[[ComparedPair], Cell]] = {
        "AUC: p by DeLong": lambda pair: formats.p_value(pair.auc_p),
        "adjusted by Holm": lambda pair: formats.p_value(pair.auc_p_holm),
        "Right with one alone": lambda pair: (
            f"{formats.count(pair.first_only)} against {formats.count(pair.second_only)}"
        ),
        "Calls: p by McNemar": lambda pair: formats.p_value(pair.mcnemar_p),
        "adjusted by Holm ": lambda pair: formats.p_value(pair.mcnemar_p_holm),
    }
    rows += [(name, *(cell(pair) for pair in pairs)) for name, cell in tests.items()]
    st.subheader("Against the first", anchor=False)
    table((f"{pairs[0].first} less", *(pair.second for pair in pairs)), rows, stub=True)
    st.caption(
        f"Differences, of rates in percentage points. {_HOW_DIFFERENCES} Each p is adjusted for "
        f"{_pairs(len(pairs))}."
    )


_HOW = (
    f"intervals at 95{formats.NARROW_SPACE}% are clustered by patient, those of average precision, kappa, "
    "Matthews correlation and Brier score by a bootstrap of patients. No interval of the calibration error "
    "would hold."
)
_HOW_DIFFERENCES = (
    "AUC: DeLong; rates: Newcombe; average precision, F1 and kappa: bootstrap of patients, drawn for both "
    "models at once; all clustered by patient."
)


def _caption(document: ComparedModels, only: ComparedPair | None) -> str:
    tests = ""
    if only is not None:
        tests = (
            f" Differences, of rates in percentage points: {_HOW_DIFFERENCES} "
            f"AUC: {wording.p_words(only.auc_p)}. Calls: McNemar, {wording.p_words(only.mcnemar_p)}."
        )
    return (
        f"{formats.count(document.n)} validation films of {formats.count(document.patients)} patients, each "
        f"model at its own lock; {_HOW}{tests}"
    )


def _pairs(number: int) -> str:
    return f"{formats.count(number)} {'pair' if number == 1 else 'pairs'}"
