"""Threshold: move the cut, see its errors, lock it, and reveal the test results."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

import streamlit as st

from xraylab.actions.overlap import overlap_of_held_out
from xraylab.app import choice, grouping, link, phantoms, shell, status, wording
from xraylab.app.components.threshold_cockpit import Beside, Chosen, Preset, move_to, threshold_cockpit
from xraylab.app.faults import guard
from xraylab.app.glossary import SPLIT
from xraylab.app.screens.threshold import cell_films, details, export, groups, locking, shift
from xraylab.errors import XRayLabError
from xraylab.evaluation.few import too_few
from xraylab.evaluation.rules import Rule, choose, parse_rule
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import capital
from xraylab.models import Model, choose_threshold, list_models, why_no_floor
from xraylab.settings import Settings, load_settings

_NAMED = {
    parse_rule("sensitivity:0.95"): "Miss few",
    parse_rule("youden"): "Balanced",
    parse_rule("specificity:0.95"): "Few false alarms",
}
_FURTHER = tuple(map(parse_rule, ("f1", "cost:10")))
_FLOOR = parse_rule("floor:0.95")
_REVIEW = parse_rule("sensitivity:0.99")  # where a new review band begins
_REMINDERS = {
    "radiographs": "{well_films} here don’t show {people} with other diseases, who raise more false alarms.",
    "phantoms": "Synthetic films: these numbers say nothing about patients.",
}
_SPLIT_WORDS = {"validation": "validation", "test": "test (revealed)"}
_NOTHING = "nothing"
_GROUND = "xl-cut"  # key of the container in which the films of a cell are laid over the cockpit


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    link.follow(settings)  # before the choices are drawn, because it sets their values
    if choice.model_in_use(settings) is None:
        phantoms.offer(
            settings, "There is no model yet, so there is no threshold to move.", key="threshold phantoms"
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = choice.pick_model(settings, key="threshold model")
        if model is None:
            return
        split = _pick_split(model)
        beside = _pick_beside(settings, model, split)
    model = _with_overlap(model, split)
    # Looked up once per run of the page: a release of the handle changes nothing about test films.
    opened = cache(partial(locking.opened, settings, model))
    columns = groups.offered(settings, model, split)
    with st.container(key=_GROUND):
        st.fragment(_draw_cut)(settings, model, split, beside, columns, opened)
    shift.draw(settings, model)
    shell.next_step("Read films", "read")


@guard()  # because a fragment reruns without its page
def _draw_cut(
    settings: Settings,
    model: Model,
    split: str,
    beside: Beside | None,
    columns: grouping.Offered,
    opened: Callable[[], locking.Opened],
) -> None:
    """Draw the cockpit and all that depends on its cut; as a fragment, it alone is drawn after a release."""
    table = model.table(split)
    chooses = split == "validation"  # a threshold is never chosen on test films
    presets = _presets(table, (*_NAMED, *_FURTHER, _REVIEW) if chooses else ())
    review_start = presets.pop(_REVIEW, None)
    cell, store = f"threshold cell {model.name} {split}", link.store_of(model)
    # A key for each model and split: a component keeps its handle and its undo steps under its key.
    chosen = threshold_cockpit(
        table,
        key=f"cockpit {model.name} {split}",
        store=store,
        title=f"{choice.model_words(model)}, {split} films",
        locked=locking.locked_at(model),
        presets=[*presets.values(), *([_floor(model)] if chooses else [])],
        review_start=review_start,
        reminder=_REMINDERS[model.card.dataset.kind].format(
            well_films=capital(model.card.finding.well_films),
            people="children" if model.card.dataset.of_children else "people",
        ),
        beside=beside,
        cell=cell,
        few=too_few(table, split=split),
        split_by=groups.split_by(model, split, columns),
        column=grouping.COLUMN,
        ask=partial(_move_by, model, store),
    )
    link.keep(model, split, chosen)  # Copy link, in the cockpit, copies the address
    films = cell_films.opened(model, split, table, chosen, store=cell)
    # Its place is there also while no cell is open, so that what follows keeps its own.
    with st.container():
        if films is not None:
            cell_films.draw(settings, model, films, store=cell, ground=_GROUND)
    locking.draw(settings, model, chosen, opened, store=store)
    with st.container():
        if films is not None:
            cell_films.draw_thumbnails(settings, model, films, store=cell)
    details.draw(model, split, table, chosen.threshold)
    export.draw(settings, model, split)


def _pick_split(model: Model) -> str:
    splits = ["validation", "test"] if model.test_opened else ["validation"]
    key = link.split_key(model)
    # A new lock seals the test films again.
    if st.session_state.get(key) not in splits:
        st.session_state.pop(key, None)
    return str(
        st.selectbox("Films", splits, format_func=_SPLIT_WORDS.__getitem__, key=key, width=200, help=SPLIT)
    )


def _with_overlap(model: Model, split: str) -> Model:
    """Say which films the first weights were made from, and offer to show them; return what is shown."""
    shared = overlap_of_held_out(model, split)
    if not shared.used.any():
        return model
    left = "They are left out of the figures."
    st.warning(f"{wording.plain(shared.sentence)} {left}")
    if not st.toggle("Show these films too", key=f"threshold used {model.name} {split}"):
        return model
    st.caption("The figures include films that the model has seen, so they look better than they are.")
    return replace(model, include_used=True)


def _pick_beside(settings: Settings, model: Model, split: str) -> Beside | None:
    """Draw the choice of other films, or of another model on the same films, to compare with."""
    other = "test" if split == "validation" else "validation"
    offered: dict[str, tuple[Model, str] | None] = {_NOTHING: None}
    if other == "validation" or model.test_opened:
        offered[f"{other} films"] = (model, other)
    for candidate in list_models(settings):
        # The hash of the pixels and not the dataset's name: a dataset can be replaced under its name.
        same_films = candidate.card.dataset.pixel_hash == model.card.dataset.pixel_hash
        sealed = split == "test" and not candidate.test_opened
        if same_films and candidate.name != model.name and not sealed:
            offered[choice.model_words(candidate)] = (candidate, split)
    name = str(
        st.selectbox("Compare with", list(offered), key=f"threshold beside {model.name} {split}", width=220)
    )
    compared = offered[name]
    return None if compared is None else Beside(name, compared[0].table(compared[1]))


def _presets(table: ThresholdTable, rules: Sequence[Rule]) -> dict[Rule, Preset]:
    """Return the threshold of each rule, without rules that these films can't satisfy."""
    presets = {}
    for rule in rules:
        with contextlib.suppress(XRayLabError):  # such as films of one class only
            presets[rule] = Preset(rule, choose(table, rule), _NAMED.get(rule))
    return presets


def _floor(model: Model) -> Preset:
    """Return the sensitivity floor, which is computed only when it is pressed."""
    return Preset(_FLOOR, None, why=why_no_floor(model, _FLOOR.share) or "")


def _move_by(model: Model, store: str, rule: Rule) -> None:
    """Move the handle to the threshold that a rule chooses."""
    status.forget_fault("threshold")
    with guard():
        move_to(Chosen(choose_threshold(model, rule), rule=rule), store)
