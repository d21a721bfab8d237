"""Curves over epochs, and charts that compare two sets of films, in the theme's colours."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from xraylab.app import theme
from xraylab.evaluation.reliability import Reliability
from xraylab.findings import Finding

_COLOURS = {  # the theme's muted and accent: Plotly can't read CSS variables
    "dark": {"train": "#9aa4b2", "validation": "#4cc2c4"},
    "light": {"train": "#56616f", "validation": "#0b7a7d"},
}
_TEXT = {"dark": "#e6e9ee", "light": "#16202b"}
_HEIGHT, _TALL = 260, 380
_FAR = 8.5  # ends of a logit axis, which lie at scores of 0.0002 and 0.9998
_SCORES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)  # marked on it
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
    figure = _figure(history, rate)
    readable(figure)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, width="stretch")


def readable(figure: go.Figure) -> None:
    """Write axes in the theme's muted colour: Streamlit's own is too faint on the light theme."""
    colour = _COLOURS[theme.name()]["train"]
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(tickfont={"color": colour}, title={"font": {"color": colour}})


def title_parts(figure: go.Figure) -> None:
    """Write the titles of the parts of a chart as that of a whole one: bold, and where its axis begins."""
    colour = _TEXT[theme.name()]
    for number, title in enumerate(figure.layout.annotations, 1):
        start = figure.layout["xaxis" if number == 1 else f"xaxis{number}"].domain[0]
        title.update(x=start, xanchor="left", font={"size": 14, "weight": 600, "color": colour})


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
    colours = _COLOURS[theme.name()]
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
    readable(figure)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, width="stretch", alt=title)


def calibration(sets: Mapping[str, Reliability], finding: Finding, *, key: str) -> None:
    """Draw the share of the finding over the mean score of a bin, with intervals, on the scale of the logit.

    Parameters
    ----------
    sets : mapping of str to Reliability
        One or two sets of films by name; the first is drawn dashed if there are two.
    """
    colours = _COLOURS[theme.name()]
    figure = go.Figure()
    looks = [("validation", "solid", "diamond")]
    if len(sets) > 1:
        looks = [("train", "dash", "circle"), *looks]
    for (name, bins), (colour, dash, symbol) in zip(sets.items(), looks, strict=True):
        figure.add_scatter(
            **reliability_points(bins, finding),
            name=name,
            mode="lines+markers",
            line={"color": colours[colour], "width": 2, "dash": dash},
            marker={"symbol": symbol, "size": 8},
            showlegend=len(sets) > 1,
        )
    on_logit_scale(figure, finding, colour=colours["train"])
    figure.update_layout(
        title="Calibration",
        height=_TALL,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        legend={"orientation": "h", "y": -0.22},
    )
    readable(figure)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, width="stretch", alt="Calibration")


def reliability_points(bins: Reliability, finding: Finding) -> dict[str, Any]:
    """Return the points of a calibration curve as a scatter takes them, with intervals."""
    low, high = np.array(bins.interval).reshape(-1, 2).T
    return {
        "x": logit_places(bins.score),
        "y": bins.share,
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": high - bins.share,
            "arrayminus": bins.share - low,
            "thickness": 1,
            "width": 3,
        },
        "customdata": np.stack([bins.n, bins.share_of_films, bins.score, low, high], axis=1),
        "hovertemplate": "%{customdata[0]} films (%{customdata[1]:.1%}), mean score %{customdata[2]:.3f}: "
        f"%{{y:.1%}} {finding.name} "
        "(%{customdata[3]:.1%} to %{customdata[4]:.1%})<extra></extra>",
    }


def logit_places(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logits of scores, at most as far from 0 as the axis goes."""
    inside = np.clip(scores, 1e-12, 1 - 1e-12)  # 0 and 1 themselves have no logit
    places: NDArray[np.float64] = np.clip(np.log(inside / (1 - inside)), -_FAR, _FAR)
    return places


def on_logit_scale(figure: go.Figure, finding: Finding, *, colour: str) -> None:
    """Give a calibration chart its axes, and the curve on which scores that are probabilities lie."""
    logits = np.linspace(-_FAR, _FAR, 61)
    figure.add_scatter(
        x=logits,
        y=1 / (1 + np.exp(-logits)),
        mode="lines",
        line={"dash": "dot", "width": 1, "color": colour},
        opacity=0.5,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(
        title_text="mean score, on a logit scale",
        range=[-1.03 * _FAR, 1.03 * _FAR],
        tickvals=logit_places(np.array(_SCORES)),
        ticktext=[f"{score:g}" for score in _SCORES],
        showgrid=False,
    )
    figure.update_yaxes(title_text=f"share {finding.ill}", range=[-0.04, 1.04], tickformat=".0%")


def _figure(history: Sequence[dict[str, Any]], rate: str) -> go.Figure:
    epochs = [epoch["epoch"] for epoch in history]
    colours = _COLOURS[theme.name()]
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
    title_parts(figure)
    return figure
