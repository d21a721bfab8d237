"""Two datasets side by side: what films they have, in pictures and numbers."""

from collections.abc import Callable, Iterator

import pandas as pd
import streamlit as st

from xraylab import actions, formats
from xraylab.app import widgets, wording
from xraylab.app.faults import guard
from xraylab.app.screens.data import pictures
from xraylab.data.datasets import Dataset, list_datasets, load_dataset
from xraylab.settings import Settings


def draw(settings: Settings, dataset: Dataset) -> None:
    """Draw a dataset beside another one that the user chooses; nothing if there is no other."""
    names = [info.name for info in list_datasets(settings) if info.name != dataset.info.name]
    if not names:
        return
    with st.expander("Side by side with another dataset", key="beside", on_change="rerun") as part:
        if not part.open:
            return
        key = f"beside {dataset.info.name}"
        other = load_dataset(settings, str(st.selectbox("Other dataset", names, key=key, width=320)))
        with guard():  # datasets of two findings stand side by side, and can't be compared
            hashes = dataset.info.pixel_hash, other.info.pixel_hash
            sentences = _compared(hashes, dataset.info.name, other.info.name, settings)
            st.markdown("\n".join(f"- {wording.plain(sentence)}" for sentence in sentences))
        for column, shown in zip(st.columns(2, gap="large"), (dataset, other), strict=True):
            with column:
                _draw_one(shown)


# The hashes are part of the key: a dataset may be replaced under its name.
@st.cache_data(max_entries=8, show_spinner="Comparing the films of both")
def _compared(hashes: tuple[str, str], name: str, other: str, _settings: Settings) -> list[str]:
    return actions.compare_datasets(_settings, name, other).sentences


def _draw_one(dataset: Dataset) -> None:
    st.markdown(f"**{wording.plain(dataset.info.name)}**")
    pictures.draw_averages(dataset)
    pictures.draw_bars(dataset, key=f"beside bars {dataset.info.name}")
    widgets.table((), list(_facts(dataset)))


def _facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield what a person compares: numbers of films, and the middle half of what files are like."""
    info, catalog = dataset.info, dataset.catalog
    yield "Finding", info.finding.name
    yield "Films", formats.count(info.n)
    yield "Patients", formats.count(info.patients)
    yield "Formats", ", ".join(sorted(catalog["format"].astype(str).unique()))
    yield "Width, middle half", f"{_middle(catalog['width'].round(), formats.ratio)} pixels"
    yield "Height, middle half", f"{_middle(catalog['height'].round(), formats.ratio)} pixels"
    yield "Sharpness, middle half", _middle(catalog["sharpness"], formats.ratio)


def _middle(values: pd.Series, write: Callable[[float], str]) -> str:
    """Write between which values half of all lie, with a quarter on either side."""
    low, high = map(write, values.quantile([0.25, 0.75], interpolation="nearest"))
    return low if low == high else f"{low} to {high}"
