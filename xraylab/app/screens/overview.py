"""Overview: films to read at once; later what runs, what was read last, and what comes next."""

import contextlib
import html
from datetime import datetime

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import (
    choice,
    phantoms,
    session_films,
    shell,
    status,
    tour,
    uploads,
    watch,
    widgets,
    wording,
)
from xraylab.app.faults import guard
from xraylab.app.sample_grid import draw_samples
from xraylab.errors import XRayLabError
from xraylab.evaluation.few import too_few
from xraylab.models import Model, list_models
from xraylab.records import Case
from xraylab.settings import Settings, load_settings

_LAST = 5


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    datasets = actions.list_datasets(settings)
    with guard():  # a damaged model must hide neither the films nor the rest of the screen
        _draw_start(settings, datasets)
    # What was done here can't be looked up in a home that can't be used, which the sidebar says.
    with contextlib.suppress(XRayLabError):
        _draw_running(settings)
        _draw_read([case for case in actions.list_cases(settings) if case.content is not None])
    with guard():
        _draw_steps(settings, datasets)
    with contextlib.suppress(XRayLabError):
        _draw_last(settings, datasets)
    own = any(not model.shipped for model in list_models(settings))
    if own or not datasets:
        shell.next_step("Explore the threshold", "threshold")
    else:
        shell.next_step("Train a network", "train")


def _draw_start(settings: Settings, datasets: list[documents.Imported]) -> None:
    """Draw the ways in: a film of one's own, a sample film, the threshold, a training, the tour."""
    with st.container(key="xl-start"):
        with st.container(horizontal=True, vertical_alignment="center"):
            before = uploads.present()
            now = session_films.draw_uploader()
            if st.button("Explore the threshold", key="explore"):
                st.switch_page("pages/threshold.py")
            if st.button("Train", key="train a network"):
                st.switch_page("pages/train.py")
            tour.offer()
        if len(now) > len(before):
            st.switch_page("pages/read.py")
        if choice.model_in_use(settings) is not None:
            st.html(
                '<p class="xl-hint">Drop films anywhere on this page. Or click a sample to see its score and '
                "its heatmap. Samples are synthetic: each was drawn with a lesion or without one.</p>"
            )
            draw_samples(key="overview samples")
        try_it = False
        if not datasets:
            with st.container(horizontal=True):
                try_it = st.button(
                    "Try it on teaching phantoms",
                    key="try phantoms",
                    type="tertiary",
                    help=f"Draws {formats.count(actions.PHANTOM_FILMS)} synthetic films on this machine and "
                    "trains a small network on them.",
                )
                if st.button("Bring your own films", key="own films", type="tertiary"):
                    st.switch_page("pages/data.py")
        # Outside the row of buttons, so that the progress bar has the full width.
        if try_it:
            phantoms.try_phantoms(settings)


def _draw_read(cases: list[Case]) -> None:
    """Draw the films that were read and kept last."""
    if not cases:
        return
    st.header("Read last", anchor=False)
    rows = []
    for case in reversed(cases[-_LAST:]):
        content = case.content
        if content is None:
            continue
        score = formats.DASH if content.decision is None else formats.score(content.score)
        rows.append(
            (
                wording.when(case.made_at),
                str(case.number),
                content.model,
                score,
                wording.DECISIONS[content.decision],
                wording.call(content),
            )
        )
    widgets.table(("Kept", "Case", "Model", "Score", "Model says", "Your call"), rows)


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
        f"<strong{widgets.hover(name)}>{html.escape(name)}</strong>"
        f"<span{widgets.hover(fact)}>{html.escape(fact)}"
        f'<span class="xl-interval"> {html.escape(interval)}</span></span></div>'
        for title, name, fact, interval in steps
    )
    st.html(f'<div class="xl-steps">{cells}</div>')


def _draw_running(settings: Settings) -> None:
    now = watch.look(settings)
    active = [run for run in now.runs if run.active]  # newest first
    if active:
        st.header("Running", anchor=False)
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
    if not events:
        return
    st.header("Latest events", anchor=False)
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
