"""Films of the datasets on this machine that look like the film being read."""

from functools import partial

import streamlit as st

from xraylab import actions
from xraylab.app import waiting, wording
from xraylab.app.components.film_grid import film_grid
from xraylab.app.thumbnails import ABOUT_ALIKE, alike
from xraylab.data.datasets import Dataset
from xraylab.imaging import Film
from xraylab.settings import Settings

_FOUND = "films alike"  # session key
_MOST, _MOST_KEPT = 8, 16  # films of each dataset; searches that a session keeps


def draw(settings: Settings, film: Film) -> None:
    """Draw the films most like a film, with labels and distances, if somebody opens the list."""
    with st.expander("Films that look like this one", key="read alike", on_change="rerun") as part:
        if not part.open:
            return
        datasets = actions.described(settings)
        if not datasets:
            st.caption(
                "No dataset on this machine can be searched yet. On Data, check the labels of one: that also "
                "describes its films."
            )
            return
        for similar in _found(settings, film, datasets):
            name = similar.dataset.info.name
            st.markdown(f"**{wording.plain(name)}**")
            film_grid(alike(similar), key=f"alike {name}", label=f"Films of {name} that look like this one")
        st.caption(ABOUT_ALIKE)


def _found(settings: Settings, film: Film, datasets: list[Dataset]) -> list[actions.Similar]:
    def search() -> list[actions.Similar]:
        from xraylab.app.loaded import in_turn

        with waiting.spinner("Looking for films like this one") as place:
            pixels = film.standard.pixels
            return in_turn(partial(actions.similar_to, settings, pixels, datasets, _MOST), place)

    key = film.sha256, *(dataset.info.pixel_hash for dataset in datasets)
    return waiting.kept(_FOUND, key, search, most=_MOST_KEPT)
