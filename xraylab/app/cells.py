"""The films behind a cell of the 2 × 2, largest errors first, with heatmaps on demand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from xraylab import formats
from xraylab.app import film_dialog, waiting, widgets, wording
from xraylab.app.components.film_grid import film_grid
from xraylab.app.components.threshold_cockpit import Chosen
from xraylab.app.thumbnails import thumbnails
from xraylab.data.datasets import Dataset
from xraylab.evaluation.cells import CELLS, REVIEW_CELLS, Cell, cases
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import Finding
from xraylab.models import Model, dataset_of
from xraylab.settings import Settings

_PAGE = 16
_MAPS, _MOST_MAPS = "heatmaps of cells", 8  # pages that a session keeps
_WORDS: dict[Cell, tuple[str, str]] = {  # singular, plural
    "tp": ("found", "found"),
    "fn": ("missed", "missed"),
    "fp": ("false alarm", "false alarms"),
    "tn": ("correctly negative", "correctly negative"),
    "rp": ("{ill} for a reader", "{ill} for a reader"),
    "rn": ("{without} for a reader", "{without} for a reader"),
}


@dataclass(frozen=True)
class _Shown:
    """The films of one cell, largest errors first."""

    cell: Cell
    films: pd.DataFrame  # rows of the predictions
    same_class: pd.DataFrame  # all films of their true class


def draw(
    settings: Settings, model: Model, split: str, table: ThresholdTable, at: Chosen, *, store: str
) -> None:
    """Draw the films of the chosen cell; read and draw nothing until one is chosen.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once its results were revealed.
    table : ThresholdTable
        Of the model on that split.
    at : Chosen
        The threshold, with or without a review band.
    store : str
        Session key of the cell; a click in the cockpit sets it.
    """
    counted = {cell: _counted(cell, n, table.finding) for cell, n in _numbers(table, at).items()}
    # The stored cell may belong to a review band that is off by now.
    if st.session_state.get(store) not in counted:
        st.session_state.pop(store, None)
    chosen = st.segmented_control(
        "Films, largest errors first", list(counted), format_func=counted.__getitem__, key=store
    )
    if chosen is None:
        return
    scored = model.films(split).scored
    rows = cases(scored.labels, scored.scores, at.threshold, chosen, review_from=at.review_from)
    same_class = scored.labels == (chosen in ("tp", "fn", "rp"))
    shown = _Shown(chosen, scored.frame.iloc[rows], scored.frame[same_class])
    if kinds := _by_kind(shown, table.finding):
        st.markdown(kinds)
    if shown.films.empty:
        st.caption("No film is in this cell at this threshold.")
        return
    strip(settings, model, shown.films, key=f"{store} {chosen}")


def _numbers(table: ThresholdTable, at: Chosen) -> dict[Cell, int]:
    """Return the number of films in each cell; a review band adds two cells."""
    upper = table.at(at.threshold)
    if at.review_from is None:
        return {cell: getattr(upper, cell) for cell in CELLS}
    lower = table.at(at.review_from)
    # The band's films are negative at the upper cut and positive at the lower one.
    between = {"rp": upper.fn - lower.fn, "rn": upper.tn - lower.tn}
    counts = {"tp": upper.tp, "fn": lower.fn, "fp": upper.fp, "tn": lower.tn, **between}
    return {cell: counts[cell] for cell in (*CELLS, *REVIEW_CELLS)}


def _counted(cell: Cell, n: int, finding: Finding) -> str:
    return f"{formats.count(n)} {_words(cell, finding, several=n != 1)}"


def _words(cell: Cell, finding: Finding, *, several: bool) -> str:
    return _WORDS[cell][several].format(ill=finding.ill, without=finding.without)


def _by_kind(shown: _Shown, finding: Finding) -> str:
    """Write the counts of each kind: "12 of 361 bacterial (3.3 %), 16 of 220 viral (7.3 %)"."""
    in_class = shown.same_class["subtype"].value_counts()
    in_cell = shown.films["subtype"].value_counts()
    parts = []
    for kind, n in sorted((str(kind), int(n)) for kind, n in in_class.items() if kind):
        matches = int(in_cell.get(kind, 0))
        share = formats.percent(matches / n)
        parts.append(f"{formats.count(matches)} of {formats.count(n)} {wording.plain(kind)} ({share})")
    if len(parts) < 2:  # noqa: PLR2004 - one kind would only repeat the cell's own count
        return ""
    words = _words(shown.cell, finding, several=True)
    return f"{words[0].upper()}{words[1:]}: {', '.join(parts)}, by file name."


def strip(settings: Settings, model: Model, films: pd.DataFrame, *, key: str) -> None:
    """Draw films with their scores, one page at a time; a list of names if the films aren't on this machine.

    Parameters
    ----------
    films : DataFrame
        Rows of the model's predictions, in display order; at least one.
    key : str
        Prefix of the widgets' keys.
    """
    page = _page(films, key)
    dataset = dataset_of(settings, model)
    if dataset is None:
        _draw_list(model, page)
    else:
        _draw_films(settings, model, dataset, page, key)


def _page(films: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the films of the present page."""
    pages = -(-len(films) // _PAGE)
    page = 1
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = f"{key} page"
            # If the threshold moved, there may be fewer pages; Streamlit would go back to the first one.
            if st.session_state.get(key, 1) > pages:
                st.session_state[key] = pages
            page = int(st.number_input("Page", 1, pages, key=key, width=140))
            st.caption(f"of {formats.count(pages)}")
    return films.iloc[(page - 1) * _PAGE : page * _PAGE]


def _draw_list(model: Model, page: pd.DataFrame) -> None:
    """Draw names and scores of films that aren't on this machine."""
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


def _draw_films(settings: Settings, model: Model, dataset: Dataset, page: pd.DataFrame, key: str) -> None:
    # The dataset may have been imported again since the training, without some of its films.
    present = page[page["image_id"].isin(dataset.catalog["image_id"])]
    rows = dataset.rows_of(present["image_id"].tolist())
    scores = {
        film: formats.score(score) for film, score in zip(present["image_id"], present["score"], strict=True)
    }
    pictures = None
    if st.toggle("Heatmaps", key=f"{key} heatmaps"):
        pixels = [np.asarray(dataset.pixels[row]) for row in rows]
        pictures = dict(zip(scores, _with_heatmaps(model, tuple(scores), pixels), strict=True))
    clicked = film_grid(
        thumbnails(dataset, rows, scores, pictures=pictures), key=f"{key} grid", label="Films of this cell"
    )
    if clicked is not None:
        film_dialog.open_(settings, dataset, clicked)
    if len(present) < len(page):
        st.caption(
            f"{formats.count(len(page) - len(present))} films of this page are no longer in the dataset."
        )


def _with_heatmaps(
    model: Model, films: tuple[str, ...], pixels: Sequence[NDArray[np.uint8]]
) -> list[NDArray[np.uint8]]:
    """Return films with their heatmaps laid over them, (side, side, 3) each; a session keeps them."""

    def draw() -> list[NDArray[np.uint8]]:
        from xraylab.app.loaded import loaded
        from xraylab.reading.heatmap import heatmap, laid_over  # loads torch, so only when asked for

        with waiting.spinner("Drawing the heatmaps") as place:
            ready = loaded(model, place)
            return [laid_over(film, heatmap(ready, film)) for film in pixels]

    return waiting.kept(_MAPS, (model.card.model_sha256, films), draw, most=_MOST_MAPS)
