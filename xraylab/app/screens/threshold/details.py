"""Details below the cockpit: every figure at the threshold with both intervals, class by class."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from xraylab import formats
from xraylab.app import widgets, wording
from xraylab.app.faults import guard
from xraylab.evaluation.calibration import Platt
from xraylab.evaluation.classes import Kinds, report_of
from xraylab.evaluation.estimates import FigureEstimate, area_estimates, rate_estimates
from xraylab.evaluation.figures import calibration_of, kinds_of
from xraylab.evaluation.report import Average, ClassCounts, ClassificationReport, OneVsRest
from xraylab.evaluation.summary import brier_score, expected_calibration_error
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.models import Model
from xraylab.predictions import Predictions
from xraylab.reports.names import AVERAGES, NAMES, written, written_interval

_ABOUT = (
    "At the threshold {}, where the handle was last let go. By patient is the interval to quote: films of "
    "one patient count as the cluster they are. By film takes each film as its own patient, as much "
    "published work does; that is too narrow where patients have several films."
)


def draw(model: Model, split: str, table: ThresholdTable, threshold: float) -> None:
    """Draw all figures at a threshold, behind a line that opens; nothing is computed until it is open.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once it was opened.
    table : ThresholdTable
        Of the model on that split.
    """
    key = f"threshold details {model.name} {split}"
    with st.expander("Details", key=key, on_change="rerun") as part:
        if not part.open:
            return
        with guard():
            said = model.films(split).scored
            if not len(said):
                st.caption("There are no scored films.")
                return
            _draw_figures(model, split, said, threshold)
            _draw_report(report_of(table.at(threshold)))
            _draw_kinds(kinds_of(said, threshold))
            _draw_calibration(said, key)


def _draw_figures(model: Model, split: str, said: Predictions, threshold: float) -> None:
    films = (model.folder, model.card.model_sha256, split)
    found = _areas(*films, said) | _rates(*films, threshold, said)
    st.caption(_ABOUT.format(formats.score(threshold)))
    widgets.table(
        ("Figure", "Estimate, 95 % by patient", "95 % by film", "How"),
        [
            (
                words,
                (written(name, found[name].value), written_interval(name, found[name].interval)),
                ("", written_interval(name, found[name].by_film)),
                found[name].method,
            )
            for name, words in NAMES.items()
        ],
    )


@st.cache_data(max_entries=8, show_spinner="Drawing patients anew")
def _areas(folder: Path, model_sha256: str, split: str, _said: Predictions) -> dict[str, FigureEstimate]:
    return area_estimates(_said.labels, _said.scores, _said.groups)


@st.cache_data(max_entries=64, show_spinner="Drawing patients anew")
def _rates(
    folder: Path, model_sha256: str, split: str, threshold: float, _said: Predictions
) -> dict[str, FigureEstimate]:
    return rate_estimates(_said.labels, _said.scores, _said.groups, threshold)


def _draw_report(report: ClassificationReport, areas: Sequence[OneVsRest] = ()) -> None:
    """Draw every class, then the averages by their names."""
    st.subheader("Classification report by kind" if areas else "Classification report", anchor=False)
    averages = {"micro": report.micro, "macro": report.macro, "weighted": report.weighted}
    rows = [(one.name, *_rates_of(one)) for one in report.classes]
    rows += [(AVERAGES[name], *_rates_of(average)) for name, average in averages.items()]
    heads = ("Class", "Precision", "Recall", "F1", "Films")
    if not areas:
        widgets.table(heads, rows)
    else:
        beside = [(formats.auc(one.auc), formats.auc_interval(*one.auc_ci)) for one in areas]
        cells = [*beside, *[("", "")] * len(averages)]
        widgets.table(
            (*heads, "AUC against the rest"), [(*row, cell) for row, cell in zip(rows, cells, strict=True)]
        )
    for name, average in averages.items():
        for rate, classes in average.left_out.items():
            if classes:
                st.caption(f"{name.capitalize()} average: without {', '.join(classes)}, which has no {rate}.")


def _rates_of(one: ClassCounts | Average) -> tuple[str, str, str, str]:
    rates = (one.precision, one.recall, one.f1)
    return (*map(formats.percent, rates), formats.count(one.support))  # type: ignore[return-value]


def _draw_kinds(found: Kinds | None) -> None:
    """Draw the classes of a model that tells the kinds of pneumonia apart, and which it takes for which."""
    if found is None:
        return
    _draw_report(found.report, found.areas)
    names = [one.name for one in found.report.classes]
    widgets.table(
        ("Films, by true class", *(f"called {name}" for name in names)),
        [
            (name, *map(formats.count, calls))
            for name, calls in zip(names, found.confusion.tolist(), strict=True)
        ],
    )
    if found.left_out:
        st.caption(
            f"{formats.count(found.left_out)} films with pneumonia of another kind, or of none that is "
            "known, are left out."
        )


def _draw_calibration(said: Predictions, key: str) -> None:
    """Draw how far scores are from probabilities; the fit loads scikit-learn, so it waits until asked."""
    st.subheader("Calibration", anchor=False)
    labels, scores = said.labels.astype("int64"), said.scores
    figures = [
        ("Brier score", formats.score(brier_score(labels, scores)), ""),
        ("Calibration error, ten bins", formats.score(expected_calibration_error(labels, scores)), ""),
    ]
    fit = calibration_of(said) if st.toggle("Fit slope and intercept", key=f"{key} slope") else None
    if isinstance(fit, Platt):
        figures += [
            ("Slope", formats.ratio(fit.slope), "1 is perfect"),
            ("Intercept", formats.ratio(fit.intercept), "0 is perfect"),
        ]
    widgets.figures(figures)
    if isinstance(fit, str):
        st.caption(wording.plain(fit))
