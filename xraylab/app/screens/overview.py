"""Overview: three steps with their state, the running trainings, and the latest events."""

import html
from datetime import datetime

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import choice, phantoms, shell, status, watch, widgets, wording
from xraylab.app.faults import guard
from xraylab.evaluation.few import too_few
from xraylab.models import Model, list_models
from xraylab.settings import Settings, load_settings

_LAST = 5


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    datasets = actions.list_datasets(settings)
    with guard():  # a damaged model must not hide the rest of the screen
        _draw_steps(settings, datasets)
    if not datasets:
        _draw_welcome(settings)
        return
    _draw_running(settings)
    _draw_last(settings, datasets)
    if any(not model.shipped for model in list_models(settings)):
        shell.next_step("Move the threshold", "threshold")
    else:
        shell.next_step("Train a network", "train")


def _draw_welcome(settings: Settings) -> None:
    shipped = next((model for model in list_models(settings) if model.shipped), None)
    with st.container(key="xl-welcome"):
        st.markdown(
            "There are no films here yet. Teaching phantoms are synthetic chest films, made on this machine. "
            "With them every step, from training to reading a film, takes about three minutes and needs "
            "neither data nor a network connection."
        )
        with st.container(horizontal=True):
            try_it = st.button("Try it on teaching phantoms", type="primary", key="try phantoms")
            if shipped is not None and st.button("Use the shipped model", key="use shipped"):
                choice.use_model(shipped.name)
                st.switch_page("pages/threshold.py")
            if st.button("Bring your own films", key="own films"):
                st.switch_page("pages/data.py")
        # Outside the row of buttons, so that the progress bar has the full width.
        if try_it:
            phantoms.try_phantoms(settings)


def _draw_steps(settings: Settings, datasets: list[documents.Imported]) -> None:
    chosen = choice.dataset_in_use(settings)
    films = next((row for row in datasets if chosen and row.name == chosen.name), None)
    model = choice.model_in_use(settings)
    lock = model.lock if model else None
    evaluation = actions.evaluate_validation(settings, model.name) if model and lock else None
    few = (too_few(model.table("validation")) if model and lock else None) or "validation films"
    steps = (  # title, name, fact, interval of the fact
        (
            "1 Films",
            films.name if films else "none yet",
            f"{formats.count(films.n)} films of {formats.count(films.patients)} patients" if films else "",
            "",
        ),
        (
            "2 Model",
            choice.model_words(model) if model else "none yet",
            f"AUC {formats.auc(evaluation.auc)}" if evaluation else "",
            f"{formats.auc_interval(*evaluation.auc_ci)} on {few}" if evaluation else "",
        ),
        (
            "3 Lock",
            status.cut_words(lock.threshold, lock.review_from) if lock else "none yet",
            status.lock_origin(lock) if lock else "",
            "",
        ),
    )
    cells = "".join(
        f'<div class="xl-step"><span class="xl-label"{widgets.hover(title)}>{html.escape(title)}</span>'
        f"<strong>{html.escape(name)}</strong><span>{html.escape(fact)}"
        f'<span class="xl-interval"> {html.escape(interval)}</span></span></div>'
        for title, name, fact, interval in steps
    )
    st.html(f'<div class="xl-steps">{cells}</div>')


def _draw_running(settings: Settings) -> None:
    now = watch.look(settings)
    active = [run for run in now.runs if run.active]  # newest first
    if active:
        st.subheader("Running", anchor=False)
        for run in reversed(active):  # in the order of the queue
            words = status.training_words(run, now.progress_of(run))
            st.markdown(f"{wording.plain(run.name)}: {wording.plain(words)}")


def _draw_last(settings: Settings, datasets: list[documents.Imported]) -> None:
    events: list[tuple[datetime, str]] = [(row.created_at, f"Imported {row.name}") for row in datasets]
    events += [
        (run.finished_at, f"Training of {run.name}: {run.state}")
        for run in watch.look(settings).runs
        if run.finished_at
    ]
    for model in list_models(settings):  # a damaged model isn't in this list
        events += _events_of(model)
    st.subheader("Latest events", anchor=False)
    widgets.table((), [(wording.when(at), event) for at, event in sorted(events, reverse=True)[:_LAST]])


def _events_of(model: Model) -> list[tuple[datetime, str]]:
    """List a model's locks and openings, without those made before it was shipped."""
    lock = model.lock
    if lock is None:
        return []
    events = [
        (
            lock.locked_at,
            f"Locked {model.name} at {status.cut_words(lock.threshold, lock.review_from)}",
        ),
        *((at, f"Revealed the test results of {model.name}") for at in lock.opened_at),
    ]
    # A shipped lock and its openings happened on the machine that made the model, not here.
    shipped_lock = model.lock_as_made if model.shipped else None
    elsewhere = {shipped_lock.locked_at, *shipped_lock.opened_at} if shipped_lock else set()
    return [event for event in events if event[0] not in elsewhere]
