"""The charts of the screens: their words can be read in both themes."""

from types import SimpleNamespace

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from xraylab.app import curves


@pytest.mark.parametrize(
    ("theme", "muted", "text"), [("light", "#56616f", "#16202b"), ("dark", "#9aa4b2", "#e6e9ee")]
)
def test_words_of_a_chart_have_the_theme_s_own_colours(monkeypatch, theme, muted, text):
    monkeypatch.setattr(curves.st, "context", SimpleNamespace(theme=SimpleNamespace(type=theme)))
    figure = make_subplots(cols=2, subplot_titles=("Loss", "AUC"))
    for column in (1, 2):
        figure.add_trace(go.Scatter(x=[1], y=[1]), row=1, col=column)
    curves.title_parts(figure)
    curves.readable(figure)
    for axis in (figure.layout.xaxis, figure.layout.yaxis2):
        assert (axis.tickfont.color, axis.title.font.color) == (muted, muted)
    for title, axis in zip(
        figure.layout.annotations, (figure.layout.xaxis, figure.layout.xaxis2), strict=True
    ):
        assert title.font.color == text
        assert (title.x, title.xanchor) == (axis.domain[0], "left")
