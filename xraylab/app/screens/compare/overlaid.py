"""
Curves of several models on the same films, which differ in colour, dash and marker.

- a model has the same look in every chart; all seeds of a training share one
- validation films only; the marker on a curve is the model's lock
- each chart can be saved from its own menu, as PNG or SVG
- a chart is made anew only if something in it changes, because that takes most of the time of this screen
"""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from xraylab.app import theme, waiting
from xraylab.app.curves import on_logit_scale, readable, reliability_points, title_parts
from xraylab.evaluation.reliability import reliability
from xraylab.models import Model

_TALL, _MIDDLE, _SMALL = 330, 290, 250
_WHOLE, _CORNER, _ROOM = (0.0, 1.0), 0.8, 0.04  # ranges of the axes, and their margin at both ends
_COLUMNS = 4  # calibration charts in a row
_LETTER, _ROW = 7, 29  # pixels of a letter of a legend, at most, and of a row
_FIGURES, _MOST_FIGURES = "compared curves", 24  # session key; figures that are kept
_FAINT = 0.55  # opacity of one seed among others
_DASHES = (
    "solid",
    "dash",
    "dot",
    "dashdot",
    "longdash",
    "longdashdot",
    "12px,3px,3px,3px,3px,3px",
    "2px,6px",
)
_SYMBOLS = ("diamond", "circle", "square", "triangle-up", "cross", "x", "triangle-down", "star")
_COLOURS = {  # each at least 3 : 1 on the theme's background
    "dark": ("#4cc2c4", "#e69f00", "#9ecbff", "#e58fc0", "#c9d1d9", "#a9c25a", "#f0896b", "#b39ddb"),
    "light": ("#0b7a7d", "#b37400", "#1f78b4", "#a3407c", "#3d4650", "#64771a", "#b3361a", "#6a4fb3"),
}
_MUTED = {"dark": "#9aa4b2", "light": "#56616f"}
_BACKGROUND = {"dark": "#0f1216", "light": "#ffffff"}


@dataclass(frozen=True)
class Drawn:
    """Curves with one look: of a model, or of all seeds of a training."""

    words: str
    models: tuple[Model, ...]


@dataclass(frozen=True)
class _Look:
    colour: str
    dash: str
    symbol: str
    opacity: float

    def line(self, *, width: float = 2) -> dict[str, Any]:
        return {"color": self.colour, "dash": self.dash, "width": width}

    def marker(self, size: int) -> dict[str, Any]:
        return {"color": self.colour, "symbol": self.symbol, "size": size}


def draw(drawn: Sequence[Drawn], *, key: str) -> None:
    """Draw the curves of up to eight models: ROC, precision-recall, calibration and learning.

    Parameters
    ----------
    drawn : sequence of Drawn
        Locked models of the same validation films.
    key : str
        Prefix of the widgets' keys.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        saved_as = st.segmented_control(
            "Save charts as", ["PNG", "SVG"], default="PNG", required=True, key=f"{key} format", help=_SAVING
        )
        corner = st.toggle("Enlarge the corner", key=f"{key} corner")
    looks = _looks(drawn)
    show = partial(_show, key=key, saved_as=saved_as.lower())
    high = _high(corner)
    roc, recall = st.columns(2)
    with roc:
        across = (0, 1 - _CORNER) if corner else _WHOLE
        show("ROC", drawn, partial(_roc, drawn, looks, x=across, y=high), corner=corner)
    with recall:
        make = partial(_precision_recall, drawn, looks, x=high, y=high)
        show("Precision and recall", drawn, make, corner=corner)
    # Closed at first: the browser takes longest to draw what is in it.
    with st.expander("Further charts", key=f"{key} further", on_change="rerun") as part:
        if part.open:
            _draw_further(drawn, looks, show)


def _draw_further(drawn: Sequence[Drawn], looks: Sequence[_Look], show: Callable[..., None]) -> None:
    """Draw how well each one's scores are calibrated, and how they were trained."""
    for start in range(0, len(drawn), _COLUMNS):
        row = slice(start, start + _COLUMNS)
        columns = st.columns(min(_COLUMNS, len(drawn)))
        for column, entry, look in zip(columns, drawn[row], looks[row], strict=False):
            with column:
                show(f"Calibration of {entry.words}", [entry], partial(_calibration, entry, look), look=look)
    if any(model.history for entry in drawn for model in entry.models):  # an ensemble has no training
        show("Learning", drawn, partial(_learning, drawn, looks), per_row=2)


_SAVING = (
    "The camera at the upper right of a chart saves it. Drag over a part of a chart to enlarge it; "
    "double-click to see the whole chart again."
)


def _high(corner: bool) -> tuple[float, float]:
    return (_CORNER, 1) if corner else _WHOLE


