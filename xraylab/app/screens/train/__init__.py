"""Train: choices and one button on the left, the present run on the right, all runs below."""

import streamlit as st

from xraylab.app import choice, manage, phantoms, shell
from xraylab.app.screens.train import buttons, choices, live, runs
from xraylab.settings import load_settings


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    manage.recall(settings)
    buttons.acted()  # clears the mark: the whole page is drawn now, so no fragment needs to ask for it
    if choice.dataset_in_use(settings) is None:
        phantoms.offer(settings, "There are no films to train on yet.", key="train phantoms")
        return
    # The form behind "Advanced" has three columns of fields and needs half of the page.
    left, right = st.columns([1, 1] if choices.advanced_open() else [2, 3], gap="large")
    with left:
        choices.draw(settings)
    with right:
        live.draw(settings)
    runs.draw(settings)
    manage.draw(settings, "run")
    if choice.model_in_use(settings) is not None:
        shell.next_step("Move the threshold", "threshold")
