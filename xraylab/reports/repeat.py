"""How to make a model again: the commands that its card gives, and what they need."""

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
_LONGEST = 10_000  # characters of what stands in a fence
_UNKNOWN = "Not known: {}. What was asked for stands in the model’s `card.json`."


def how_to_repeat(card: Card) -> str:
    """Say how to make the model of a card again, as Markdown; a person's own command goes first."""
    if card.about.command:
        return _shell(card.about.command)
    if card.arch == ENSEMBLE:
        return _ensemble(card)
    try:
        recipe = Recipe.model_validate(card.recipe)
    except ValidationError:
        return _UNKNOWN.format("its recipe isn’t one that this version of XRayLab can train by")
    return _training(card, recipe)


def _ensemble(card: Card) -> str:
    if not card.members:
        return _UNKNOWN.format("its members aren’t told")
    rule = ["--rule", str(card.recipe["rule"])] if "rule" in card.recipe else []
    return "\n\n".join(
        [
            "Make the members first, each as its own card says. Then:",
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
        "`SOURCE` is the archive or folder that the films came from; the hash of their pixels must be the "
        "one below. The seed is in the recipe.",
        _shell("\n".join(lines)),
        *_needs(card, recipe),
    ]
    if preset is None:
        parts += [f"The recipe is no preset as it comes. Save this as `{RECIPE_FILE}`:", _json(recipe)]
    return "\n\n".join(parts)


def _preset(card: Card, recipe: Recipe) -> str | None:
    """The preset that comes to this recipe on this network and these weights, if one does."""
    for preset in PRESETS:
        with contextlib.suppress(XRayLabError):  # a network that isn't there, or a preset that isn't for it
            if plan(preset, network(card.arch), pretrained=card.weights != "none") == recipe:
                return preset.name
    return None


def _needs(card: Card, recipe: Recipe) -> list[str]:
    """What has to be as it was, beside the command."""
    needs = []
    if card.weights == "imagenet":
        needs.append("It starts from ImageNet weights, whose hash stands below too.")
    elif card.weights != "none":
        needs.append(f"{named(card.weights)} is the model or the file of weights that it started from.")
    if card.backend != BACKEND:
        needs.append(f"The setting `backend` was {named(card.backend)}, which scores the held-out films.")
    if card.epochs < recipe.epochs and recipe.patience is None:
        needs.append("Its training ended before the last epoch of the recipe; a whole one goes further.")
    made_with = ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))
    needs.append(
        f"Expect the same model, or one close to it, on the same kind of machine: {plain(card.device)}"
        f"{f', with {plain(made_with)}' if made_with else ''}."
    )
    return [" ".join(needs)]


def _command(*words: str) -> str:
    return f"python -m xraylab {shlex.join(words)}"


def _shell(command: str) -> str:
    if len(command) > _LONGEST:
        return f"Too long to be shown here; it begins {plain(tidy(command))}"
    return fenced(command, "sh")


def _json(recipe: Recipe) -> str:
    text = json.dumps(recipe.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return fenced(text, "json") if len(text) <= _LONGEST else "It is too long to be shown; see `card.json`."
