"""Threshold tables, kept between reruns with all that was worked out of them. No torch."""

from pathlib import Path

import streamlit as st

from xraylab.evaluation.thresholds import ThresholdTable, threshold_table
from xraylab.models import Model


@st.cache_resource(max_entries=8, show_spinner="Counting")
def _table(folder: Path, model_sha256: str, split: str, _model: Model) -> ThresholdTable:
    predictions = (_model.test if split == "test" else _model.validation).scored
    return threshold_table(predictions.labels, predictions.scores, predictions.groups)


def table_of(model: Model, split: str) -> ThresholdTable:
    """The threshold table of a model on its validation films, or on its test films once opened.

    Raises
    ------
    HonestOrderError
        If the test films are sealed, cached or not.
    """
    if split == "test" and not model.test_opened:
        _ = model.test  # says why not
    return _table(model.folder, model.card.model_sha256, split, model)
