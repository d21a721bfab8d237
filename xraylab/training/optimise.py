"""Turn the fields of a recipe into torch objects: optimiser, schedule, class weights, order of films."""

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
    """Return the optimiser of a stage, with one parameter group per depth.

    The learning rate of a group is ``depth_factor`` times that of the group above it; the head is on top.
    """
    # Early stages hold general features, which large steps would destroy.
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
    """Return the number of stages from a parameter up to the head; 0 for the head."""
    if head_alone:  # the head as a module of its own has names without the network's prefix
        return 0
    for depth, stage in enumerate(reversed(entry.stages), 1):
        if any(name.startswith(f"{module}.") or name == module for module in stage):
            return depth
    return 0


def schedule(of: Optimizer, stage: Stage, steps: int) -> LRScheduler:
    """Return the learning rate schedule of a stage; ``step`` is called once per batch."""
    if stage.schedule == "one-cycle":
        return OneCycleLR(of, max_lr=[group["lr"] for group in of.param_groups], total_steps=steps)
    if stage.schedule == "cosine":
        return CosineAnnealingLR(of, T_max=steps)
    return LambdaLR(of, lambda _step: 1.0)


def class_weights(targets: Tensor, classes: int, recipe: Recipe) -> Tensor:
    """Return the weight of each class in the loss, (classes,).

    If the recipe balances the loss, the films of each class together have the same weight.
    """
    if recipe.balance != "loss":
        return torch.ones(classes)
    counts = torch.bincount(targets, minlength=classes).clamp(min=1)
    # Scaled to a mean of 1 over the films, so that a learning rate suits balanced and unbalanced losses.
    return (len(targets) / (classes * counts)).float()


def film_order(targets: Tensor, recipe: Recipe, random: torch.Generator) -> Tensor:
    """Return the order of films in one epoch, (n,): each film once, or drawn with balanced classes."""
    if recipe.balance != "sampling":
        return torch.randperm(len(targets), generator=random)
    counts = torch.bincount(targets).clamp(min=1)
    chance = 1.0 / counts[targets].double()
    return torch.multinomial(chance, len(targets), replacement=True, generator=random)


def steps_of(n: int, recipe: Recipe, stage: Stage) -> int:
    """Return the number of batches in all epochs of a stage."""
    return math.ceil(n / recipe.batch_size) * stage.epochs
