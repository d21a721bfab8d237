"""
The films behind a cell of the 2 × 2, over the right half of the cockpit: one in the viewer, all in a list.

- a click on a cell opens them, the largest error first; nothing else on the screen moves
- the list and the viewer are drawn by themselves, so that the next film doesn't draw the cockpit again
- the heatmap of the film on the screen is drawn in the background, and that of the next one after it
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from xraylab import actions, formats
from xraylab.app import cells, session_films, told, waiting, wording
from xraylab.app.behind import Behind
from xraylab.app.components.ask_again import ask_again
from xraylab.app.components.film_list import Row, film_list, thumbnail_url
from xraylab.app.components.film_viewer import Overlay, Viewed, film_viewer
from xraylab.app.components.laid_over import laid_over
from xraylab.app.components.threshold_cockpit import Chosen
from xraylab.app.faults import guard
from xraylab.app.loaded import is_loaded, loaded_for, prepare
from xraylab.app.overlays import overlays
from xraylab.app.thumbnails import large, ratio
from xraylab.data.datasets import Dataset
from xraylab.errors import XRayLabError
from xraylab.evaluation.cells import CELLS, REVIEW_CELLS, Cell, cases
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import Finding
from xraylab.models import Model, dataset_of
from xraylab.settings import Settings

_MOST = 500  # films in the list; the thumbnails show all
_MAPS, _THUMBNAILS = "heatmaps of cells", "thumbnails of cells"  # session keys
_ORDER = "largest errors first"
_WORDS: dict[Cell, tuple[str, str]] = {  # singular, plural
    "tp": ("found", "found"),
    "fn": ("missed", "missed"),
    "fp": ("false alarm", "false alarms"),
    "tn": ("correctly negative", "correctly negative"),
    "rp": ("{ill} for a reader", "{ill} for a reader"),
    "rn": ("{without} for a reader", "{without} for a reader"),
}


@dataclass(frozen=True, eq=False)
class Opened:
    """The films of the cell that is open."""

    cell: Cell
    title: str  # their number, and what they are
    kinds: str  # the counts by kind, as a sentence; empty if there is only one
    films: pd.DataFrame  # rows of the predictions, the largest error first


@dataclass(frozen=True, eq=False)
class _Listed:
    """The films in the list, those of them that are still in the dataset."""

    model: Model
    dataset: Dataset
    store: str  # session key of the cell
    catalog_rows: Sequence[int]
    films: Sequence[Row]  # with the image ids as their keys
    labels: Sequence[int]


def opened(model: Model, split: str, table: ThresholdTable, at: Chosen, *, store: str) -> Opened | None:
    """Return the films of the cell that is open; None if none is.

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
    # The stored cell may belong to a review band that is off by now.
    cell: Cell | None = st.session_state.get(store)
    if cell not in (CELLS if at.review_from is None else (*CELLS, *REVIEW_CELLS)):
        _close(store)
        return None
    scored = model.films(split).scored
    rows = cases(scored.labels, scored.scores, at.threshold, cell, review_from=at.review_from)
    films = scored.frame.iloc[rows]
    words = _words(cell, table.finding, several=len(films) != 1)
    same_class = scored.frame[scored.labels == (cell in ("tp", "fn", "rp"))]
    return Opened(cell, f"{formats.count(len(films))} {words}", _by_kind(films, same_class), films)


def draw(settings: Settings, model: Model, opened: Opened, *, store: str, ground: str) -> None:
    """Draw the films over the right half of the cockpit.

    Parameters
    ----------
    ground : str
        Key of the container in which the cockpit stands and this is drawn.
    """
    with st.container(key="xl-cell"):
        laid_over(
            opened.title,
            _detail(opened),
            key=f"{store} head",
            panel="xl-cell",
            ground=ground,
            over=".aside",
            on_close=partial(_close, store),
        )
        with st.container(key="xl-cell-body"):
            dataset = dataset_of(settings, model)
            if opened.films.empty:
                st.caption("No film is in this cell at this threshold.")
            elif dataset is None:
                cells.strip(settings, model, opened.films, key=f"{store} {opened.cell}")
            else:
                st.fragment(_draw_films)(_listed(model, dataset, opened, store), opened.cell)


