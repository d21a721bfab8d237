"""The sample films as pictures, one click from their score and heatmap."""

import streamlit as st

from xraylab.app import session_films
from xraylab.app.components.film_grid import Thumbnail, film_grid
from xraylab.app.samples import samples


def draw_samples(*, key: str) -> None:
    """Draw the sample films; a click opens them on Read."""
    films = [
        Thumbnail(str(number), sample.film.standard.pixels, sample.film.name, "synthetic")
        for number, sample in enumerate(samples())
    ]
    clicked = film_grid(films, key=key, label="Sample films", large=True)
    if clicked is not None:
        session_films.show_samples(int(clicked))
        st.switch_page("pages/read.py")
