"""
Naive: train one recipe on splits by image and on splits by patient, and compare what they claim.

- the frozen part of the network is run once over all films; every training takes its output from there
- only the head is trained, by the recipe's own loop, so all trainings take seconds
- ``audit.naive`` makes the parts, the figures and the sentence
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.audit.naive import PARTS, TRAINING, Naive, Way, can_tell, compared, parts_of
from xraylab.data.datasets import Dataset
from xraylab.errors import DatasetError, WeightsError
from xraylab.evaluation.rules import Rule, choose, parse_rule
from xraylab.evaluation.thresholds import threshold_table
from xraylab.networks.inputs import finding_logit
from xraylab.networks.pretrained import default_network, imagenet_path, weights_path
from xraylab.networks.registry import Network, build
from xraylab.networks.weights import load_into
from xraylab.settings import Settings
from xraylab.training.contract import Films, Monitor
from xraylab.training.device import pick_device, use_threads
from xraylab.training.loop import fit
from xraylab.training.recipe import Recipe, load_recipe
from xraylab.training.seen import see

DRAWS = 3
RECIPE = "quick"
OnStep = Callable[[str, int, int], None]
Ints = NDArray[np.int64]


def naive_split(
    settings: Settings, dataset: Dataset, *, draws: int = DRAWS, on_step: OnStep | None = None
) -> Naive:
    """Measure what a split by image would have claimed on the training and validation films of a dataset.

    Parameters
    ----------
    draws : int
        How often the films are divided by each way; each draw takes ``PARTS`` trainings.
    on_step : callable, optional
        Called with what is being done, in words, and with how much is done and in all; may raise to stop.

    Raises
    ------
    DatasetError
        If the patients are too few, or each has one film only, so that both ways are the same.
    WeightsError
        If no network with ImageNet weights is on this machine.
    """
    started, report = time.monotonic(), on_step or (lambda *_: None)
    rows = np.flatnonzero(dataset.catalog["split"].isin(("train", "validation")).to_numpy())
    catalog = dataset.catalog.iloc[rows]
    labels = catalog["label"].to_numpy(np.int64)
    groups = catalog["group"].factorize()[0].astype(np.int64)
    if not can_tell(labels, groups):
        raise DatasetError(
            f"What a split by image would claim can't be told from the films of “{dataset.info.name}”: the "
            "patients are too few, or each has a single film, so that both splits are the same."
        )
    bench = _Bench.prepare(settings, dataset, rows, labels, report)
    ways = [
        _held_out(bench, parts_of(labels, groups, draws, by_patient=by_patient), offset, 2 * draws * PARTS)
        for by_patient, offset in ((False, 0), (True, draws * PARTS))
    ]
    return compared(
        labels,
        groups,
        *ways,
        recipe=bench.recipe.name,
        network=bench.entry.title,
        minutes=round((time.monotonic() - started) / 60, 1),
    )


@dataclass(frozen=True, eq=False)
class _Bench:
    """What all trainings share."""

    net: nn.Module  # with its first weights
    entry: Network
    recipe: Recipe
    films: Films  # all of them as training films
    known: Tensor  # (n, ...): what the frozen part makes of each film
    device: torch.device
    report: OnStep

    @property
    def rule(self) -> Rule:
        """The rule that chooses each threshold on validation films."""
        return parse_rule(self.recipe.rule)

    @classmethod
    def prepare(
        cls, settings: Settings, dataset: Dataset, rows: NDArray[np.intp], labels: Ints, report: OnStep
    ) -> "_Bench":
        """Run the frozen part over the films."""
        recipe, entry = load_recipe(RECIPE), default_network(settings)
        if imagenet_path(settings, entry) is None:
            raise WeightsError(
                f"No ImageNet weights are on this machine, so the recipe “{recipe.name}” can't be trained. "
                "Install the requirements, which bring some."
            )
        use_threads(settings)
        device = pick_device(settings)
        torch.manual_seed(recipe.seed)
        net = build(entry).to(memory_format=torch.channels_last)
        load_into(net, weights_path(settings, entry, "imagenet"), entry)
        known = see(
            net.to(device),
            entry,
            dataset.pixels,
            rows,
            device=device,
            on_progress=lambda done: report("Looking at the training films", done, rows.size),
        ).inputs
        everyone = np.arange(rows.size)
        # No pixels: a head is trained on what is known of the films.
        films = Films(np.empty(0, np.uint8), labels, everyone, everyone, dataset.info.finding.classes)
        return cls(net.to("cpu"), entry, recipe, films, known, device, report)


def _held_out(bench: _Bench, parts: Ints, done: int, trainings: int) -> Way:
    """Hold out each part of each draw in turn, and score it.

    Parameters
    ----------
    done, trainings : int
        Trainings before these ones, and of both ways together.
    """
    scores, right = np.empty(parts.shape), np.empty(parts.shape, bool)
    for number, (draw, part) in enumerate(np.ndindex(len(parts), PARTS), done):
        test, validation = parts[draw] == part, parts[draw] == (part + 1) % PARTS
        train = np.flatnonzero(~test & ~validation)
        films = replace(bench.films, train=train, validation=np.flatnonzero(validation))
        scored = _scores(bench, films, partial(bench.report, TRAINING, number, trainings))
        threshold = choose(threshold_table(films.labels[validation], scored[validation]), bench.rule)
        scores[draw, test] = scored[test]
        right[draw, test] = (scored[test] >= threshold) == films.labels[test]
    return Way(parts, scores, right)


def _scores(bench: _Bench, films: Films, tick: Callable[[], None]) -> NDArray[np.float64]:
    """Train the head on the training films, and score all films, (n,); ``tick`` may raise to stop."""
    # A copy: a training leaves its weights in the network, and every training starts from the same ones.
    fitted = fit(
        copy.deepcopy(bench.net),
        bench.entry,
        films,
        bench.recipe,
        device=bench.device,
        monitor=Monitor(on_progress=lambda _: tick()),
        known=bench.known,
    )
    head = fitted.net.to("cpu").get_submodule(bench.entry.head)
    with torch.no_grad():
        scores: NDArray[np.float64] = finding_logit(head(bench.known)).sigmoid().numpy()
    return scores
