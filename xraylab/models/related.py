"""
Models that belong together: seeds of one training, and pairs that answer a question people ask.

- told from their cards and names alone; nothing is scored but what chooses an ensemble's best member
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
from xraylab.evaluation.thresholds import threshold_table
from xraylab.models.folder import ENSEMBLE, Model

FINE_TUNING = "Before and after fine-tuning"
TRANSFER = "CNN against transfer learning"
BEST_MEMBER = "Ensemble against its best member"

_SEED = re.compile(r"(?P<stem>.+?)-(s|seed)\d+")
_NOT_TRAINING = {"name", "about", "seed"}  # keys of a recipe that the training itself doesn't depend on
_Pair = tuple[Model, Model]


@dataclass(frozen=True)
class Seeds:
    """Models of one training under several seeds."""

    name: str  # what their names have in common
    models: tuple[Model, ...]  # two or more, by seed

    @property
    def shipped(self) -> bool:
        """Whether they came with the package."""
        return all(model.shipped for model in self.models)


def seed_groups(models: Sequence[Model]) -> list[Seeds]:
    """The trainings that several models are seeds of, in the order of the models.

    They are called NAME, NAME-s0, NAME-s1 and so on, or NAME-seed1, and differ in nothing but the seed of
    their recipe: films, network, first weights and the rest of the recipe are the same.
    """
    found: dict[str, dict[int, Model]] = {}
    names: dict[str, str] = {}
    for model in models:
        seed = model.card.recipe.get("seed")
        if model.card.arch != ENSEMBLE and isinstance(seed, int):
            stem = _stem(model.name)
            training = json.dumps([stem, model.shipped, _training(model)], sort_keys=True)
            names[training] = stem
            found.setdefault(training, {}).setdefault(seed, model)
    return [
        Seeds(names[training], tuple(by_seed[seed] for seed in sorted(by_seed)))
        for training, by_seed in found.items()
        if len(by_seed) > 1
    ]


def ready_made(models: Sequence[Model]) -> dict[str, _Pair]:
    """The comparisons that people ask for, where there is what they need.

    Parameters
    ----------
    models : sequence of Model
        In the order of preference.

    Returns
    -------
    dict of str to (Model, Model)
        By what they answer; the first of each pair is the reference. Models without a lock are left out,
        since they can't be compared.
    """
    locked = [model for model in models if model.lock is not None]
    found = {
        FINE_TUNING: _closest(_fine_tuned(locked)),
        TRANSFER: _closest(_transferred(locked)),
        BEST_MEMBER: next(_averaged(locked), None),
    }
    return {question: pair for question, pair in found.items() if pair is not None}


def _stem(name: str) -> str:
    match = _SEED.fullmatch(name)
    return match["stem"] if match else name


def _training(model: Model) -> list[object]:
    """What a training hangs on beside its seed."""
    card = model.card
    recipe = {key: value for key, value in card.recipe.items() if key not in _NOT_TRAINING}
    classes = list(card.classes)
    return [card.dataset.pixel_hash, card.arch, classes, card.weights, card.weights_sha256, recipe]


def _trains(model: Model) -> list[str]:
    """What each stage of its training trained; none for an ensemble."""
    return [str(stage.get("trains")) for stage in model.card.recipe.get("stages", [])]


def _fine_tuned(models: Sequence[Model]) -> Iterator[tuple[int, _Pair]]:
    """Pairs of a frozen network and one trained further, with how far they are from before and after."""
    frozen = [model for model in models if set(_trains(model)) == {"head"}]
    tuned = [model for model in models if set(_trains(model)) - {"head"} and model.card.weights != "none"]
    for before, after in product(frozen, tuned):
        if _same_films(before, after) and before.card.arch == after.card.arch:
            started = after.card.weights_sha256 == before.card.model_sha256  # from what the other ended with
            alike = after.card.weights_sha256 == before.card.weights_sha256
            if started or alike:
                yield _distance(started, _goes_on(before, after), _alike(before, after)), (before, after)


def _goes_on(before: Model, after: Model) -> bool:
    """Whether a recipe begins as another ends."""
    first, both = (model.card.recipe.get("stages", []) for model in (before, after))
    return len(first) < len(both) and both[: len(first)] == first


def _transferred(models: Sequence[Model]) -> Iterator[tuple[int, _Pair]]:
    """Pairs of a network from random weights and one from ImageNet's, with how unlike they are else."""
    scratch = [model for model in models if model.card.weights == "none" and _trains(model)]
    transfer = [model for model in models if model.card.weights == "imagenet"]
    for cnn, pretrained in product(scratch, transfer):
        if _same_films(cnn, pretrained):
            recipes = [model.card.recipe.get("name") for model in (cnn, pretrained)]
            yield _distance(recipes[0] == recipes[1], _alike(cnn, pretrained)), (cnn, pretrained)


def _averaged(models: Sequence[Model]) -> Iterator[_Pair]:
    """Ensembles and the member of each that ranks validation films best."""
    for ensemble in models:
        with contextlib.suppress(XRayLabError):  # one that is damaged is no comparison
            known = {one.model_sha256 for one in ensemble.members.members} if ensemble.members else set()
            members = [model for model in models if model.card.model_sha256 in known]
            if members:
                yield ensemble, max(members, key=_validation_auc)


def _validation_auc(model: Model) -> float:
    films = model.validation.scored
    auc = threshold_table(films.labels, films.scores).auc
    return -1.0 if math.isnan(auc) else auc  # max would stumble over NaN


def _same_films(one: Model, other: Model) -> bool:
    return one.card.dataset.pixel_hash == other.card.dataset.pixel_hash


def _alike(one: Model, other: Model) -> bool:
    """Whether two models came to be alike: both shipped or both not, and under one seed."""
    seeds = (model.card.recipe.get("seed") for model in (one, other))
    return one.shipped == other.shipped and len(set(seeds)) == 1


def _distance(*near: bool) -> int:
    """How far a pair is from what is asked for, the first condition weighing most; 0 is all of them."""
    return sum(2**place for place, met in enumerate(reversed(near)) if not met)


def _closest(pairs: Iterator[tuple[int, _Pair]]) -> _Pair | None:
    """The pair with the least distance, the first among equals."""
    return min(pairs, key=lambda found: found[0], default=(0, None))[1]
