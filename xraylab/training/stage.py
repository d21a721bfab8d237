"""One stage while it is trained: its part of the network, its optimiser, and the best of it so far."""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from xraylab.networks.registry import Network
from xraylab.training.batches import Source
from xraylab.training.optimise import optimiser, schedule, steps_of
from xraylab.training.recipe import Recipe, Stage

State = dict[str, Any]


@dataclass
class StageState:
    """What changes while a stage is trained."""

    number: int
    recipe: Stage
    source: Source
    part: nn.Module
    optimiser: Optimizer
    schedule: LRScheduler
    average: AveragedModel | None
    epoch: int = 0  # complete ones
    best: float = -math.inf
    since: int = 0  # epochs without a better one
    best_part: dict[str, Tensor] | None = None  # where the best of the whole run is of this stage

    @property
    def kept(self) -> nn.Module:
        """What is validated and kept: the average where the recipe wants one."""
        return self.part if self.average is None else self.average.module

    @property
    def words(self) -> str:
        """What is trained, for a person."""
        if self.recipe.tail is None:
            return "whole network"
        if self.recipe.tail == 0:
            return "head"
        return "last stage" if self.recipe.tail == 1 else f"last {self.recipe.tail} stages"

    def state(self) -> State:
        """What a checkpoint keeps of it."""
        return {
            "stage": self.number,
            "epoch": self.epoch,
            "part": self.part.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "stage_best": self.best,
            "since": self.since,
            "best_part": self.best_part,
        }

    def restore(self, state: State) -> None:
        """Take up what a checkpoint kept."""
        self.epoch = state["epoch"]
        self.part.load_state_dict(state["part"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.best, self.since, self.best_part = state["stage_best"], state["since"], state["best_part"]


def begin(
    number: int, stage: Stage, recipe: Recipe, entry: Network, source: Source, part: nn.Module, *, films: int
) -> StageState:
    """A stage before its first step.

    Parameters
    ----------
    number : int
        Its place in the recipe, from 0.
    films : int
        How many there are to train on.
    """
    optimises = optimiser(part, entry, stage, recipe)
    average = None
    if recipe.ema is not None:
        mean = get_ema_multi_avg_fn(recipe.ema)  # type: ignore[no-untyped-call]
        average = AveragedModel(part, multi_avg_fn=mean, use_buffers=True)
    scheduled = schedule(optimises, stage, steps_of(films, recipe, stage))
    return StageState(number, stage, source, part, optimises, scheduled, average)


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they are now, on the processor."""
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def named(part: dict[str, Tensor], entry: Network, stage: Stage) -> dict[str, Tensor]:
    """The weights of a trained part under the names that they have in the whole network."""
    before = f"{entry.head}." if stage.tail == 0 else ""
    return {before + name: value for name, value in part.items()}
