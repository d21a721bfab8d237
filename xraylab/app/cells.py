"""From number to case: the films behind a cell of the 2 × 2, the worst first, with heatmaps on demand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from xraylab import formats
from xraylab.app import widgets, wording
from xraylab.app.components.threshold_cockpit import Chosen
from xraylab.data.datasets import Dataset
from xraylab.data.phantoms import burn_in
from xraylab.evaluation.cells import CELLS, REVIEW_CELLS, Cell, cases
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.models import Model, dataset_of
from xraylab.settings import Settings

_PAGE = 16
_WORDS: dict[Cell, tuple[str, str]] = {  # of one film, of several
    "tp": ("found", "found"),
    "fn": ("missed", "missed"),
    "fp": ("false alarm", "false alarms"),
    "tn": ("rightly below", "rightly below"),
    "rp": ("with pneumonia for a reader", "with pneumonia for a reader"),
    "rn": ("normal for a reader", "normal for a reader"),
}


@dataclass(frozen=True)
class _Shown:
    """The films of one cell, the worst first."""

    cell: Cell
    films: pd.DataFrame  # rows of the predictions
    of: pd.DataFrame  # all films of their class


def draw(
    settings: Settings, model: Model, split: str, table: ThresholdTable, at: Chosen, *, store: str
) -> None:
    """Draw the films of the cell that is chosen; nothing until one is, and nothing is read until then.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once it was opened.
    table : ThresholdTable
        Of the model on that split.
    at : Chosen
        The threshold, with a review band or without.
    store : str
        Session key of the cell; a click into the cockpit sets it.
    """
    counted = {cell: _counted(cell, n) for cell, n in _numbers(table, at).items()}
    if st.session_state.get(store) not in counted:
        st.session_state.pop(store, None)  # of a review band that is gone
    chosen = st.segmented_control(
        "Films, the worst first", list(counted), format_func=counted.__getitem__, key=store
    )
    if chosen is None:
        return
    said = model.films(split).scored
    rows = cases(said.labels, said.scores, at.threshold, chosen, review_from=at.review_from)
    alike = said.labels == (chosen in ("tp", "fn", "rp"))
    shown = _Shown(chosen, said.frame.iloc[rows], said.frame[alike])
    if kinds := _by_kind(shown):
        st.markdown(kinds)
    if shown.films.empty:
        st.caption("No film is in this cell at this threshold.")
        return
    strip(settings, model, shown.films, key=f"{store} {chosen}")


def _numbers(table: ThresholdTable, at: Chosen) -> dict[Cell, int]:
    """How many films are in each cell; a review band has two cells of its own."""
    above = table.at(at.threshold)
    if at.review_from is None:
        return {cell: getattr(above, cell) for cell in CELLS}
    under = table.at(at.review_from)
    between = {"rp": above.fn - under.fn, "rn": above.tn - under.tn}
    found = {"tp": above.tp, "fn": under.fn, "fp": above.fp, "tn": under.tn, **between}
    return {cell: found[cell] for cell in (*CELLS, *REVIEW_CELLS)}


def _counted(cell: Cell, n: int) -> str:
    return f"{formats.count(n)} {_WORDS[cell][n != 1]}"


def _by_kind(shown: _Shown) -> str:
    """How many of each kind of pneumonia: "12 of 361 bacterial (3.3 %), 16 of 220 viral (7.3 %)"."""
    everything = shown.of["subtype"].value_counts()
    here = shown.films["subtype"].value_counts()
    parts = []
    for kind, n in sorted((str(kind), int(n)) for kind, n in everything.items() if kind):
        found = int(here.get(kind, 0))
        share = formats.percent(found / n)
        parts.append(f"{formats.count(found)} of {formats.count(n)} {wording.plain(kind)} ({share})")
    if len(parts) < 2:  # noqa: PLR2004 - one kind is no split
        return ""
    words = _WORDS[shown.cell][1]
    return f"{words[0].upper()}{words[1:]}: {', '.join(parts)}, by file name."


def strip(settings: Settings, model: Model, films: pd.DataFrame, *, key: str) -> None:
    """Draw films with what a model says of them, a page at a time; their list where they are elsewhere.

    Parameters
    ----------
    films : DataFrame
        Rows of the model's predictions, in the order to be shown; at least one.
    key : str
        Of the widgets.
    """
    page = _page(films, key)
    dataset = dataset_of(settings, model)
    if dataset is None:
        _draw_list(model, page)
    else:
        _draw_films(model, dataset, page, key)


def _page(films: pd.DataFrame, key: str) -> pd.DataFrame:
    """The films of the page that is looked at."""
    pages = -(-len(films) // _PAGE)
    page = 1
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = f"{key} page"
            if st.session_state.get(key, 1) > pages:  # the threshold moved, and there are fewer now
                st.session_state[key] = pages
            page = int(st.number_input("Page", 1, pages, key=key, width=140))
            st.caption(f"of {formats.count(pages)}")
    return films.iloc[(page - 1) * _PAGE : page * _PAGE]


def _draw_list(model: Model, page: pd.DataFrame) -> None:
    """Names and scores, where the films themselves are elsewhere."""
    widgets.table(
        ("Film", "Score", "Kind"),
        [
            (str(film), formats.score(score), str(kind or ""))
            for film, score, kind in page[["image_id", "score", "subtype"]].itertuples(index=False)
        ],
    )
    st.caption(
        f"The films of {wording.plain(model.card.dataset.name)} aren’t on this machine, only their scores. "
        "Import the same films on Data to see them here."
    )


def _draw_films(model: Model, dataset: Dataset, page: pd.DataFrame, key: str) -> None:
    known = {film: row for row, film in enumerate(dataset.catalog["image_id"])}
    found = page[page["image_id"].isin(list(known))]
    pixels = [np.asarray(dataset.pixels[known[film]]) for film in found["image_id"]]
    captions = [
        f"{formats.score(score)}{f' · {wording.plain(kind)}' if kind else ''}"
        for score, kind in found[["score", "subtype"]].itertuples(index=False)
    ]
    if st.toggle("Heatmaps", key=f"{key} heatmaps"):
        pictures = _with_heatmaps(model.card.model_sha256, tuple(found["image_id"]), model, pixels)
    else:
        pictures = pixels
    widgets.films([burn_in(one) if dataset.info.kind == "phantoms" else one for one in pictures], captions)
    if len(found) < len(page):
        st.caption(
            f"{formats.count(len(page) - len(found))} films of this page are no longer in the dataset."
        )


@st.cache_data(max_entries=8, scope="session", show_spinner="Drawing the heatmaps")
def _with_heatmaps(
    model_sha256: str, films: tuple[str, ...], _model: Model, _pixels: Sequence[NDArray[np.uint8]]
) -> list[NDArray[np.uint8]]:
    """Films under their heatmaps, (side, side, 3) each."""
    from xraylab.app.loaded import loaded
    from xraylab.reading.heatmap import heatmap, laid_over

    ready = loaded(_model)
    return [laid_over(film, heatmap(ready, film)) for film in _pixels]
