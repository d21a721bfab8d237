"""
The left of Train: films, network, recipe, and the further settings behind "Advanced".

- a training needs nothing behind "Advanced"; the line above the button counts the runs that were set there
- the user's own recipe (edited, uploaded or reused) comes first, before the presets
- an estimate needs no torch; counting parameters does, so it waits until it is asked for
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from xraylab import actions
from xraylab.app import choice, status, watch, widgets, wording
from xraylab.app.glossary import RECIPE, explained
from xraylab.app.screens.train import recipe_form, shown
from xraylab.data.datasets import DatasetInfo
from xraylab.errors import XRayLabError
from xraylab.findings import PNEUMONIA, Finding
from xraylab.models import list_models
from xraylab.networks.pretrained import default_network, default_weights, imagenet_path, instead
from xraylab.networks.registry import Network, network, networks
from xraylab.settings import Settings
from xraylab.training.duration import expected_device, expected_duration, read_speeds
from xraylab.training.recipe import (
    PRESETS,
    Recipe,
    TrainingRequest,
    load_recipe,
    parse_recipe,
    plan,
    presets_for,
)

OWN = "train own recipe"  # session key of a Recipe
_OWN_CHOICE = "\0own"  # can't be the name of a recipe
_FILE = "\0file"  # can't be the name of a model
_MOST_SEEDS = 20


@dataclass(frozen=True)
class Combination:
    """One network with one recipe; it can be trained if it has no fault."""

    entry: Network
    weights: str
    recipe: Recipe  # completed for this network, as it will run
    fault: str = ""


def advanced_open() -> bool:
    """Return whether "Advanced" is open; both columns then have half of the page."""
    return bool(st.session_state.get("train advanced"))


def clone(request: TrainingRequest) -> None:
    """Fill the choices with the settings of a run; call it from a button's callback.

    Streamlit lets a widget's value be set only before the widget is drawn.
    """
    state = st.session_state
    entry = network(request.arch)
    choice.use_dataset(request.dataset)
    state["train dataset"] = request.dataset
    state["train network"] = entry
    state["train more networks"], state["train more recipes"] = [], []
    state["train name"], state["train seeds"] = "", 1
    model = request.weights in ("none", "imagenet") or "/" not in request.weights
    state[f"train weights {entry.name}"] = request.weights if model else _FILE
    if not model:
        state["train weights file"] = request.weights
    state["train edit"] = False
    use_recipe(request.recipe)


def use_recipe(recipe: Recipe) -> None:
    """Choose a recipe: the preset that it equals, else as the user's own; call it from a callback."""
    preset = next((preset.name for preset in PRESETS if preset == recipe), None)
    if preset is None:
        st.session_state[OWN] = recipe
    # Both lists of presets, since the network that decides between them may change too.
    for pretrained in (False, True):
        st.session_state[f"train recipe {pretrained}"] = preset or _OWN_CHOICE


def draw(settings: Settings) -> None:
    """Draw the choices and the button."""
    dataset = choice.pick_dataset(settings, key="train dataset")
    entry: Network = st.selectbox(
        "Network",
        networks(),
        index=networks().index(default_network(settings)),
        format_func=lambda e: e.title,
        key="train network",
    )
    # Drawn above "Advanced" but filled after it: both texts depend on the weights that are chosen there.
    about, recipe_place = st.container(), st.container()
    advanced = st.expander("Advanced", key="train advanced", on_change="rerun")
    with advanced:
        name = st.text_input("Name of the model", key="train name", placeholder="from network and recipe")
        weights = _pick_weights(settings, entry)
    words = f"{wording.plain(entry.about)} {_weights_words(settings, entry, weights)}"
    about.caption(words, help=explained(words) or None)
    with recipe_place:
        recipe = _pick_recipe(entry, pretrained=weights != "none")
    with advanced:
        more_networks, more_recipes, seeds = _pick_grid(entry, recipe)
        finding = dataset.finding if dataset else PNEUMONIA
        edited = _edit(entry, recipe, finding)
        _draw_parameters(entry, edited or recipe, finding)
    if edited is None or dataset is None:
        st.button("Train", type="primary", key="train start", width="stretch", disabled=True)
        return
    combinations = [
        _combine(one, weights if one == entry else None, other)
        for one in (entry, *more_networks)
        for other in (edited, *more_recipes)
    ]
    _draw_start(settings, dataset, combinations, name=name.strip(), seeds=seeds)


