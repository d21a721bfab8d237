"""
A recipe as a form with every field, in a few rows.

- the recipe itself checks the values; its message is shown below the form
- the form starts afresh for each recipe, because the keys of its widgets contain the recipe's hash
"""

import hashlib
import json
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from xraylab.app.glossary import EPOCH, RECIPE, SEED, SUITE
from xraylab.app.wording import plain, trained_part
from xraylab.errors import XRayLabError
from xraylab.evaluation.rules import parse_rule
from xraylab.findings import Finding
from xraylab.imaging.perturbations import FAMILIES
from xraylab.networks.registry import Network
from xraylab.training.recipe import Recipe, Stage, parse_recipe, plan

_MOST_STAGES = 8
_LONGEST_NAME = 64
_NEW_STAGE = Stage(trains="all", epochs=3, learning_rate=6e-4)
_BALANCE = {"none": "no", "loss": "in the loss", "sampling": "by drawing films"}
_KEEP = {"best": "the best epoch", "last": "the last epoch"}
_AS_BUILT = "as built"
_RULE_HELP = (
    "Chooses the threshold on validation films: youden (largest sum of sensitivity and specificity), "
    "sensitivity:0.95, specificity:0.95, floor:0.95, f1, cost:10 or value:0.5. All but a floor may end in "
    "@suite; then degraded films count too."
)


def draw(base: Recipe, entry: Network, finding: Finding) -> Recipe | None:
    """Draw the form, filled from a recipe; return None while its values can't be trained."""
    values = _draw_fields(base, entry, finding, key=f"recipe {_hash(base)}")
    try:
        # By way of JSON, so that the form is checked exactly as an uploaded file is.
        recipe = parse_recipe(json.dumps(values).encode(), "The form")
        plan(recipe, entry, pretrained=True)
        parse_rule(recipe.rule)
    except XRayLabError as error:
        st.warning(plain(str(error).replace("_", " ")))  # fields are named as in the file: batch_size
        return None
    # A changed recipe must not keep the name of a preset, which its runs and models would quote.
    if recipe != base and recipe.name == base.name:
        suffix = "-edited"
        name = recipe.name.removesuffix(suffix)[: _LONGEST_NAME - len(suffix)] + suffix
        recipe = recipe.model_copy(update={"name": name, "about": ""})
    st.download_button(
        "Save as a file",
        recipe.model_dump_json(indent=2),
        file_name=f"{recipe.name}.json",
        mime="application/json",
        key="recipe download",
        on_click="ignore",  # saving needs no rerun
    )
    return recipe


def _hash(recipe: Recipe) -> str:
    return hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()[:12]


def _draw_fields(base: Recipe, entry: Network, finding: Finding, *, key: str) -> dict[str, Any]:
    name, stages = st.columns([2, 1])
    values: dict[str, Any] = {
        "name": name.text_input("Name of the recipe", base.name, key=f"{key} name", help=RECIPE),
        "about": base.about,
    }
    number = stages.number_input(
        "Stages", min_value=1, max_value=_MOST_STAGES, value=len(base.stages), key=f"{key} stages"
    )
    values["stages"] = [
        _draw_stage(base.stages[n] if n < len(base.stages) else _NEW_STAGE, entry, n, key=f"{key} {n}")
        for n in range(int(number))
    ]
    tasks = _tasks(finding)
    task = st.selectbox(
        "Classes",
        list(tasks),
        _index(tasks, base.task),
        format_func=tasks.__getitem__,
        key=f"{key} task",
    )
    values["task"] = task
    return values | _draw_fit(base, key=key) | _draw_films(base, key=key) | _draw_end(base, key=key)


def _tasks(finding: Finding) -> dict[str, str]:
    """Return what a network can be trained to tell apart, in words."""
    kinds = finding.kinds
    if not kinds:
        apart = f"kinds of {finding.name} too (these films state none)"
    else:
        apart = f"{', '.join((finding.without, *kinds[:-1]))} or {kinds[-1]} ({finding.kinds_caveat})"
    return {"finding": f"{finding.without} or {finding.name}", "subtype": apart}


def _draw_stage(stage: Stage, entry: Network, n: int, *, key: str) -> dict[str, Any]:
    with st.container(border=True):
        st.html(f'<span class="xl-label">Stage {n + 1}</span>')
        trains = st.container()  # before the columns, so that it has the full width
        epochs, rate, optimiser = st.columns(3)
        schedule, depth, views = st.columns(3)
        # A recipe may name more stages than this network has; its own value is always offered.
        parts = [f"tail:{k}" for k in range(1, len(entry.stages))]
        choices = list(dict.fromkeys(["head", *parts, "all", stage.trains]))
        return {
            "trains": trains.selectbox(
                "Trains",
                choices,
                choices.index(stage.trains),
                format_func=trained_part,
                key=f"{key} trains",
                help="The head is the last layer, which makes the score; the stages before it find features.",
            ),
            "epochs": epochs.number_input(
                "Epochs", value=stage.epochs, step=1, key=f"{key} epochs", help=EPOCH
            ),
            "learning_rate": rate.number_input(
                "Learning rate", value=stage.learning_rate, step=1e-4, format="%g", key=f"{key} rate"
            ),
            "optimiser": _choose(optimiser, "Optimiser", Stage, "optimiser", stage.optimiser, key),
            "schedule": _choose(schedule, "Schedule", Stage, "schedule", stage.schedule, key),
            "depth_factor": depth.number_input(
                "Depth factor",
                value=stage.depth_factor,
                step=0.1,
                format="%g",
                key=f"{key} depth",
                help="Learning rate of each part of the network, divided by that of the part above it.",
            ),
            "views": views.number_input(
                "Views",
                value=stage.views,
                step=1,
                key=f"{key} views",
                help="Variants of each film, computed once before training; unused if everything is trained.",
            ),
        }


