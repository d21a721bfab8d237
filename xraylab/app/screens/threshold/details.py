"""Details below the cockpit: every figure at the threshold with two intervals, and figures by class."""

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
    "At the threshold {}, where the handle was last released. Quote the interval by patient, which treats "
    "films of one patient as a cluster. The interval by film treats each film as a patient of its own, "
    "as much published work does; it is too narrow if patients have several films."
)


def draw(model: Model, split: str, table: ThresholdTable, threshold: float) -> None:
    """Draw all figures at a threshold in an expander; compute nothing while it is closed.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once its results were revealed.
    table : ThresholdTable
        Of the model on that split.
    """
    key = f"threshold details {model.name} {split}"
    with st.expander("Details", key=key, on_change="rerun") as part:
        # Streamlit runs the content of a closed expander too, and jackknife intervals take a while.
        if not part.open:
            return
        with guard():
            scored = model.films(split).scored
            if not len(scored):
                st.caption("There are no scored films.")
                return
            _draw_figures(model, split, scored, threshold)
            _draw_report(report_of(table.at(threshold)))
            _draw_kinds(kinds_of(scored, threshold))
            _draw_calibration(scored, key)


def _draw_figures(model: Model, split: str, scored: Predictions, threshold: float) -> None:
    films = (model.folder, model.card.model_sha256, split)  # the caches' key
    # Areas are cached apart from rates, because they don't change with the threshold.
    estimates = _areas(*films, scored) | _rates(*films, threshold, scored)
    st.caption(_ABOUT.format(formats.score(threshold)))
    widgets.table(
        ("Figure", "Estimate, 95 % by patient", "95 % by film", "How"),
        [
            (
                words,
                (written(name, estimates[name].value), written_interval(name, estimates[name].interval)),
                ("", written_interval(name, estimates[name].by_film)),
                estimates[name].method,
            )
            for name, words in NAMES.items()
        ],
    )


# The predictions begin with an underscore, so Streamlit doesn't hash them; folder, hash and split name them.
@st.cache_data(max_entries=8, show_spinner="Computing intervals")
def _areas(folder: Path, model_sha256: str, split: str, _scored: Predictions) -> dict[str, FigureEstimate]:
    return area_estimates(_scored.labels, _scored.scores, _scored.groups)


@st.cache_data(max_entries=64, show_spinner="Computing intervals")
def _rates(
    folder: Path, model_sha256: str, split: str, threshold: float, _scored: Predictions
) -> dict[str, FigureEstimate]:
    return rate_estimates(_scored.labels, _scored.scores, _scored.groups, threshold)


def _draw_report(report: ClassificationReport, areas: Sequence[OneVsRest] = ()) -> None:
    """Draw a row for each class, then the averages."""
    st.subheader("Classification report by kind" if areas else "Classification report", anchor=False)
    averages = {"micro": report.micro, "macro": report.macro, "weighted": report.weighted}
    rows = [(counts.name, *_rates_of(counts)) for counts in report.classes]
    rows += [(AVERAGES[name], *_rates_of(average)) for name, average in averages.items()]
    heads = ("Class", "Precision", "Recall", "F1", "Films")
    if not areas:
        widgets.table(heads, rows)
    else:
        aucs = [(formats.auc(area.auc), formats.auc_interval(*area.auc_ci)) for area in areas]
        cells = [*aucs, *[("", "")] * len(averages)]  # an average of classes has no AUC of its own
        widgets.table(
            (*heads, "AUC against the rest"), [(*row, cell) for row, cell in zip(rows, cells, strict=True)]
        )
    for name, average in averages.items():
        for rate, classes in average.left_out.items():
            if classes:
                st.caption(
                    f"{name.capitalize()} average: without {', '.join(classes)}, where {rate} is undefined."
                )


def _rates_of(row: ClassCounts | Average) -> tuple[str, str, str, str]:
    rates = (row.precision, row.recall, row.f1)
    return (*map(formats.percent, rates), formats.count(row.support))  # type: ignore[return-value]


def _draw_kinds(kinds: Kinds | None) -> None:
    """Draw the report and the confusion matrix of a model that distinguishes kinds of pneumonia."""
    if kinds is None:  # a model of two classes
        return
    _draw_report(kinds.report, kinds.areas)
    names = [counts.name for counts in kinds.report.classes]
    widgets.table(
        ("Films, by true class", *(f"called {name}" for name in names)),
        [
            (name, *map(formats.count, calls))
            for name, calls in zip(names, kinds.confusion.tolist(), strict=True)
        ],
    )
    if kinds.left_out:
        st.caption(
            f"{formats.count(kinds.left_out)} films with pneumonia of another or unknown kind are left out."
        )


def _draw_calibration(scored: Predictions, key: str) -> None:
    """Draw how far scores are from probabilities; fit slope and intercept only when asked to."""
    st.subheader("Calibration", anchor=False)
    labels, scores = scored.labels.astype("int64"), scored.scores
    figures = [
        ("Brier score", formats.score(brier_score(labels, scores)), ""),
        ("Calibration error, ten bins", formats.score(expected_calibration_error(labels, scores)), ""),
    ]
    # The fit loads scikit-learn, which takes a second that most visits don't need.
    fit = calibration_of(scored) if st.toggle("Fit slope and intercept", key=f"{key} slope") else None
    if isinstance(fit, Platt):
        figures += [
            ("Slope", formats.ratio(fit.slope), "1 is perfect"),
            ("Intercept", formats.ratio(fit.intercept), "0 is perfect"),
        ]
    widgets.figures(figures)
    if isinstance(fit, str):
        st.caption(wording.plain(fit))
