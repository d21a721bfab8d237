"""Curves over epochs, and charts that compare two sets of films, in the theme's colours."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from xraylab.evaluation.calibration import Reliability

_COLOURS = {  # the theme's muted and accent: Plotly can't read CSS variables
    "dark": {"train": "#9aa4b2", "validation": "#4cc2c4"},
    "light": {"train": "#56616f", "validation": "#0b7a7d"},
}
_HEIGHT, _TALL = 260, 380
_BINS = 20  # of scores
_SHARES = (0.0, 0.1)  # shares of films that a histogram marks, together with its highest
_FLATTEST = 0.05  # lowest share at its top, so that scattered films don't look like a crowd

_RATES = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "f1": "F1",
    "kappa": "Kappa",
}


def learning_curves(history: Sequence[dict[str, Any]], *, key: str) -> None:
    """Draw the loss and one rate over the epochs, for training and validation films.

    The rate is the AUC, or any other in the history; those are counted at a score of 0.5.
    """
    rates = [rate for rate in _RATES if any(epoch.get(f"validation_{rate}") is not None for epoch in history)]
    rate = "auc"
    if len(rates) > 1:
        rate = st.segmented_control(
            "Second curve",
            rates,
            default="auc",
            required=True,
            format_func=_RATES.__getitem__,
            key=f"{key} rate",
            label_visibility="collapsed",
        )
    st.plotly_chart(_figure(history, rate), key=key, config={"displayModeBar": False}, width="stretch")


def mirrored_scores(
    validation: NDArray[np.float64], other: NDArray[np.float64], threshold: float, *, title: str, key: str
) -> None:
    """Draw two histograms of scores of one class: other films above the line, validation films below it.

    Heights are square roots of shares, so that the few films between 0 and 1 stay visible.

    Parameters
    ----------
    validation, other : float arrays, (n,) and (m,)
        Scores in [0, 1].
    """
    colours = _COLOURS["light" if st.context.theme.type == "light" else "dark"]
    figure = go.Figure()
    highest = 0.0
    for scores, name, sign, colour in (
        (other, "other films", 1, colours["validation"]),
        (validation, "validation", -1, colours["train"]),
    ):
        counted, edges = np.histogram(scores, _BINS, (0, 1))
        share = counted / max(scores.size, 1)  # a side without films has no bars
        highest = max(highest, float(share.max()))
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=sign * np.sqrt(share),
            width=1 / _BINS,
            marker={"color": colour, "line": {"width": 0}},
            customdata=np.stack([counted, edges[:-1], edges[1:], share], axis=1),
            hovertemplate=f"{name}: %{{customdata[0]}} films from %{{customdata[1]:.2f}} to "
            "%{customdata[2]:.2f}, %{customdata[3]:.1%}<extra></extra>",
            showlegend=False,
        )
        figure.add_annotation(
            text=f"{name} {'↑' if sign > 0 else '↓'}",
            font={"color": colour},
            showarrow=False,
            **{"x": 0.5, "xref": "paper", "y": 1 if sign > 0 else 0, "yref": "paper"},
        )
    # A mark just below the highest would overprint it.
    shares = [share for share in _SHARES if share < highest * 0.6] + [max(highest, _FLATTEST)]
    top = math.sqrt(shares[-1])
    figure.add_vline(threshold, line={"color": colours["train"], "dash": "dash", "width": 1})
    figure.update_xaxes(title_text="score (dashed: the lock)", range=[-0.01, 1.01], showgrid=False)
    ticks = [sign * math.sqrt(share) for sign in (-1, 1) for share in shares]
    figure.update_yaxes(
        range=[-1.25 * top, 1.25 * top], tickvals=ticks, ticktext=[f"{tick**2:.0%}" for tick in ticks]
    )
    figure.update_layout(
        title=title, height=_HEIGHT, margin={"l": 8, "r": 8, "t": 40, "b": 8}, barmode="overlay", bargap=0
    )
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, width="stretch", alt=title)


def two_calibrations(validation: Reliability, other: Reliability, *, key: str) -> None:
    """Draw the share of pneumonia over the mean score of a bin, for validation films and other films."""
    colours = _COLOURS["light" if st.context.theme.type == "light" else "dark"]
    figure = go.Figure()
    for bins, name, line, symbol in (
        (validation, "validation", {"color": colours["train"], "width": 2, "dash": "dash"}, "circle"),
        (other, "other films", {"color": colours["validation"], "width": 2}, "diamond"),
    ):
        figure.add_scatter(
            x=bins.score,
            y=bins.share,
            customdata=bins.n,
            name=name,
            mode="lines+markers",
            line=line,
            marker={"symbol": symbol, "size": 8},
            hovertemplate="%{customdata} films, mean score %{x:.2f}: %{y:.1%} pneumonia<extra></extra>",
        )
    _frame(figure, "Calibration", "mean score", "share with pneumonia", colour=colours["train"])
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, width="stretch", alt="Calibration")


def _frame(figure: go.Figure, title: str, x: str, y: str, *, colour: str) -> None:
    """Give a chart axes from 0 to 100 % and their diagonal."""
    figure.add_shape(
        type="line", x0=0, x1=1, y0=0, y1=1, opacity=0.4, line={"dash": "dot", "width": 1, "color": colour}
    )
    figure.update_xaxes(title_text=x, range=[-0.02, 1.02], tickformat=".0%")
    figure.update_yaxes(title_text=y, range=[-0.02, 1.02], tickformat=".0%")
    figure.update_layout(
        title=title,
        height=_TALL,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        legend={"orientation": "h", "y": -0.22},
    )


def _figure(history: Sequence[dict[str, Any]], rate: str) -> go.Figure:
    epochs = [epoch["epoch"] for epoch in history]
    colours = _COLOURS["light" if st.context.theme.type == "light" else "dark"]
    figure = make_subplots(cols=2, subplot_titles=("Loss", _RATES[rate]), horizontal_spacing=0.1)
    for column, quantity in enumerate(("loss", rate), 1):
        for split, dash in (("train", "dot"), ("validation", "solid")):
            figure.add_trace(
                go.Scatter(
                    x=epochs,
                    y=[epoch.get(f"{split}_{quantity}") for epoch in history],
                    name="training films" if split == "train" else "validation films",
                    mode="lines+markers",
                    line={"color": colours[split], "dash": dash, "width": 2},
                    marker={"size": 4},
                    legendgroup=split,
                    showlegend=column == 1,
                    hovertemplate="epoch %{x}: %{y:.3f}<extra></extra>",
                ),
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="epoch", tick0=1, dtick=max(1, len(epochs) // 8), showgrid=False)
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 8, "r": 8, "t": 32, "b": 8},
        legend={"orientation": "h", "y": -0.28},
    )
    return figure
