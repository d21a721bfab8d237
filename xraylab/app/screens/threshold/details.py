"""Details below the cockpit: every figure at the threshold with two intervals, and figures by class."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from xraylab import formats
from xraylab.app import curves, widgets, wording
from xraylab.app.faults import guard
from xraylab.evaluation.classes import Kinds, report_of
from xraylab.evaluation.estimates import FigureEstimate, area_estimates, rate_estimates
from xraylab.evaluation.figures import calibration_of, kinds_of
from xraylab.evaluation.reliability import reliability
from xraylab.evaluation.report import Average, ClassCounts, ClassificationReport, OneVsRest
from xraylab.evaluation.summary import brier_score, expected_calibration_error
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import Finding
from xraylab.models import Model
from xraylab.predictions import Predictions
from xraylab.reports.calibration import (
    bin_rows,
    bins_of,
    calibrated,
    sentences,
    signed,
    signed_interval,
)
from xraylab.reports.names import AVERAGES, NAMES, written, written_interval

_ABOUT = (
    "At the threshold {}, where the handle was last released. Quote the interval by patient, which treats "
    "films of one patient as a cluster. The interval by film treats each film as a patient of its own, "
    "as much published work does; it is too narrow if patients have several films."
)

_IN_SAMPLE = " The model was calibrated on these same films, so these figures look better than they are."


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
            _draw_report(report_of(table.at(threshold), table.finding))
            _draw_kinds(kinds_of(scored, threshold), table.finding)
            _draw_calibration(model, split, scored, key)


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
    st.header("Classification report by kind" if areas else "Classification report", anchor=False)
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


def _draw_kinds(kinds: Kinds | None, finding: Finding) -> None:
    """Draw the report and the confusion matrix of a model that distinguishes kinds of the finding."""
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
            f"{formats.count(kinds.left_out)} films {finding.ill} of another or unknown kind are left out."
        )


def _draw_calibration(model: Model, split: str, scored: Predictions, key: str) -> None:
    """Draw how far scores are from probabilities, with intervals, and the share of the finding by score."""
    st.header("Calibration", anchor=False)
    labels, scores = scored.labels.astype("int64"), scored.scores
    document = calibrated(
        calibration_of(scored),
        brier=brier_score(labels, scores),
        ece=expected_calibration_error(labels, scores),
    )
    widgets.figures(
        [
            ("Slope", signed(document.slope), _under(document.slope_ci)),
            ("Intercept", signed(document.intercept), _under(document.intercept_ci)),
            (
                f"Observed / expected {scored.finding.cases}",
                signed(document.observed_expected),
                _under(document.observed_expected_ci),
            ),
            ("Brier score", formats.score(document.brier), ""),
            ("Calibration error, ten bins", formats.score(document.ece), ""),
        ]
    )
    in_sample = model.card.calibrated and split == "validation"
    st.caption(wording.plain(f"{sentences(document, scored.finding)}{_IN_SAMPLE if in_sample else ''}"))
    bins = reliability(scored.labels, scored.scores, scored.groups)
    curves.calibration({"films": bins}, scored.finding, key=f"{key} bins")
    widgets.table(
        ("Score", "Films", "Share of films", "Mean score", f"With {scored.finding.name}, 95 % by patient"),
        bin_rows(bins_of(bins)),
    )


def _under(bounds: tuple[float, float]) -> str:
    return signed_interval(bounds) or "too few patients, or no fit"