def _pick_weights(settings: Settings, entry: Network) -> str:
    """Draw the choice of starting weights; a file that isn't named yet counts as random weights."""
    models = {m.name: choice.model_words(m) for m in list_models(settings) if m.card.arch == entry.name}
    words = {
        "imagenet": _imagenet_words(settings, entry),
        "none": "random weights",
        _FILE: "a weights file on this machine",
    }
    key = f"train weights {entry.name}"
    options = [*(["imagenet"] if entry.pretrained else []), "none", *models, _FILE]
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]  # such as a model that was deleted
    chosen = st.selectbox(
        "Start from", options, format_func=lambda o: words.get(o, f"the model {models.get(o, o)}"), key=key
    )
    if chosen != _FILE:
        return str(chosen)
    file = st.text_input(
        "Weights file", key="train weights file", placeholder="path of a .safetensors or .pth file"
    )
    return file.strip() or "none"


def _imagenet_words(settings: Settings, entry: Network) -> str:
    if imagenet_path(settings, entry) is not None:
        return "ImageNet"
    return "ImageNet (downloads once)" if entry.imagenet else "ImageNet (not on this machine)"


def _weights_words(settings: Settings, entry: Network, weights: str) -> str:
    if weights == "none":
        return "Starts from random weights."
    if weights != "imagenet":
        return f"Starts from {wording.plain(weights)}."
    if imagenet_path(settings, entry) is not None:
        return "Starts from ImageNet weights."
    if not entry.imagenet:
        return wording.plain(f"Its ImageNet weights are not on this machine. {instead(settings, entry)}")
    return wording.plain(
        f"Starts from ImageNet weights: {entry.imagenet_file} is downloaded once from "
        f"download.pytorch.org into {settings.weights}. Nothing leaves this machine. "
        f"Without a connection, choose {default_network(settings).title}, which needs no download."
    )


def _pick_recipe(entry: Network, *, pretrained: bool) -> Recipe:
    own: Recipe | None = st.session_state.get(OWN)
    names = [recipe.name for recipe in presets_for(entry, pretrained=pretrained)]
    options = [*([_OWN_CHOICE] if own else []), *names]
    key = f"train recipe {pretrained}"  # two widgets, so that each list remembers its choice
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]  # a preset for another network, which isn't offered for this one
    chosen = st.selectbox(
        "Recipe",
        options,
        format_func=lambda o: f"{own.name} (your own)" if own and o == _OWN_CHOICE else o,
        key=key,
        help=RECIPE,
    )
    recipe = own if own and chosen == _OWN_CHOICE else load_recipe(str(chosen))
    if recipe.about:
        st.caption(wording.plain(recipe.about), help=explained(recipe.about) or None)
    return recipe


def _pick_grid(entry: Network, recipe: Recipe) -> tuple[list[Network], list[Recipe], int]:
    """Draw the choice of more networks, more recipes and more seeds."""
    others = [other for other in networks() if other != entry]
    presets = [preset for preset in PRESETS if preset != recipe]
    left, right = st.columns(2)
    more_networks = left.multiselect(
        "Also these networks",
        others,
        format_func=lambda e: e.title,
        key="train more networks",
        placeholder="none",
        help="Each network is trained with each recipe, one after another.",
    )
    more_recipes = right.multiselect(
        "Also these recipes",
        presets,
        format_func=lambda r: r.name,
        key="train more recipes",
        placeholder="none",
        help=RECIPE,
    )
    seeds = st.number_input(
        "Seeds",
        min_value=1,
        max_value=_MOST_SEEDS,
        value=1,
        key="train seeds",
        help="Trains each combination this many times with other random numbers, to show how much is chance.",
    )
    return more_networks, more_recipes, int(seeds)