def _draw_fit(base: Recipe, *, key: str) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    return {
        "batch_size": left.number_input("Batch size", value=base.batch_size, step=8, key=f"{key} batch"),
        "weight_decay": _decimal(middle, "Weight decay", base.weight_decay, f"{key} decay", step=0.001),
        "balance": right.selectbox(
            "Balance classes",
            list(_BALANCE),
            _index(_BALANCE, base.balance),
            format_func=_BALANCE.__getitem__,
            key=f"{key} balance",
            help="Gives both classes the same weight in the loss, or draws films of both equally often.",
        ),
        "label_smoothing": _decimal(
            left, "Label smoothing", base.label_smoothing, f"{key} smoothing", step=0.05
        ),
        "dropout": _decimal(middle, "Dropout", base.dropout, f"{key} dropout", step=0.1, none=_AS_BUILT),
        "ema": _decimal(
            right,
            "Moving average",
            base.ema,
            f"{key} ema",
            step=0.001,
            none="off",
            help="Keeps a moving average of the weights. The value is its decay per step, such as 0.99.",
        ),
    }


def _draw_films(base: Recipe, *, key: str) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    values: dict[str, Any] = {
        "augmentation": _decimal(
            left,
            "Augmentation",
            base.augmentation,
            f"{key} augmentation",
            help="Varies posture and grey values of training films; 0 is off.",
        ),
        "degradation": _decimal(
            middle,
            "Degradation",
            base.degradation,
            f"{key} degradation",
            help="Adds re-encoding, rescaling, blur and noise to training films; 0 is off.",
        ),
        "erasing": _decimal(
            right,
            "Erasing",
            base.erasing,
            f"{key} erasing",
            help="Share of training films in which a patch is erased.",
        ),
    }
    return values | {
        "stretch": _decimal(
            left,
            "Stretching",
            base.stretch,
            f"{key} stretch",
            help="Varies width over height of training films; 0 is off.",
        ),
        "leave_out": middle.multiselect(
            "Leave out",
            list(FAMILIES),
            list(base.leave_out),
            key=f"{key} leave out",
            placeholder="nothing",
            help="Changes that are kept out of training, so that the suite tests them as unknown ones.",
        ),
        "flips": st.checkbox(
            "Mirror half of the films (the side of the heart is then lost)", base.flips, key=f"{key} flips"
        ),
    }


def _draw_end(base: Recipe, *, key: str) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    return {
        "patience": left.number_input(
            "Patience",
            value=base.patience,
            step=1,
            placeholder="off",
            key=f"{key} patience",
            help="Ends a stage after this many epochs without a better validation AUC.",
        ),
        "seed": middle.number_input("First seed", value=base.seed, step=1, key=f"{key} seed", help=SEED),
        "rule": right.text_input(
            "Lock rule",
            base.rule,
            key=f"{key} rule",
            help=_RULE_HELP,
        ).strip(),
        "keep": left.selectbox(
            "Keep",
            list(_KEEP),
            _index(_KEEP, base.keep),
            format_func=_KEEP.__getitem__,
            key=f"{key} keep",
        ),
        "suite": st.checkbox(
            "Also score the held-out films under the suite of changes",
            base.suite,
            key=f"{key} suite",
            help=SUITE,
        ),
        "compile": st.checkbox(
            "Compile the network first (worth it for long trainings on a GPU)",
            base.compile,
            key=f"{key} compile",
        ),
    }


def _decimal(
    where: DeltaGenerator,
    label: str,
    value: float | None,
    key: str,
    *,
    step: float = 0.1,
    none: str | None = None,
    help: str | None = None,  # noqa: A002 - as Streamlit calls it
) -> float | None:
    # "%g", because Streamlit's default of two decimals would show a rate of 0.0006 as 0.00.
    return where.number_input(
        label, value=value, step=step, format="%g", key=key, placeholder=none, help=help
    )


def _choose(where: DeltaGenerator, label: str, of: type[Stage], field: str, value: str, key: str) -> str:
    options = list(get_args(of.model_fields[field].annotation))  # of a Literal: the form can't offer others
    return str(where.selectbox(label, options, options.index(value), key=f"{key} {field}"))


def _index(words: dict[str, str], value: str) -> int:
    return list(words).index(value)
