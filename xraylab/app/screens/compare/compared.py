"""The tables of a comparison: one column per model, the differences from the first, and both as a file."""

from collections.abc import Callable, Sequence

import streamlit as st

from xraylab import formats
from xraylab.app import wording
from xraylab.app.widgets import caption, table
from xraylab.documents import ComparedModel, ComparedModels, ComparedPair, Estimate, Spread
from xraylab.reports.comparison import comparison_csv

Cell = str | tuple[str, str]  # words, or a number and its interval
_MINUS = "\N{MINUS SIGN}"
_SHARES = {  # written in percent
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
_COMPARED = ("auc", "average_precision", "sensitivity", "specificity", "f1", "kappa")
_DECIMALS = {"auc": 4, "average_precision": 4, "kappa": 3}


def draw(document: ComparedModels, words: Sequence[str]) -> None:
    """Draw a column for each model, the differences of the pairs, and a button that saves both.

    Parameters
    ----------
    document : ComparedModels
    words : sequence of str, (models,)
        Names of the models on the screen.
    """
    # With two models the difference fits into the same table; more get a table of their own.
    only = document.pairs[0] if len(document.models) == len(document.pairs) + 1 == 2 else None  # noqa: PLR2004
    rows = [
        (name, *(_measure(model, measure) for model in document.models), *_of_only(only, measure))
        for measure, name in _MEASURES.items()
    ]
    rows += [
        (name, *(cell(model) for model in document.models), *([""] if only else []))
        for name, cell in _FACTS.items()
    ]
    table(("Figure", *words, *(["Difference (first − second)"] if only else [])), rows, stub=True)
    caption(_caption(document, only))
    if len(document.pairs) > 1 or (document.pairs and not only):
        _draw_pairs(document.pairs)
    for note in document.notes:
        caption(wording.plain(note))
    st.download_button(
        "Save the table (CSV)",
        comparison_csv(document),
        "xraylab-comparison.csv",
        "text/csv",
        key="compare csv",
        on_click="ignore",
    )


def apart(measure: str, difference: Estimate) -> Cell:
    """Write a difference with its sign and interval; of shares in percentage points."""
    value, low, high = difference.value, difference.low, difference.high
    decimals = _DECIMALS.get(measure)
    if decimals is None:
        return wording.points(value, low, high)
    return wording.apart(value, low, high, lambda number: f"{number:.{decimals}f}")


def _measure(model: ComparedModel, measure: str) -> Cell:
    write, bounds = (
        (formats.percent, formats.interval) if measure in _SHARES else (_three, formats.auc_interval)
    )
    if model.seeds:
        spread = model.spread[measure]
        return _mean(spread, write), bounds(spread.low, spread.high)
    estimate = model.metrics[measure]
    if measure in ("brier", "ece"):
        return write(estimate.value), _how_calibrated(model, measure, estimate)
    # "−0.1–0.2" can't be read, so an interval with a negative end has the word "to".
    low, high = (_three(end) for end in (estimate.low, estimate.high)) if estimate.low < 0 else ("", "")
    return write(estimate.value), f"{low} to {high}" if low else bounds(estimate.low, estimate.high)


def _how_calibrated(model: ComparedModel, measure: str, estimate: Estimate) -> str:
    """Write the interval, and whether these films calibrated the scores; ece has no interval that holds."""
    mark = "calibrated on these films" if model.calibrated else "not calibrated"
    return mark if measure == "ece" else f"{formats.auc_interval(estimate.low, estimate.high)}, {mark}"


def _mean(spread: Spread, write: Callable[[float], str]) -> str:
    """Write mean and standard deviation over seeds with one unit: ``95.1 ± 0.4 %``."""
    mean, sd = write(spread.mean), write(spread.sd)
    return f"{mean.removesuffix(_PERCENT)} ± {sd}"


_PERCENT = f"{formats.NARROW_SPACE}%"


def _three(value: float) -> str:
    """Write a number with three decimals and a true minus; only 0 and 1 themselves look like 0 and 1."""
    return f"{_MINUS}{formats.score(-value)}" if value < 0 else formats.score(value)


_FACTS: dict[str, Callable[[ComparedModel], Cell]] = {
    "Locked at": lambda model: "one per seed" if model.threshold is None else formats.score(model.threshold),
    "Network": lambda model: model.arch,
    "Recipe": lambda model: model.recipe or formats.DASH,
    "Parameters": lambda model: formats.count(model.parameters),
    "Training took": lambda model: formats.duration(model.seconds) if model.seconds else formats.DASH,
}


def _of_only(pair: ComparedPair | None, measure: str) -> list[Cell]:
    """Return the cell with the difference of the only pair; none with several pairs."""
    if pair is None:
        return []
    return [apart(measure, getattr(pair, measure)) if measure in _COMPARED else ""]


def _draw_pairs(pairs: Sequence[ComparedPair]) -> None:
    """Draw the differences between the first model and each other one, one column each."""
    rows: list[tuple[Cell, ...]] = [
        (_MEASURES[measure], *(apart(measure, getattr(pair, measure)) for pair in pairs))
        for measure in _COMPARED
    ]
    tests: dict[str, Callable[[ComparedPair], Cell]] = {
        "AUC: p by DeLong": lambda pair: formats.p_value(pair.auc_p),
        "adjusted by Holm": lambda pair: formats.p_value(pair.auc_p_holm),
        "Right with one alone": lambda pair: (
            f"{formats.count(pair.first_only)} against {formats.count(pair.second_only)}"
        ),
        "Calls: p by McNemar": lambda pair: formats.p_value(pair.mcnemar_p),
        # The space at its end keeps this key apart from the one above; HTML doesn't show it.
        "adjusted by Holm ": lambda pair: formats.p_value(pair.mcnemar_p_holm),
    }
    rows += [(name, *(cell(pair) for pair in pairs)) for name, cell in tests.items()]
    st.header("Against the first", anchor=False)
    table((f"{pairs[0].first} minus", *(pair.second for pair in pairs)), rows, stub=True)
    st.caption(
        f"Differences of rates are in percentage points. {_HOW_DIFFERENCES} Each p is adjusted for "
        f"{formats.counted(len(pairs), 'pair')}."
    )


_HOW = (
    f"Intervals at 95{formats.NARROW_SPACE}% are clustered by patient; those of average precision, kappa, "
    "Matthews correlation and Brier score come from a jackknife of patients. The calibration error has no "
    "interval, because none would hold."
)
_HOW_DIFFERENCES = (
    "Methods: DeLong for AUC, Newcombe for rates, and for average precision, F1 and kappa a jackknife of "
    "patients, left out for both models at once. All are clustered by patient."
)


def _caption(document: ComparedModels, only: ComparedPair | None) -> str:
    tests = ""
    if only is not None:
        tests = (
            f" Differences of rates are in percentage points. {_HOW_DIFFERENCES} "
            f"AUC: {wording.p_words(only.auc_p)}. Calls: McNemar, {wording.p_words(only.mcnemar_p)}."
        )
    return (
        f"{formats.count(document.n)} validation films of {formats.count(document.patients)} patients, each "
        f"model at its own lock. {_HOW}{tests}"
    )