def _edit(entry: Network, recipe: Recipe, finding: Finding) -> Recipe | None:
    """Draw the recipe as a form when asked to; return None while its values can't be trained."""
    if not st.toggle("Edit the recipe", key="train edit", help=RECIPE):
        return recipe
    st.file_uploader(
        "Start from a recipe in a file",
        type="json",
        key="train recipe file",
        help=RECIPE,
        max_upload_size=1,
        on_change=_use_uploaded,  # a callback, because it sets the choice of recipe above
    )
    status.show_fault("recipe file")
    return recipe_form.draw(recipe, entry, finding)


def _use_uploaded() -> None:
    status.forget_fault("recipe file")
    file = st.session_state.get("train recipe file")
    if file is None:
        return
    try:
        use_recipe(parse_recipe(file.getvalue(), file.name))
    except XRayLabError as error:
        status.remember_fault("recipe file", str(error))


def _draw_parameters(entry: Network, recipe: Recipe, finding: Finding) -> None:
    """Draw the network's parameters when asked to; loading torch takes a few seconds the first time."""
    if not st.toggle("Count the parameters", key="train parameters"):
        return
    from xraylab.app.loaded import parameter_table

    classes = len(recipe.classes(finding))
    widgets.parameters(
        lambda tail: parameter_table(entry, classes=classes, tail=tail),
        {stage.trains: stage.tail for stage in recipe.stages},
        key="train",
    )


def _combine(entry: Network, weights: str | None, recipe: Recipe) -> Combination:
    """Plan one network with one recipe, or keep the sentence that says why it can't be trained."""
    start = weights or default_weights(entry)
    try:
        return Combination(entry, start, plan(recipe, entry, pretrained=start != "none"))
    except XRayLabError as error:
        return Combination(entry, start, recipe, str(error))


def _draw_start(
    settings: Settings, dataset: DatasetInfo, combinations: Sequence[Combination], *, name: str, seeds: int
) -> None:
    ready = [one for one in combinations if not one.fault]
    for one in combinations:
        if one.fault:
            st.warning(wording.plain(one.fault))
    if ready:
        st.html(f'<p class="xl-estimate">{_estimate_words(settings, dataset, ready, seeds)}</p>')
    if not st.button("Train", type="primary", key="train start", width="stretch", disabled=not ready):
        return
    requests: list[TrainingRequest] = []
    for one in ready:
        request = actions.request_planned(
            settings,
            dataset=dataset.name,
            entry=one.entry,
            recipe=one.recipe,
            weights=one.weights,
            name=_name(name, one, alone=len(ready) == 1),
        )
        requests += actions.request_seeds(request, seeds) if seeds > 1 else [request]
    actions.start_trainings(settings, requests)
    status.forget_fault("train")
    watch.forget()
    shown.show_current()  # the user expects to see the new training, not a run opened before
    st.rerun()


def _name(name: str, one: Combination, *, alone: bool) -> str | None:
    """Return the requested name; if there are several models, with network and recipe behind it."""
    return f"{name}-{one.entry.name}-{one.recipe.name}" if name and not alone else name or None


def _estimate_words(
    settings: Settings, dataset: DatasetInfo, ready: Sequence[Combination], seeds: int
) -> str:
    """Write the expected duration: "3 runs, about 12 min."."""
    speeds = read_speeds(settings)
    device = expected_device(settings, speeds)
    films = {split: counts["films"] for split, counts in dataset.splits.items()}
    parts = [expected_duration(one.recipe, one.entry, films, speeds, device=device) for one in ready]
    total = sum(parts[1:], start=parts[0]).times(seeds)
    words = wording.time_to_expect(*total.range)
    if not total.measured:
        words += " (a first guess, until one run is measured here)"
    n = len(ready) * seeds
    return f"{n} runs, {words}." if n > 1 else f"{words[0].upper()}{words[1:]}."