def _looks(drawn: Sequence[Drawn]) -> list[_Look]:
    looks = zip(_COLOURS[theme.name()], _DASHES, _SYMBOLS, strict=True)
    return [
        _Look(*look, opacity=_FAINT if len(entry.models) > 1 else 1.0)
        for entry, look in zip(drawn, looks, strict=False)
    ]


def _show(
    title: str,
    drawn: Sequence[Drawn],
    make: Callable[[], go.Figure],
    *,
    key: str,
    saved_as: str,
    per_row: int = 1,
    **view: Hashable,
) -> None:
    """Draw a chart whose only button saves it.

    Parameters
    ----------
    make : callable
        Makes the figure of these models.
    per_row : int
        Entries of the legend in a row.
    **view
        What the figure depends on besides the models and the theme.
    """
    of = tuple((entry.words, tuple(map(_numbers, entry.models))) for entry in drawn)
    figure = waiting.kept(
        _FIGURES,
        (title, theme.name(), of, tuple(view.items())),
        lambda: _with_legend(make(), per_row),
        most=_MOST_FIGURES,
    )
    st.plotly_chart(
        figure,
        key=f"{key} {title}",
        width="stretch",
        alt=title,
        config={
            "displayModeBar": True,
            "displaylogo": False,
            "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {
                "format": saved_as,
                "filename": f"xraylab-{re.sub('[^a-z0-9._]+', '-', title.lower())}",
                "scale": 2 if saved_as == "png" else 1,
            },
        },
    )


def _numbers(model: Model) -> Hashable:
    """Return what the curves of a model depend on."""
    # The table is the same object as long as its file is the same; what can't be shown any more is said here.
    return model.table("validation"), model.card.model_sha256, model.require_lock().threshold


def _with_legend(figure: go.Figure, per_row: int) -> go.Figure:
    """Lay the legend below a figure, whose height grows with it."""
    longest = max((len(trace.name or "") for trace in figure.data), default=0)
    names = sum(trace.showlegend is not False for trace in figure.data)
    background = _BACKGROUND[theme.name()]
    figure.update_layout(
        # A saved picture uses a wider font than the page, so the legend's entries have a fixed width. It also
        # lacks the page's background, without which its words could not be read.
        legend={
            "orientation": "h",
            "entrywidth": _LETTER * longest,
            "entrywidthmode": "pixels",
            "xref": "container",
            "yref": "container",
            "x": 0,
            "y": 0,
            "yanchor": "bottom",
        },
        height=figure.layout.height + _ROW * names // per_row,
        paper_bgcolor=background,
        plot_bgcolor=background,
    )
    readable(figure)
    return figure


def _roc(
    drawn: Sequence[Drawn], looks: Sequence[_Look], *, x: tuple[float, float], y: tuple[float, float]
) -> go.Figure:
    figure = go.Figure()
    for entry, look in zip(drawn, looks, strict=True):
        _name(figure, entry, look)
        for model in entry.models:
            table, threshold = model.table("validation"), model.require_lock().threshold
            rows, point = table.steps([threshold]), table.at(threshold)
            curve = table.fp[rows] / max(table.negatives, 1), table.tp[rows] / max(table.positives, 1)
            lock = 1 - point.specificity, point.sensitivity
            hover = "1 − specificity %{x:.1%}, sensitivity %{y:.1%}"
            _curve(figure, entry, look, curve, lock, hover=hover)
    _diagonal(figure)
    return _framed(figure, "ROC", ("1 − specificity", "sensitivity"), height=_TALL, x=x, y=y)


def _precision_recall(
    drawn: Sequence[Drawn], looks: Sequence[_Look], *, x: tuple[float, float], y: tuple[float, float]
) -> go.Figure:
    """Draw steps, as average precision counts them; the dotted line is the precision of random calls."""
    figure = go.Figure()
    for entry, look in zip(drawn, looks, strict=True):
        _name(figure, entry, look)
        for model in entry.models:
            table, threshold = model.table("validation"), model.require_lock().threshold
            # The first row calls no film positive, so its precision is undefined.
            rows, point = table.steps([threshold])[1:], table.at(threshold)
            recall = table.tp[rows] / max(table.positives, 1)
            curve = recall, table.tp[rows] / (table.tp[rows] + table.fp[rows])
            lock = point.sensitivity, point.ppv
            hover = "recall %{x:.1%}, precision %{y:.1%}"
            _curve(figure, entry, look, curve, lock, hover=hover, shape="vh")
    table = drawn[0].models[0].table("validation")
    share = table.positives / max(table.n, 1)
    _dotted(figure, (0, share), (1, share))
    axes = "recall (sensitivity)", "precision (PPV)"
    return _framed(figure, "Precision and recall", axes, height=_TALL, x=x, y=y)