def draw_thumbnails(settings: Settings, model: Model, opened: Opened, *, store: str) -> None:
    """Draw all films of the cell as thumbnails, in an expander; read no film while it is closed."""
    if opened.films.empty or dataset_of(settings, model) is None:
        return
    title = f"Thumbnails: {opened.title}"
    with st.expander(title, key=f"{store} {opened.cell} all", on_change="rerun") as part:
        # Streamlit runs the content of a closed expander too.
        if part.open:
            cells.strip(settings, model, opened.films, key=f"{store} {opened.cell}")


def _words(cell: Cell, finding: Finding, *, several: bool) -> str:
    return _WORDS[cell][several].format(ill=finding.ill, without=finding.without)


def _by_kind(films: pd.DataFrame, same_class: pd.DataFrame) -> str:
    """Write the counts of each kind: "12 of 361 bacterial (3.3 %), 16 of 220 viral (7.3 %)"."""
    in_class, in_cell = same_class["subtype"].value_counts(), films["subtype"].value_counts()
    parts = []
    for kind, n in sorted((str(kind), int(n)) for kind, n in in_class.items() if kind):
        matches = int(in_cell.get(kind, 0))
        share = formats.percent(matches / n)
        parts.append(f"{formats.count(matches)} of {formats.count(n)} {formats.visible(kind)} ({share})")
    # One kind would only repeat the cell's own count.
    return ", ".join(parts) if len(parts) > 1 else ""


def _detail(opened: Opened) -> str:
    films = len(opened.films)
    order = _ORDER if films > 1 else ""
    more = f"the first {formats.count(_MOST)} of them; the thumbnails below show all" if films > _MOST else ""
    return ", ".join(filter(None, (order, opened.kinds, more)))


def _listed(model: Model, dataset: Dataset, opened: Opened, store: str) -> _Listed:
    # The dataset may have been imported again since the training, without some of its films.
    present = opened.films[opened.films["image_id"].isin(dataset.catalog["image_id"])].iloc[:_MOST]
    rows = dataset.rows_of(present["image_id"].tolist())
    shown = dataset.catalog.iloc[rows]
    shapes = map(ratio, shown["width"].tolist(), shown["height"].tolist())
    urls = (_thumbnail(dataset, *film) for film in zip(rows.tolist(), shapes, strict=True))
    columns = (present["image_id"], shown["path"], present["score"], present["subtype"])
    films = [
        Row(str(key), _name(path), formats.score(score), kind, kind, score=float(score), url=url)
        for key, path, score, kind, url in zip(
            *(column.tolist() for column in columns[:3]), map(_kind, columns[3]), urls, strict=True
        )
    ]
    return _Listed(model, dataset, store, rows.tolist(), films, present["label"].astype(int).tolist())


@guard()  # because a fragment reruns without its page
def _draw_films(listed: _Listed, cell: Cell) -> None:
    if not listed.films:
        st.caption("The films of this cell are no longer in the dataset.")
        return
    with st.container(key="xl-cell-films"):
        with st.container(key="xl-cell-list"):
            place = _pick(listed, cell)
        with st.container(key="xl-cell-film"):
            _draw_facts(listed, place)
            _draw_film(listed, place, _maps(listed, place))


def _pick(listed: _Listed, cell: Cell) -> int:
    """Draw the list; return the place of the chosen film."""
    chosen = _chosen(listed, cell)
    key, number = told.told(_told_key(listed.store), chosen)
    took = film_list(
        listed.films,
        key=f"{listed.store} list",
        label="This film",
        chosen=key,
        revision=number,
        marks={kind: kind for kind in sorted({film.mark for film in listed.films} - {""})},
        order=_ORDER,
        read=False,
    )
    if took.key is not None:
        chosen = took.key
        st.session_state[_chosen_key(listed.store)] = cell, chosen
    return [film.key for film in listed.films].index(chosen)


