"""
Models that belong together: the seeds of one training, and pairs that answer a question people ask.

- cards and names decide; the only numbers needed are the validation AUCs of an ensemble's members
- models go together only if they were trained on the same films
"""

import contextlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from xraylab.errors import XRayLabError
from xraylab.models.folder import Model
from xraylab.models.schema import ENSEMBLE

FINE_TUNING = "Before and after fine-tuning"
TRANSFER = "CNN against transfer learning"
BEST_MEMBER = "Ensemble against its best member"

_SEED = re.compile(r"(?P<stem>.+?)-(s|seed)\d+")
# Keys of a recipe that don't change what is trained; the classes tell the task, which had other names before.
_NOT_TRAINING = {"name", "about", "seed", "task"}
_Pair = tuple[Model, Model]


@dataclass(frozen=True)
class Seeds:
    """Models of one training under several seeds."""

    name: str  # the common part of their names
    models: tuple[Model, ...]  # two or more, by seed

    @property
    def shipped(self) -> bool:
        """Whether all of them came with the package."""
        return all(model.shipped for model in self.models)


def seed_groups(models: Sequence[Model]) -> list[Seeds]:
    """Return the trainings that several of the models are seeds of, in the order of the models.

    The names of such models are NAME, NAME-s0, NAME-s1 and so on, or NAME-seed1. Everything but the seed is
    the same: films, network, first weights and the rest of the recipe.
    """
    groups: dict[str, dict[int, Model]] = {}
    names: dict[str, str] = {}
    for model in models:
        seed = model.card.recipe.get("seed")
        if model.card.arch != ENSEMBLE and isinstance(seed, int):
            stem = _stem(model.name)
            training = json.dumps([stem, model.shipped, _training(model)], sort_keys=True)
            names[training] = stem
            # The newest model comes first and wins if a seed was trained twice.
            groups.setdefault(training, {}).setdefault(seed, model)
    return [
        Seeds(names[training], tuple(by_seed[seed] for seed in sorted(by_seed)))
        for training, by_seed in groups.items()
        if len(by_seed) > 1
    ]


def ready_made(models: Sequence[Model]) -> dict[str, _Pair]:
    """Return the usual comparisons for which there are models.

    Parameters
    ----------
    models : sequence of Model
        In the order of preference.

    Returns
    -------
    dict of str to (Model, Model)
        By the question; the first of each pair is the reference. Models without a lock are left out, because
        they can't be compared.
    """
    locked = [model for model in models if model.lock is not None]
    pairs = {
        FINE_TUNING: _closest(_fine_tuned(locked)),
        TRANSFER: _closest(_transferred(locked)),
        BEST_MEMBER: next(_averaged(locked), None),
    }
    return {question: pair for question, pair in pairs.items() if pair is not None}


def _stem(name: str) -> str:
    match = _SEED.fullmatch(name)
    return match["stem"] if match else name


def _training(model: Model) -> list[object]:
    """Return everything that a training depends on but its seed."""
    card = model.card
    recipe = {key: value for key, value in card.recipe.items() if key not in _NOT_TRAINING}
    classes = list(card.classes)
    return [
        card.dataset.pixel_hash,
        card.finding.model_dump(mode="json"),
        card.arch,
        classes,
        card.weights,
        card.weights_sha256,
        recipe,
    ]


def _trains(model: Model) -> list[str]:
    """Return the part of the network that each stage trained; an empty list for an ensemble."""
    return [str(stage.get("trains")) for stage in model.card.recipe.get("stages", [])]


def _fine_tuned(models: Sequence[Model]) -> Iterator[tuple[int, _Pair]]:
    """Yield pairs of a frozen network and one that was trained further, with their distance."""
    frozen = [model for model in models if set(_trains(model)) == {"head"}]
    tuned = [model for model in models if set(_trains(model)) - {"head"} and model.card.weights != "none"]
    for before, after in product(frozen, tuned):
        if _same_films(before, after) and before.card.arch == after.card.arch:
            # The best pair is one training that goes on from the other's weights.
            goes_on_from = after.card.weights_sha256 == before.card.model_sha256
            same_start = after.card.weights_sha256 == before.card.weights_sha256
            if goes_on_from or same_start:
                distance = _distance(goes_on_from, _goes_on(before, after), _same_origin(before, after))
                yield distance, (before, after)


def _goes_on(before: Model, after: Model) -> bool:
    """Return whether a recipe has the stages of another, and more after them."""
    first, both = (model.card.recipe.get("stages", []) for model in (before, after))
    return len(first) < len(both) and both[: len(first)] == first


def _transferred(models: Sequence[Model]) -> Iterator[tuple[int, _Pair]]:
    """Yield pairs of a network from random weights and one from ImageNet weights, with their distance."""
    scratch = [model for model in models if model.card.weights == "none" and _trains(model)]
    transfer = [model for model in models if model.card.weights == "imagenet"]
    for cnn, pretrained in product(scratch, transfer):
        if _same_films(cnn, pretrained):
            recipes = [model.card.recipe.get("name") for model in (cnn, pretrained)]
            yield _distance(recipes[0] == recipes[1], _same_origin(cnn, pretrained)), (cnn, pretrained)


def _averaged(models: Sequence[Model]) -> Iterator[_Pair]:
    """Yield each ensemble with the member that has the highest validation AUC."""
    for ensemble in models:
        # A damaged ensemble, or a member without usable numbers, must not hide the other comparisons.
        with contextlib.suppress(XRayLabError):
            known = {one.model_sha256 for one in ensemble.members.members} if ensemble.members else set()
            members = [model for model in models if model.card.model_sha256 in known]
            if members:
                yield ensemble, max(members, key=_rank)


def _rank(model: Model) -> float:
    """Return the validation AUC; -1 if it is undefined, because ``max`` can't order NaN."""
    auc = model.table("validation").auc
    return -1.0 if math.isnan(auc) else auc


def _same_films(one: Model, other: Model) -> bool:
    return one.card.dataset.pixel_hash == other.card.dataset.pixel_hash


def _same_origin(one: Model, other: Model) -> bool:
    """Return whether both models or neither are shipped, and both have one seed."""
    seeds = (model.card.recipe.get("seed") for model in (one, other))
    return one.shipped == other.shipped and len(set(seeds)) == 1


def _distance(*near: bool) -> int:
    """Return how far a pair is from the ideal one; 0 meets every condition, and the first weighs most."""
    # A binary number with one digit per condition: an earlier one outweighs all later ones together.
    return sum(2**place for place, met in enumerate(reversed(near)) if not met)


def _closest(pairs: Iterator[tuple[int, _Pair]]) -> _Pair | None:
    """Return the pair with the least distance, the first among equals; None if there is no pair."""
    return min(pairs, key=lambda pair: pair[0], default=(0, None))[1]
