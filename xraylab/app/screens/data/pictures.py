"""The dataset as pictures: bars of its classes by split, age, view or another value, and average films."""

import pandas as pd
import streamlit as st

from xraylab import formats
from xraylab.app import widgets
from xraylab.app.glossary import SPLIT
from xraylab.data.averages import Average, average_films
from xraylab.data.browsing import NOT_STATED, columns_of, texts
from xraylab.data.datasets import SPLITS, Dataset
from xraylab.data.phantoms import burn_in
from xraylab.data.split import LEFT_OUT
from xraylab.evaluation.subgroup_columns import AGE_BANDS, age_bands
from xraylab.formats import NARROW_SPACE, THIN_SPACE

_SPLIT = "split"
_AGE = "age"
_AVERAGE = 150  # pixels; two lie side by side on a phone
_MOST_BARS = 12  # values; of a column with more the most frequent are shown


def draw(dataset: Dataset, *, key: str) -> None:
    """Draw bars and average films of a dataset, for one column of the screen or its whole width."""
    left, right = st.columns([1.7, 1], gap="medium")
    with left:
        draw_bars(dataset, key=key)
    with right:
        draw_averages(dataset)
        st.caption("Where these two differ, a network may learn how films were taken instead of the finding.")


def draw_bars(dataset: Dataset, *, key: str) -> None:
    """Draw how many films of each class have each value of a column that the user chooses."""
    catalog, finding = dataset.catalog, dataset.info.finding
    offered = {
        column.name: column.words
        for column in columns_of(catalog, finding)
        if column.name not in ("label", "patient", "path") and (column.values or column.name == _AGE)
    }
    by = _SPLIT
    if len(offered) > 1:
        by = str(
            st.pills(
                "Films by",
                list(offered),
                default=_SPLIT,
                required=True,
                format_func=offered.__getitem__,
                key=key,
                help=SPLIT,
            )
        )
    widgets.class_bars(_counts(dataset, by), finding.classes)


def draw_averages(dataset: Dataset) -> None:
    """Draw the average film of each class."""
    averages = _averages(dataset.info.pixel_hash, dataset)
    with st.container(horizontal=True):
        for average in averages:
            films = formats.counted(average.films, "film").replace(THIN_SPACE, NARROW_SPACE)
            # The word SYNTHETIC stands on everything that is drawn of phantoms.
            picture = burn_in(average.picture) if dataset.info.kind == "phantoms" else average.picture
            widgets.picture(picture, f"{average.name}, mean of {films}", width=_AVERAGE)


# The hash is the key; the dataset isn't hashed.
@st.cache_data(max_entries=8, show_spinner="Averaging the films")
def _averages(pixel_hash: str, _dataset: Dataset) -> list[Average]:
    return average_films(_dataset)


def _counts(dataset: Dataset, by: str) -> list[tuple[str, tuple[int, int], str]]:
    """Count the films of each class by value, with a remark: name, (absent, present), such as patients."""
    catalog = dataset.catalog
    values = _values(dataset, by)
    of = pd.DataFrame({"value": values.to_numpy(), "label": catalog["label"], "patient": catalog["patient"]})
    rows = []
    for value, films in of.groupby("value", sort=False):
        ill = int(films["label"].sum())
        patients = formats.counted(films["patient"].nunique(), "patient")
        rows.append((str(value), (len(films) - ill, ill), patients))
    rows.sort(key=lambda row: _place(by, row))
    return rows[:_MOST_BARS]


def _values(dataset: Dataset, by: str) -> pd.Series:
    if by != _AGE:
        return texts(dataset.catalog, by, dataset.info.finding)
    return pd.Series(age_bands(pd.to_numeric(dataset.catalog[by], errors="coerce"))).fillna(NOT_STATED)


def _place(by: str, row: tuple[str, tuple[int, int], str]) -> tuple[int, int]:
    """Order splits as they are used, ages as they go, and others by number; what isn't stated comes last."""
    orders = {_SPLIT: (*SPLITS, LEFT_OUT), _AGE: tuple(AGE_BANDS)}
    order = orders.get(by, ())
    if row[0] in order:
        return 0, order.index(row[0])
    return 1 + (row[0] == NOT_STATED), -sum(row[1])
