"""Curves over epochs, drawn with Plotly in the theme's colours."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

_COLOURS = {  # muted and accent of each theme
    "dark": {"train": "#9aa4b2", "validation": "#4cc2c4"},
    "light": {"train": "#56616f", "validation": "#0b7a7d"},
}
_HEIGHT = 260


_RATES = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "f1": "F1",
    "kappa": "Kappa",
}


def learning_curves(history: Sequence[dict[str, Any]], *, key: str) -> None:
    """Draw loss and AUC over the epochs, or another rate, for training and validation films.

    What else there is to choose from is what the history holds; it is counted at a score of 0.5.
    """
    rates = [rate for rate in _RATES if any(epoch.get(f"validation_{rate}") is not None for epoch in history)]
    rate = "auc"
    if len(rates) > 1:
        rate = st.segmented_control(
            "Beside the loss",
            rates,
            default="auc",
            required=True,
            format_func=_RATES.__getitem__,
            key=f"{key} rate",
            label_visibility="collapsed",
        )
    st.plotly_chart(_figure(history, rate), key=key, config={"displayModeBar": False}, width="stretch")


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
