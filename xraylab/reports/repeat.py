"""The part of a model card that says how to train the model again: commands, and what they need."""

import contextlib
import json
import shlex

from pydantic import ValidationError

from xraylab.errors import XRayLabError
from xraylab.models import BACKEND, ENSEMBLE, Card
from xraylab.networks.registry import network
from xraylab.reports.markdown import fenced, named, plain, tidy
from xraylab.training.recipe import PRESETS, Recipe, plan

RECIPE_FILE = "recipe.json"
_LONGEST = 10_000  # characters of a code block
_UNKNOWN = "Unknown: {}. The settings that were used are in the model’s `card.json`."


def how_to_repeat(card: Card) -> str:
    """Write how to train a card's model again, as Markdown; a command in ``about`` takes precedence."""
    if card.about.command:
        return _shell(card.about.command)
    if card.arch == ENSEMBLE:
        return _ensemble(card)
    try:
        recipe = Recipe.model_validate(card.recipe)
    except ValidationError:
        return _UNKNOWN.format("this version of XRayLab can’t train with its recipe")
    return _training(card, recipe)


def _ensemble(card: Card) -> str:
    if not card.members:
        return _UNKNOWN.format("its members aren’t listed")
    rule = ["--rule", str(card.recipe["rule"])] if "rule" in card.recipe else []
    return "\n\n".join(
        [
            "Train the members first, as their own cards say. Then:",
            _shell(_command("ensemble", card.name, *card.members, *rule)),
        ]
    )


def _training(card: Card, recipe: Recipe) -> str:
    films, preset = card.dataset, _preset(card, recipe)
    lines = [
        _command("import", "SOURCE", "--name", films.name, "--patient-key", films.patient_key),
        _command(
            *("train", "--dataset", films.name, "--arch", card.arch, "--recipe", preset or RECIPE_FILE),
            *("--weights", card.weights, "--run", card.name),
        ),
    ]
    parts = [
        "`SOURCE` is the archive or folder that the films came from; the hash of their pixels must equal the "
        "one below. The seed is in the recipe.",
        _shell("\n".join(lines)),
        *_needs(card, recipe),
    ]
    if preset is None:
        parts += [f"The recipe differs from every preset. Save it as `{RECIPE_FILE}`:", _json(recipe)]
    return "\n\n".join(parts)


def _preset(card: Card, recipe: Recipe) -> str | None:
    """Return the preset that gives this recipe for this network and these weights, if there is one."""
    for preset in PRESETS:
        with contextlib.suppress(XRayLabError):  # the network is missing, or the preset isn't for it
            if plan(preset, network(card.arch), pretrained=card.weights != "none") == recipe:
                return preset.name
    return None


def _needs(card: Card, recipe: Recipe) -> list[str]:
    """Describe the conditions that must be the same, besides the command."""
    needs = []
    if card.weights == "imagenet":
        needs.append("It starts from ImageNet weights; their hash is below too.")
    elif card.weights != "none":
        needs.append(f"{named(card.weights)} is the model or the weights file that it started from.")
    if card.backend != BACKEND:
        needs.append(f"The setting `backend` was {named(card.backend)}; it scores the held-out films.")
    if card.epochs < recipe.epochs and recipe.patience is None:
        # Stopped by a person: a recipe with patience may end early by itself.
        needs.append("Its training ended before the last epoch of the recipe; a new one may run longer.")
    made_with = ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))
    needs.append(
        f"Expect the same or a very similar model on the same kind of machine: {plain(card.device)}"
        f"{f', with {plain(made_with)}' if made_with else ''}."
    )
    return [" ".join(needs)]


def _command(*words: str) -> str:
    return f"python -m xraylab {shlex.join(words)}"


def _shell(command: str) -> str:
    if len(command) > _LONGEST:
        return f"The command is too long to show here; it begins with {plain(tidy(command))}"
    return fenced(command, "sh")


def _json(recipe: Recipe) -> str:
    # A recipe that can be parsed is bounded, so it is never too long to show.
    return fenced(json.dumps(recipe.model_dump(mode="json"), indent=2, ensure_ascii=False), "json")
