"""Thumbnails of films that were scored, one page at a time, with heatmaps on demand."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from xraylab import formats
from xraylab.app import film_dialog, waiting, widgets, wording
from xraylab.app.components.film_grid import film_grid
from xraylab.app.thumbnails import thumbnails
from xraylab.data.datasets import Dataset
from xraylab.models import Model, dataset_of
from xraylab.settings import Settings

_PAGE = 16
_MAPS, _MOST_MAPS = "heatmaps of thumbnails", 8  # pages that a session keeps


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
        thumbnails(dataset, rows, scores, pictures=pictures), key=f"{key} grid", label="These films"
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
