"""Train: three choices and one button on the left, the run as it goes on the right, the runs below."""

from functools import partial

import streamlit as st

from xraylab import actions, documents
from xraylab.app import choice, phantoms, shell, status, widgets, wording
from xraylab.app.faults import guard
from xraylab.app.screens.curves import learning_curves
from xraylab.errors import NotFoundError, XRayLabError
from xraylab.networks.registry import Network, networks
from xraylab.runs import folder
from xraylab.runs.table import ACTIVE, OVER, Run
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import PRESETS, Recipe, plan

_POLL = 1.5  # seconds
_STATES = {"queued": "waiting", "running": "training"} | {state: state for state in OVER}


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    if choice.dataset_in_use(settings) is None:
        phantoms.offer(settings, "There are no films to train on yet.", key="train phantoms")
        return
    left, right = st.columns([1, 2], gap="large")
    with left:
        _draw_choices(settings)
    with right:
        _draw_live(settings)
    _draw_runs_live(settings)
    if choice.model_in_use(settings) is not None:
        shell.next_step("Move the threshold", "threshold")


def _draw_choices(settings: Settings) -> None:
    dataset = choice.pick_dataset(settings, key="train dataset")
    entries = networks()
    entry: Network = st.selectbox(
        "Network",
        entries,
        index=_default_network(settings),
        format_func=lambda e: e.title,
        key="train network",
    )
    st.caption(entry.about)
    weights = _pick_weights(settings, entry)
    recipes = [recipe for recipe in PRESETS if _fits(recipe, entry, weights)]
    recipe: Recipe = st.selectbox(
        "Recipe", recipes, format_func=lambda r: r.name, key=f"train recipe {weights != 'none'}"
    )
    st.caption(recipe.about)
    with st.expander("Advanced"):
        name = st.text_input("Name of the model", key="train name", placeholder="made of network and recipe")
        file = st.text_input(
            "Weights file",
            key="train weights file",
            placeholder="a .safetensors or .pth file on this machine",
        )
    if st.button("Train", type="primary", key="train start", width="stretch") and dataset:
        request = actions.request_training(
            settings,
            dataset=dataset.name,
            arch=entry.name,
            recipe=recipe.name,
            weights=file.strip() or weights,
            name=name.strip() or None,
        )
        actions.start_training(settings, request)
        st.rerun()


def _default_network(settings: Settings) -> int:
    """The first network that needs no weights, or whose weights are here."""
    return next(
        i
        for i, entry in enumerate(networks())
        if not entry.pretrained or (settings.weights / entry.weights_file).exists()
    )


def _pick_weights(settings: Settings, entry: Network) -> str:
    """ImageNet weights where they are; otherwise none, and where to put them."""
    if not entry.pretrained:
        return "none"
    if (settings.weights / entry.weights_file).exists():
        return str(st.selectbox("Start from", ["imagenet", "none"], key=f"train weights {entry.name}"))
    st.caption(
        f"Starts from random weights. To start from ImageNet, place {wording.plain(entry.weights_file)} in "
        f"{wording.plain(str(settings.weights))}."
    )
    return "none"


def _fits(recipe: Recipe, entry: Network, weights: str) -> bool:
    try:
        return plan(recipe, entry, pretrained=weights != "none") == recipe
    except XRayLabError:
        return False


def _draw_live(settings: Settings) -> None:
    active = any(run.active for run in actions.attend_runs(settings))
    st.fragment(_draw_newest, run_every=_POLL if active else None)(settings, polling=active)


def _draw_newest(settings: Settings, *, polling: bool) -> None:
    """The run that works now, or the one that ended last."""
    with guard():
        runs = actions.attend_runs(settings)
        active = [run for run in runs if run.active]
        if polling and not active:
            st.rerun()
        run = active[-1] if active else next(iter(runs), None)
        if run is None:
            st.caption("Nothing has been trained yet. Choose on the left and press Train.")
            return
        _draw_run(settings, run)


def _draw_run(settings: Settings, run: Run) -> None:
    st.subheader(wording.plain(run.name), anchor=False)
    history = folder.read_history(settings, run.id)
    if run.active:
        words = "stopping" if run.cancel else status.training_words(settings, run)
        st.progress(status.fraction(settings, run) or 0.0, text=wording.plain(words))
        speed = (folder.read_progress(settings, run.id) or {}).get("films_per_second")
        if speed:
            st.caption(f"{wording.count(round(speed))} films a second, forward and backward counted alike")
        st.button("Cancel", key=f"cancel {run.id}", on_click=partial(_cancel, run.id), disabled=run.cancel)
    elif run.state == "failed":
        st.error(wording.plain(run.error or "This run failed."))
        _draw_log(settings, run)
    elif run.state == "cancelled":
        st.caption("Cancelled. No model was kept.")
    else:
        _draw_result(settings, run)
    if history:
        learning_curves(history, key=f"curves {run.id}")


def _draw_result(settings: Settings, run: Run) -> None:
    try:
        row = actions.model_row(settings, run.name)
    except NotFoundError:
        st.caption("Done; its model has been replaced or removed since.")
        return
    st.html(
        f"<p>Validation AUC <strong>{wording.auc(row.val_auc)}</strong> "
        f'<span class="xl-interval">{wording.auc_interval(*row.val_auc_ci)}</span>, locked at '
        f"<strong>{wording.score(row.threshold) if row.threshold is not None else wording.DASH}</strong>.</p>"
    )
    if st.button("Move the threshold", type="primary", key=f"to threshold {run.id}"):
        choice.use_model(run.name)
        st.switch_page("pages/threshold.py")


def _draw_log(settings: Settings, run: Run) -> None:
    with st.expander("Log"):
        st.code(folder.read_log(settings, run.id) or "The log is empty.", language=None)


def _cancel(run_id: str) -> None:
    with guard():
        actions.cancel_run(load_settings(), run_id)


def _draw_runs_live(settings: Settings) -> None:
    active = any(run.active for run in actions.attend_runs(settings))
    st.fragment(_draw_runs, run_every=_POLL if active else None)(settings)


def _draw_runs(settings: Settings) -> None:
    with guard():
        rows = actions.list_runs(settings)
        if rows:
            _draw_runs_table(rows)


def _draw_runs_table(rows: list[documents.RunRow]) -> None:
    st.subheader("Runs", anchor=False)
    widgets.table(
        (
            *("Model", "State", "Films", "Network", "Recipe"),
            *("Epochs", "Best validation AUC", "Took", "Started"),
        ),
        [_cells(row) for row in rows],
    )
    shown_above = next((row for row in reversed(rows) if row.state in ACTIVE), None)
    waiting = [row for row in rows if row.state == "queued" and row is not shown_above]
    with st.container(horizontal=True):
        for row in reversed(waiting):
            cancel = partial(_cancel, row.run)
            st.button(f"Cancel {row.name}", key=f"cancel {row.run} queued", on_click=cancel)


def _cells(row: documents.RunRow) -> tuple[str, ...]:
    took = row.finished_at - row.started_at if row.finished_at and row.started_at else None
    return (
        row.name,
        _STATES[row.state],
        row.dataset,
        row.arch,
        row.recipe,
        wording.count(row.epoch),
        wording.DASH if row.val_auc is None else wording.auc(row.val_auc),
        wording.DASH if took is None else wording.duration(took.total_seconds()),
        wording.when(row.started_at or row.created_at),
    )