def _chosen_key(store: str) -> str:
    return f"{store} film"


def _told_key(store: str) -> str:
    return f"{store} told"


def _chosen(listed: _Listed, cell: Cell) -> str:
    """Return the key of the chosen film."""
    of, chosen = st.session_state.get(_chosen_key(listed.store), (None, ""))
    here = [film.key for film in listed.films]
    if of != cell or chosen not in here:  # another cell was opened, or the cut has moved past the film
        chosen = here[0]
        st.session_state[_chosen_key(listed.store)] = cell, chosen
        told.tell_anew(_told_key(listed.store))
    return str(chosen)


def _close(store: str) -> None:
    st.session_state.pop(store, None)
    told.tell_anew(_told_key(store))  # opened again, the list marks the film that is shown


def _kind(subtype: object) -> str:
    return formats.visible(str(subtype or ""))


def _name(path: str) -> str:
    return formats.visible(PurePosixPath(path).name)


def _thumbnail(dataset: Dataset, row: int, shape: float) -> str:
    """Return a film's thumbnail; a session keeps those of two lists."""

    def make() -> str:
        return thumbnail_url(np.asarray(dataset.pixels[row]), shape)

    return waiting.kept(_THUMBNAILS, (dataset.info.pixel_hash, row), make, most=2 * _MOST)


def _draw_facts(listed: _Listed, place: int) -> None:
    """Draw the film's score, label, kind and name, with the button that opens it on Read."""
    film = listed.films[place]
    label = listed.dataset.info.finding.classes[listed.labels[place]]
    words = " · ".join(map(html.escape, filter(None, (label, film.mark))))
    with st.container(key="xl-cell-facts", horizontal=True, vertical_alignment="center"):
        st.html(
            f'<p class="xl-cell-film"><strong>{film.title}</strong> {words}'
            f"<span>{html.escape(film.name)}</span></p>"
        )
        if st.button("Read", key=f"{listed.store} read", help="Opens this film on Read."):
            session_films.bring(listed.dataset, listed.catalog_rows[place])
            st.switch_page("pages/read.py")


def _maps(listed: _Listed, place: int) -> list[Overlay]:
    """Return the heatmap of the film on the screen; nothing while it is drawn in the background."""
    behind: Behind[list[Overlay]] = st.session_state.setdefault(_MAPS, Behind())
    model, reader = listed.model, waiting.reader()
    wanted = [
        (
            (model.card.model_sha256, listed.dataset.info.pixel_hash, row),
            partial(_drawn, reader, model, np.array(listed.dataset.pixels[row])),
        )
        for row in listed.catalog_rows[place : place + 2]
    ]
    behind.want(wanted)
    try:
        maps = behind.take(wanted[0][0])
    except XRayLabError as error:  # the film is still worth seeing
        st.caption(wording.plain(str(error)))
        return []
    if maps is None:
        ask_again(key=f"{listed.store} again", seconds=0.3 if is_loaded(model) else 1.0)
    return maps or []


def _drawn(reader: str, model: Model, pixels: NDArray[np.uint8]) -> list[Overlay]:
    """Draw a film's heatmap, in the background."""
    prepare()
    from xraylab.reading.heatmap import DEFAULT, heatmaps  # loads torch, so only here

    maps = heatmaps(loaded_for(reader, model), pixels, (DEFAULT,))
    finding = model.card.finding
    return overlays([actions.drawn_heatmap(one, finding) for one in maps], finding)


def _colours() -> tuple[str, ...]:
    from xraylab.reading.heatmap import COLOURS  # torch is loaded once there is a heatmap

    return COLOURS


def _draw_film(listed: _Listed, place: int, maps: Sequence[Overlay]) -> None:
    film_viewer(
        Viewed(
            large(listed.dataset, listed.catalog_rows[place]),
            listed.films[place].name,
            maps,
            synthetic=listed.dataset.info.kind == "phantoms",
        ),
        key=f"{listed.store} viewer",
        scale=_colours() if maps else (),
        films=True,
        fill=True,
        slim=True,
    )
