"""From a recipe's words to torch: optimiser, schedule, class weights, the order of films."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from xraylab.networks.registry import Network
from xraylab.training.recipe import Recipe, Stage

_MOMENTUM = 0.9


def optimiser(part: nn.Module, entry: Network, stage: Stage, recipe: Recipe) -> Optimizer:
    """The stage's optimiser: one group a depth, whose rate falls by the stage's factor from the head down."""
    groups: dict[int, list[nn.Parameter]] = {}
    for name, parameter in part.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(_depth(name, entry, head_alone=stage.tail == 0), []).append(parameter)
    parameters: list[dict[str, Any]] = [
        {"params": groups[depth], "lr": stage.learning_rate * stage.depth_factor**depth}
        for depth in sorted(groups)
    ]
    decay = recipe.weight_decay
    if stage.optimiser == "sgd":
        return SGD(parameters, momentum=_MOMENTUM, weight_decay=decay)
    if stage.optimiser == "adam":
        return Adam(parameters, weight_decay=decay)
    return AdamW(parameters, weight_decay=decay)


def _depth(name: str, entry: Network, *, head_alone: bool) -> int:
    """How many stages lie between a parameter and the film's decision; 0 for the head."""
    if head_alone:
        return 0
    for depth, stage in enumerate(reversed(entry.stages), 1):
        if any(name.startswith(f"{module}.") or name == module for module in stage):
            return depth
    return 0


def schedule(of: Optimizer, stage: Stage, steps: int) -> LRScheduler:
    """The stage's learning rate over its steps, one call of ``step`` a batch."""
    if stage.schedule == "one-cycle":
        return OneCycleLR(of, max_lr=[group["lr"] for group in of.param_groups], total_steps=steps)
    if stage.schedule == "cosine":
        return CosineAnnealingLR(of, T_max=steps)
    return LambdaLR(of, lambda _step: 1.0)


def class_weights(targets: Tensor, classes: int, recipe: Recipe) -> Tensor:
    """One weight a class, so that all count alike in the loss if the recipe says so; (classes,)."""
    if recipe.balance != "loss":
        return torch.ones(classes)
    counts = torch.bincount(targets, minlength=classes).clamp(min=1)
    return (len(targets) / (classes * counts)).float()


def film_order(targets: Tensor, recipe: Recipe, random: torch.Generator) -> Tensor:
    """The films of one epoch, (n,): each once, or drawn so that every class comes up equally often."""
    if recipe.balance != "sampling":
        return torch.randperm(len(targets), generator=random)
    counts = torch.bincount(targets).clamp(min=1)
    chance = 1.0 / counts[targets].double()
    return torch.multinomial(chance, len(targets), replacement=True, generator=random)


def steps_of(n: int, recipe: Recipe, stage: Stage) -> int:
    """Batches of all the stage's epochs together."""
    return math.ceil(n / recipe.batch_size) * stage.epochs
