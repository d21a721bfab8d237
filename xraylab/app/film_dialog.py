"""One film of a dataset, over any screen: the film, what is known of it, its history, and films like it."""

import numpy as np
import streamlit as st

from xraylab import actions, formats
from xraylab.app import widgets, wording
from xraylab.app.components.film_grid import film_grid
from xraylab.app.components.film_viewer import film_viewer
from xraylab.app.thumbnails import ABOUT_ALIKE, alike, large, thumbnails
from xraylab.data import browsing
from xraylab.data.datasets import Dataset
from xraylab.settings import Settings

_SHOWN, _ASKED = "film of the dialog", "film asked for"  # session keys: an image id
_MOST_SHOWN, _MOST_ALIKE = 24, 12  # films of the patient, films that look alike


def open_(settings: Settings, dataset: Dataset, image_id: str) -> None:
    """Open a film over the screen."""
    st.session_state[_SHOWN] = image_id
    _dialog(settings, dataset)


def ask_for(image_id: str | None) -> None:
    """Have the screen open a film in its next run: a part that is drawn by itself can't open one."""
    if image_id is not None:
        st.session_state[_ASKED] = image_id
        st.rerun()


def open_asked(settings: Settings, dataset: Dataset) -> None:
    """Open the film that a part of the screen asked for, if one did."""
    image_id = st.session_state.pop(_ASKED, None)
    if image_id is not None:
        open_(settings, dataset, image_id)


@st.dialog("Film", width="large")
def _dialog(settings: Settings, dataset: Dataset) -> None:
    image_id = st.session_state[_SHOWN]
    rows = dataset.rows_of([image_id])
    if not rows.size:
        st.markdown("This film is no longer in the dataset.")
        return
    row = int(rows[0])
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        _draw_picture(dataset, row)
    with right:
        _draw_facts(dataset, row)
    _draw_history(settings, dataset, row)
    _draw_patient(dataset, row)
    _draw_alike(settings, dataset, row)


def _draw_picture(dataset: Dataset, row: int) -> None:
    film_viewer(
        large(dataset, row),
        None,
        key="dataset film",
        caption="As networks see it, 256 × 256 pixels, in its own proportions",
        synthetic=dataset.info.kind == "phantoms",
        height=420,
    )


def _draw_facts(dataset: Dataset, row: int) -> None:
    catalog = dataset.catalog.iloc[[row]]
    st.markdown(f"**{wording.plain(str(catalog['path'].iloc[0]))}**")
    facts = [
        (browsing.words_of(name), str(browsing.texts(catalog, name, dataset.info.finding).iloc[0]))
        for name in browsing.names_of(catalog)
        if name != "path"  # the title
    ]
    widgets.table((), [fact for fact in facts if fact[1] != browsing.NOT_STATED])


def _draw_history(settings: Settings, dataset: Dataset, row: int) -> None:
    st.markdown("**History**")
    lines = actions.history_of_film(settings, dataset, row)
    st.markdown("\n".join(f"- {wording.plain(line)}" for line in lines))


def _draw_patient(dataset: Dataset, row: int) -> None:
    patient = dataset.catalog["patient"]
    same = np.flatnonzero((patient == patient.iloc[row]).to_numpy())
    others = same[same != row]
    if not len(others):
        st.caption("No other film here is of this patient.")
        return
    st.markdown(f"**{formats.counted(len(others), 'other film')} of this patient**")
    remarks = dict(
        zip(dataset.catalog["image_id"].iloc[others], dataset.catalog["split"].iloc[others], strict=True)
    )
    _go_to(
        film_grid(
            thumbnails(dataset, others[:_MOST_SHOWN], remarks),
            key="films of the patient",
            label="Other films of this patient",
        )
    )


def _draw_alike(settings: Settings, dataset: Dataset, row: int) -> None:
    st.markdown("**Films that look alike**")
    similar = actions.similar_in(settings, dataset, row, _MOST_ALIKE)
    if similar is None:
        st.caption("They can be found once the labels of this dataset were checked: see the audit.")
        return
    _go_to(film_grid(alike(similar), key="films alike", label="Films that look alike"))
    st.caption(ABOUT_ALIKE)


def _go_to(image_id: str | None) -> None:
    if image_id is not None:
        st.session_state[_SHOWN] = image_id
        st.rerun(scope="fragment")
