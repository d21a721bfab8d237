"""Teaching phantoms: one button makes films, imports them and starts a training."""

import streamlit as st

from xraylab import actions
from xraylab.app import shell, watch
from xraylab.app.choice import look_at, use_dataset
from xraylab.settings import Settings
from xraylab.training.recipe import Recipe, load_recipe

DATASET = "phantoms"
MODEL = "phantoms-demo"
ARCH = "small_cnn"
_EPOCHS = 40  # with the 20 of the preset the AUC depends on the seed and the processor: 0.76 to 0.88


def offer(settings: Settings, sentence: str, *, key: str) -> None:
    """Say what is missing, and offer phantoms as a way out."""
    shell.empty_state(sentence, "Try it on teaching phantoms", key=key, action=lambda: try_phantoms(settings))


_ACTOR = "app"


def try_phantoms(settings: Settings) -> None:
    """Make phantoms if there are none, start a training on them, and go to the Train screen."""
    if not any(row.name == DATASET for row in actions.list_datasets(settings)):
        # A container of its own: the bar appears where the button was pressed, not below the page.
        with st.container():
            bar = st.progress(0.0, text="Drawing teaching phantoms")

            def report(done: int, total: int) -> None:
                # The action counts every film twice: drawn, then imported.
                words = "Drawing teaching phantoms" if 2 * done <= total else "Preparing the films"
                bar.progress(done / total, text=words)

            actions.import_phantoms(settings, DATASET, on_progress=report, actor=_ACTOR)
            bar.empty()
    use_dataset(DATASET)
    request = actions.request_training(
        settings, dataset=DATASET, arch=ARCH, recipe=_recipe(), name=MODEL, replace=True
    )
    # A second press while the first training runs must not queue another one.
    if not any(run.active and run.name == MODEL for run in actions.attend_runs(settings)):
        actions.start_training(settings, request)
        watch.forget()
    look_at(MODEL)
    st.switch_page("pages/train.py")


def _recipe() -> Recipe:
    scratch = load_recipe("scratch")
    longer = scratch.stages[0].model_copy(update={"epochs": _EPOCHS})
    about = f"As scratch, for {_EPOCHS} epochs: there are few phantoms."
    return scratch.model_copy(update={"name": "phantoms", "about": about, "stages": (longer,)})
