"""State of one stage while it is trained: its part of the network, its optimiser, and its best weights."""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from xraylab.networks.registry import Network
from xraylab.training.batches import Source
from xraylab.training.checkpoint import State
from xraylab.training.optimise import optimiser, schedule, steps_of
from xraylab.training.recipe import Recipe, Stage


@dataclass
class StageState:
    """Everything that changes while a stage is trained."""

    number: int  # place of the stage in the recipe, from 0
    stage: Stage
    source: Source
    part: nn.Module
    optimiser: Optimizer
    schedule: LRScheduler
    average: AveragedModel | None
    epoch: int = 0  # complete epochs
    best: float = -math.inf  # highest validation AUC of this stage
    since: int = 0  # epochs since then
    best_part: dict[str, Tensor] | None = None  # set if the best epoch of the whole training is in this stage

    @property
    def kept(self) -> nn.Module:
        """Module that is validated and kept: the moving average if the recipe asks for one."""
        return self.part if self.average is None else self.average.module

    @property
    def words(self) -> str:
        """Name of the trained part, for a person."""
        if self.stage.tail is None:
            return "whole network"
        if self.stage.tail == 0:
            return "head"
        return "last stage" if self.stage.tail == 1 else f"last {self.stage.tail} stages"

    def count(self, auc: float) -> None:
        """Count a complete epoch and its validation AUC."""
        self.epoch += 1
        better = auc > self.best  # false for NaN
        self.since = 0 if better else self.since + 1
        self.best = auc if better else self.best

    def to_checkpoint(self) -> State:
        """Return the part of ``epoch.pt`` that belongs to the stage."""
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
        """Take over the state that a checkpoint holds."""
        self.epoch = state["epoch"]
        self.part.load_state_dict(state["part"])
        # Without its moments Adam would take other steps than if the training had never stopped.
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.best, self.since, self.best_part = state["stage_best"], state["since"], state["best_part"]


def begin(
    number: int, stage: Stage, recipe: Recipe, entry: Network, source: Source, part: nn.Module, *, films: int
) -> StageState:
    """Return the state of a stage before its first step.

    Parameters
    ----------
    number : int
        Place of the stage in the recipe, from 0.
    films : int
        Number of training films.
    """
    stage_optimiser = optimiser(part, entry, stage, recipe)
    average = None
    if recipe.ema is not None:
        mean = get_ema_multi_avg_fn(recipe.ema)  # type: ignore[no-untyped-call]
        # Buffers too: without them the average would be validated with batch norms of other weights.
        average = AveragedModel(part, multi_avg_fn=mean, use_buffers=True)
    stage_schedule = schedule(stage_optimiser, stage, steps_of(films, recipe, stage))
    return StageState(number, stage, source, part, stage_optimiser, stage_schedule, average)


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a copy of weights, on the processor."""
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def named(part: dict[str, Tensor], entry: Network, stage: Stage) -> dict[str, Tensor]:
    """Return the weights of a trained part under their names in the whole network."""
    # A head is trained as a module by itself; any other part is the network without its frozen stages.
    prefix = f"{entry.head}." if stage.tail == 0 else ""
    return {prefix + name: value for name, value in part.items()}