def _curve(
    figure: go.Figure,
    entry: Drawn,
    look: _Look,
    curve: tuple[NDArray[np.float64], NDArray[np.float64]],
    lock: tuple[float, float],
    *,
    hover: str,
    **line: str,
) -> None:
    """Add a model's curve to a chart, and its lock as a marker."""
    x, y = curve
    figure.add_scatter(x=x, y=y, mode="lines", line=look.line() | line, **_belongs(entry, look, hover))
    figure.add_scatter(
        x=[lock[0]],
        y=[lock[1]],
        mode="markers",
        marker=look.marker(10),
        **_belongs(entry, look, f"lock: {hover}"),
    )


def _calibration(entry: Drawn, look: _Look) -> go.Figure:
    figure, finding = go.Figure(), entry.models[0].card.finding
    for model in entry.models:
        films = model.films("validation").scored
        figure.add_scatter(
            **reliability_points(reliability(films.labels, films.scores, films.groups), finding)
            | _belongs(entry, look, _OF_A_BIN.format(finding=finding.name))
            | {"mode": "lines+markers", "line": look.line(), "marker": look.marker(7)},
        )
    on_logit_scale(figure, finding, colour=_MUTED[theme.name()])
    figure.update_layout(
        title={
            "text": "Calibration",
            "subtitle": {"text": entry.words, "font": {"size": 12, "color": _MUTED[theme.name()]}},
        },
        height=_SMALL,
        margin={"l": 8, "r": 8, "t": 66, "b": 8},
    )
    return figure


_OF_A_BIN = (
    "%{{customdata[0]}} films (%{{customdata[1]:.1%}}), mean score %{{customdata[2]:.3f}}: %{{y:.1%}} "
    "{finding} (%{{customdata[3]:.1%}} to %{{customdata[4]:.1%}})"
)


def _learning(drawn: Sequence[Drawn], looks: Sequence[_Look]) -> go.Figure:
    """Draw loss and AUC of the validation films over the epochs, for models with a history."""
    figure = make_subplots(
        cols=2, subplot_titles=("Validation loss", "Validation AUC"), horizontal_spacing=0.1
    )
    longest = 1
    for entry, look in zip(drawn, looks, strict=True):
        histories = [history for model in entry.models if (history := model.history)]
        if histories:
            _name(figure, entry, look)
        for history in histories:
            epochs = [epoch.get("epoch") for epoch in history]
            longest = max(longest, len(epochs))
            for column, quantity in enumerate(("validation_loss", "validation_auc"), 1):
                figure.add_trace(
                    go.Scatter(
                        x=epochs,
                        y=[epoch.get(quantity) for epoch in history],
                        mode="lines+markers",
                        line=look.line(),
                        marker=look.marker(6),
                        **_belongs(entry, look, "epoch %{x}: %{y:.3f}"),
                    ),
                    row=1,
                    col=column,
                )
    figure.update_xaxes(title_text="epoch", tick0=1, dtick=max(1, longest // 8), showgrid=False)
    figure.update_layout(
        height=_MIDDLE,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
    )
    title_parts(figure)
    return figure


def _name(figure: go.Figure, entry: Drawn, look: _Look) -> None:
    """Add an entry to the legend, with line and marker; a click on it hides its curves."""
    # A trace without points, because curve and lock are two traces and would be two entries.
    figure.add_scatter(
        x=[None],
        y=[None],
        name=entry.words,
        legendgroup=entry.words,
        mode="lines+markers",
        line=look.line(),
        marker=look.marker(8),
    )


def _belongs(entry: Drawn, look: _Look, hover: str) -> dict[str, Any]:
    """Return the properties that all curves of one look share."""
    return {
        "name": entry.words,
        "legendgroup": entry.words,
        "showlegend": False,
        "opacity": look.opacity,
        "hovertemplate": f"{hover}<extra>{entry.words}</extra>",
    }


def _diagonal(figure: go.Figure) -> None:
    _dotted(figure, (0, 0), (1, 1))


def _dotted(figure: go.Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Add a dotted line as a reference for the curves."""
    (x0, y0), (x1, y1) = start, end
    line = {"dash": "dot", "width": 1, "color": _MUTED[theme.name()]}
    figure.add_shape(type="line", x0=x0, y0=y0, x1=x1, y1=y1, opacity=0.5, line=line, layer="below")


def _framed(
    figure: go.Figure,
    title: str,
    axes: tuple[str, str],
    *,
    height: int,
    x: tuple[float, float],
    y: tuple[float, float],
) -> go.Figure:
    """Give a chart two axes of shares, with a margin at both ends."""
    for update, words, (low, high) in zip(
        (figure.update_xaxes, figure.update_yaxes), axes, (x, y), strict=True
    ):
        room = _ROOM * (high - low)  # without it a marker at 0 or 1 is cut in half
        update(title_text=words, range=[low - room, high + room], tickformat=".0%")
    figure.update_layout(
        title=title,
        height=height,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
    )
    return figure
