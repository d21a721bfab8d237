"""The films of a dataset: a grid that is filtered by any column and by finding, and opens a film."""

from collections.abc import Iterator

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xraylab import formats
from xraylab.app import film_dialog
from xraylab.app.components.film_grid import film_grid
from xraylab.app.glossary import SPLIT
from xraylab.app.thumbnails import thumbnails
from xraylab.audit.found import TITLES, Found
from xraylab.audit.kept import last_audit
from xraylab.data import browsing
from xraylab.data.browsing import Column, Condition
from xraylab.data.datasets import Dataset
from xraylab.settings import Settings

_PAGE = 48  # films on a page of the grid
_ALL = "all"
_FIRST = ("split", "label")  # the columns that always have a filter
_HELP = {"split": SPLIT}


def draw(settings: Settings, dataset: Dataset) -> None:
    """Draw filters and the grid; a click on a film opens it."""
    st.subheader("Films", anchor=False)
    rows = _chosen(dataset)
    if not len(rows):
        st.markdown("No film meets all of these. Take a filter away.")
        return
    shown = rows[_page(len(rows), dataset.info.name)]
    clicked = film_grid(
        thumbnails(dataset, shown),
        key=f"grid {dataset.info.name}",
        label=f"Films of {dataset.info.name}",
    )
    if clicked is not None:
        film_dialog.open_(settings, dataset, clicked)


def _chosen(dataset: Dataset) -> NDArray[np.intp]:
    """Draw the filters, and return the rows that meet them, in the order that was chosen."""
    name, catalog, finding = dataset.info.name, dataset.catalog, dataset.info.finding
    columns = browsing.columns_of(catalog, finding)
    others = {column.name: column for column in columns if column.name not in _FIRST}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        conditions = list(_draw_filters([column for column in columns if column.name in _FIRST], name))
        found = _draw_findings(dataset)
        more = st.multiselect(
            "Filter by",
            list(others),
            format_func=lambda column: others[column].words if column in others else column,
            key=f"grid filters {name}",
            placeholder="more",
            width=240,
        )
        order = _draw_order(columns, name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        conditions += _draw_filters([others[column] for column in more], name)
    rows = browsing.matching(catalog, conditions, finding)
    if found is None:
        return browsing.ordered(catalog, rows, order)
    # The films of a finding keep its order: the worst first, and copies of one picture side by side.
    named = dataset.rows_of(found.films)
    return named[np.isin(named, rows)]


def _draw_filters(columns: list[Column], dataset: str) -> Iterator[Condition]:
    """Draw the filter of each column, and yield those that leave films out."""
    for column in columns:
        key = f"grid {column.name} {dataset}"
        if column.kind == "numbers":
            low, high = column.span or (0.0, 0.0)
            span = st.slider(column.words, low, high, (low, high), key=key, width=260)
            if span != (low, high):
                yield Condition(column.name, span=(float(span[0]), float(span[1])))
        elif column.kind == "text":
            text = st.text_input(column.words, key=key, placeholder="a part of it", width=200)
            if text.strip():
                yield Condition(column.name, text=text.strip())
        else:
            options = [_ALL, *column.values]
            value = st.selectbox(column.words, options, key=key, width=150, help=_HELP.get(column.name))
            if value != _ALL:
                yield Condition(column.name, values=frozenset({value}))


def _draw_findings(dataset: Dataset) -> Found | None:
    """Draw the choice of a finding of the audit whose films are shown; None for all films."""
    audit, films = last_audit(dataset), dataset.catalog["image_id"]
    findings = {TITLES[found.check]: found for found in audit.findings} if audit else {}
    # The files that couldn't be read are no films of the dataset.
    named = {title: int(films.isin(found.films).sum()) for title, found in findings.items()}
    offered = [title for title, n in named.items() if n]
    if not offered:
        return None

    def words(title: str) -> str:
        return f"{title} ({formats.count(named[title])})" if title in named else title

    key = f"grid finding {dataset.info.name}"
    chosen = st.selectbox("Finding of the audit", [_ALL, *offered], format_func=words, key=key, width=220)
    return findings.get(str(chosen))


def _draw_order(columns: list[Column], dataset: str) -> str:
    words = {browsing.MIXED: browsing.MIXED} | {column.name: column.words.lower() for column in columns}
    return str(
        st.selectbox(
            "Order",
            list(words),
            format_func=lambda name: words.get(name, name),
            key=f"grid order {dataset}",
            width=170,
        )
    )


def _page(films: int, dataset: str) -> slice:
    """Draw the choice of the page, and return the films on it."""
    pages, key, page = -(-films // _PAGE), f"grid page {dataset}", 1
    with st.container(horizontal=True, vertical_alignment="center"):
        if pages > 1:
            # With other filters there may be fewer pages; Streamlit would go back to the first one.
            st.session_state[key] = min(st.session_state.get(key, 1), pages)
            page = int(st.number_input("Page", 1, pages, key=key, width=200, label_visibility="collapsed"))
        of = f"Page {formats.count(page)} of {formats.count(pages)}, " if pages > 1 else ""
        st.caption(f"{of}{formats.counted(films, 'film')}")
    return slice((page - 1) * _PAGE, page * _PAGE)
