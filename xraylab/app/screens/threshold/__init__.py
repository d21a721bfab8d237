"""Threshold: move the cut and see what it costs and what it saves."""

import contextlib
from collections.abc import Sequence

import streamlit as st

from xraylab.app import cells, choice, link, phantoms, shell, status
from xraylab.app.components.threshold_cockpit import Beside, Preset, threshold_cockpit
from xraylab.app.screens.threshold import details, export, locking, shift
from xraylab.errors import XRayLabError
from xraylab.evaluation.rules import Rule, choose, parse_rule
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.models import Model, list_models
from xraylab.settings import Settings, load_settings

_RULES = tuple(map(parse_rule, ("youden", "sensitivity:0.95", "specificity:0.95", "f1", "cost:10")))
_REVIEW = parse_rule("sensitivity:0.99")  # where a review band begins when it is switched on
_REMINDERS = {
    "radiographs": "Normals here are not coughing children with another disease: those raise more alarms.",
    "phantoms": "Phantoms are no children.",
}
_SPLIT_WORDS = {"validation": "validation", "test": "test (opened)"}
_NOTHING = "nothing"


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    status.recall("threshold")
    link.follow(settings)
    if choice.model_in_use(settings) is None:
        phantoms.offer(
            settings, "There is no model yet whose threshold could be moved.", key="threshold phantoms"
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = choice.pick_model(settings, key="threshold model")
        if model is None:
            return
        split = _pick_split(model)
        beside = _pick_beside(settings, model, split)
    table = model.table(split)
    rules = (*_RULES, _REVIEW) if split == "validation" else ()  # nothing is ever chosen on test films
    presets = _presets(table, rules)
    cell, store = f"threshold cell {model.name} {split}", link.store_of(model)
    chosen = threshold_cockpit(
        table,
        key=f"cockpit {model.name} {split}",
        store=store,
        title=f"{choice.model_words(model)}, {split} films",
        locked=locking.locked_at(model),
        presets=[presets[rule] for rule in _RULES if rule in presets],
        review_start=presets.get(_REVIEW),
        reminder=_REMINDERS[model.card.dataset.kind],
        beside=beside,
        cell=cell,
    )
    link.keep(model, split, chosen)
    cells.draw(settings, model, split, table, chosen, store=cell)
    locking.draw(settings, model, chosen, store=store)
    details.draw(model, split, table, chosen.threshold)
    export.draw(settings, model, split)
    shift.draw(settings, model)
    st.caption("The address of this page restores this view.")
    shell.next_step("Read films", "read")


def _pick_split(model: Model) -> str:
    splits = ["validation", "test"] if model.test_opened else ["validation"]
    key = link.split_key(model)
    if st.session_state.get(key) not in splits:
        st.session_state.pop(key, None)
    return str(st.selectbox("Films", splits, format_func=_SPLIT_WORDS.__getitem__, key=key, width=200))


def _pick_beside(settings: Settings, model: Model, split: str) -> Beside | None:
    """Choose other films of the model, or another model on the same films, to stand under the handle too."""
    other = "test" if split == "validation" else "validation"
    offered: dict[str, tuple[Model, str] | None] = {_NOTHING: None}
    if other == "validation" or model.test_opened:
        offered[f"{other} films"] = (model, other)
    for one in list_models(settings):
        alike = one.card.dataset.pixel_hash == model.card.dataset.pixel_hash and one.name != model.name
        if alike and (split == "validation" or one.test_opened):
            offered[choice.model_words(one)] = (one, split)
    name = str(
        st.selectbox("Beside it", list(offered), key=f"threshold beside {model.name} {split}", width=220)
    )
    found = offered[name]
    return None if found is None else Beside(name, found[0].table(found[1]))


def _presets(table: ThresholdTable, rules: Sequence[Rule]) -> dict[Rule, Preset]:
    """Return the thresholds that rules choose, by the rule; nothing for films of one class."""
    presets = {}
    for rule in rules:
        with contextlib.suppress(XRayLabError):  # a rule that these films can't meet has no button
            presets[rule] = Preset(rule, choose(table, rule))
    return presets
