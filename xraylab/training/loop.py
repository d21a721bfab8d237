"""
The training loop: from a recipe and films to a fitted network.

- each stage of a recipe trains a part of the network; the frozen part below it is run once and cached
- the network trains in bf16 if the device multiplies it in hardware; scores are always computed in fp32
- the epoch with the best validation AUC of all stages is kept
- with a folder for checkpoints, a stopped training goes on as if it had never stopped
"""

from contextlib import ExitStack
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from xraylab.errors import TrainingError
from xraylab.networks.registry import Network
from xraylab.training import checkpoint
from xraylab.training.batches import Bench, CachedActivations, Source, VariedFilms, cache_size, frozen_batch
from xraylab.training.cache import ActivationCache
from xraylab.training.checkpoint import State
from xraylab.training.contract import Epoch, Films, Fitted, Monitor
from xraylab.training.device import bf16_pays, threads
from xraylab.training.epochs import StageEpochs
from xraylab.training.memory import in_smaller_pieces, room
from xraylab.training.progress import Clock, Reporter
from xraylab.training.recipe import Recipe, Stage
from xraylab.training.stage import StageState, begin, copied, named
from xraylab.training.state import TrainingState
from xraylab.training.team import Team
from xraylab.training.work import Work


def fit(
    net: nn.Module,
    entry: Network,
    films: Films,
    recipe: Recipe,
    *,
    device: torch.device,
    monitor: Monitor,
    bf16: bool | None = None,
    checkpoints: Path | None = None,
    cache: Path | None = None,
    known: Tensor | None = None,
    clock: Clock | None = None,
) -> Fitted:
    """Train a network.

    Parameters
    ----------
    net : nn.Module
        The network with its first weights; it is trained in place.
    films : Films
        Both splits need films of all classes, because the best epoch is chosen by AUC.
    recipe : Recipe
        As ``recipe.plan`` returns it.
    bf16 : bool, optional
        Whether the network trains in bf16; by default if the device multiplies it in hardware.
    checkpoints : Path, optional
        A folder that is written after every epoch; the training goes on from what it holds.
    cache : Path, optional
        A folder for the activations of a frozen part, which trainings share; see ``training.cache``.
    known : float tensor of shape (n, ...), optional
        What the frozen part makes of each film, if the caller has it; for a recipe that trains heads alone.
    clock : Clock, optional
        That of a job of which the training is a part; its total includes the training's work.

    Returns
    -------
    Fitted
        The network with the weights of its best epoch by validation AUC (the earliest of equals).

    Raises
    ------
    TrainingError
        If a split lacks a class, the checkpoint belongs to other films, or the loss stopped being a number
        before any epoch could be kept.
    ValueError
        If ``known`` is given, and the recipe trains more than heads.
    """
    _check(films)
    if known is not None and any(stage.tail != 0 for stage in recipe.stages):
        raise ValueError("what the frozen part makes of films is known for heads alone")
    team = Team(device)
    autocast = bf16_pays(team.device) if bf16 is None else bf16
    # Only rank 0 reports: the others would write the same history again.
    return _Training(
        net,
        entry,
        films,
        recipe,
        team,
        monitor if team.leads else Monitor(),
        autocast,
        checkpoints,
        cache,
        known,
        clock,
    ).run()


def best_so_far(net: nn.Module, entry: Network, recipe: Recipe, checkpoints: Path) -> Fitted:
    """Return the best epoch of a stopped training, with its weights loaded into ``net``.

    Raises
    ------
    TrainingError
        If no epoch was complete yet, or the checkpoint is damaged.
    """
    stage, epoch = checkpoint.read(checkpoints) or ({}, None)
    state = epoch or stage
    if not state.get("best"):
        raise TrainingError(
            "This run was stopped before its first epoch was complete, so there is nothing to keep."
        )
    # The best epoch lies in an earlier stage, or in the present one, of which only the trained part is saved.
    weights = stage["best_weights"]
    if epoch is not None and epoch["best_part"] is not None:
        weights = stage["net"] | named(epoch["best_part"], entry, recipe.stages[stage["stage"]])
    net.load_state_dict(weights)
    history = [Epoch(**values) for values in state["history"]]
    return Fitted(net.eval(), history[state["best"] - 1], history, tuple(state["notes"]))


def _check(films: Films) -> None:
    for name, rows in (("training", films.train), ("validation", films.validation)):
        if len(np.unique(films.labels[rows])) < len(films.classes):
            raise TrainingError(
                f"The {name} films are not of all classes ({', '.join(films.classes)}), so the network "
                "can't be trained or its best epoch can't be chosen. Import a dataset that has all classes "
                "in every split."
            )


class _Training:
    """One training in one process: its stages, one after another."""

    def __init__(
        self,
        net: nn.Module,
        entry: Network,
        films: Films,
        recipe: Recipe,
        team: Team,
        monitor: Monitor,
        autocast: bool,
        checkpoints: Path | None,
        cache: Path | None,
        known: Tensor | None,
        clock: Clock | None,
    ) -> None:
        # A batch takes no more films than there are, so that every recipe trains on a small dataset.
        batch = min(recipe.batch_size, len(films.train))
        self.net, self.entry, self.films = net, entry, films
        self.recipe = recipe.model_copy(update={"batch_size": batch})
        self.team, self.monitor, self.autocast = team, monitor, autocast
        self.checkpoints, self.cache, self.known = checkpoints, cache, known
        self.state = TrainingState.start(self.recipe, team.device)
        if batch < recipe.batch_size:
            self.state.note_smaller_batch(recipe.batch_size, batch)
        self.work = Work(entry, len(films.train), len(films.validation), once=known is not None)
        self.reporter = Reporter(clock or Clock(self.work.stages(recipe)), monitor, team.device)

    def run(self) -> Fitted:
        """Train all stages, or those that a checkpoint leaves to do."""
        # Dropout must differ between the processes, and nothing else: film order and variations come from
        # ``state.random``, which is the same in all of them.
        torch.manual_seed(self.recipe.seed + self.team.rank)
        self.reporter.advance(0, 0)
        # Convolutions are faster if the channels of a pixel lie side by side.
        self.net.to(self.team.device).to(memory_format=torch.channels_last)
        self._set_dropout()
        self.bench = self._bench()
        stage_state, epoch_state = self._read_checkpoint()
        if stage_state is not None:
            self._return_to(stage_state, epoch_state)
        first = 0 if stage_state is None else stage_state["stage"]
        for number in range(first, len(self.recipe.stages)):
            resumed = number == first and stage_state is not None
            if not self._train(number, resumed=resumed, epoch_state=epoch_state if resumed else None):
                break
        return self._result()

    def _result(self) -> Fitted:
        state = self.state
        if state.best is None:
            raise TrainingError(
                "The loss stopped being a number in the first epoch, so nothing could be kept. Lower the "
                "learning rate and train again."
            )
        self.net.load_state_dict(state.best_weights)
        return Fitted(self.net.eval(), state.best, state.history, tuple(state.notes), state.speeds)

    # A stage

    def _train(self, number: int, *, resumed: bool, epoch_state: State | None) -> bool:
        """Train a stage, or the rest of it; return False if the loss stopped being a number."""
        stage = self.recipe.stages[number]
        if not resumed:
            self._write(checkpoint.STAGE, self._at_start_of(number))
        # A source caches what the frozen part makes of the films as the weights are now.
        source = self._source(stage)
        with ExitStack() as stack:
            if stage.tail == 0 and self.team.device.type == "cpu":
                # A step of a head takes less time than two threads need to meet, above all on a busy machine.
                stack.enter_context(threads(1))
            part = stack.enter_context(source.part())
            state = begin(number, stage, self.recipe, self.entry, source, part, films=len(self.films.train))
            if epoch_state is not None:
                self._go_on(state, epoch_state)
            net = stack.enter_context(self.team.training(part))
            if self.recipe.compile:
                net = cast(nn.Module, torch.compile(net))
            finite = self._epochs(state, net).train()
            # The next stage starts from the weights that were validated.
            if state.average is not None:
                part.load_state_dict(state.average.module.state_dict())
        # Only now, outside the block, does the network have its frozen stages back.
        if state.best_part is not None:
            self.state.best_weights = copied(self.net.state_dict()) | named(
                state.best_part, self.entry, stage
            )
        return finite

    def _epochs(self, state: StageState, net: nn.Module) -> StageEpochs:
        return StageEpochs(
            self.bench,
            state,
            self.state,
            self.reporter,
            self.monitor,
            self.work,
            lambda values: self._write(checkpoint.EPOCH, values),
            net,
        )

    def _source(self, stage: Stage) -> Source:
        """Return cached activations if the stage freezes a part and they fit in memory; else the films."""
        if stage.tail is None:
            return VariedFilms(self.bench, None)
        if self.known is not None:
            return CachedActivations(self.bench, 0, 1, 1)
        views = stage.views if self.bench.variation else 1  # without variation all views are the same
        if not room(cache_size(self.bench, stage.tail, views), torch.device("cpu")):
            self.state.notes.append(
                "The output of the frozen part for all films doesn't fit in memory, so it is computed again "
                f"in every epoch. Fewer views than {views} would help, or training fewer stages."
            )
            self.reporter.clock.total += stage.epochs * len(self.films.train)
            return VariedFilms(self.bench, stage.tail)
        self.reporter.begin("passing the films through the frozen part")

        def fill(batch: int) -> CachedActivations:
            return CachedActivations(self.bench, stage.tail or 0, views, batch)

        source, _ = in_smaller_pieces(fill, frozen_batch(self.entry, self.team.device))
        if source.computed:  # reading from the cache tells nothing about the network's speed
            self.state.speeds["forward"] = self.reporter.clock.speed
        return source

    # Checkpoints

    def _read_checkpoint(self) -> tuple[State | None, State | None]:
        """Return the state at the start of the stage to go on with, and after its last complete epoch."""
        states = checkpoint.read(self.checkpoints) if self.checkpoints else None
        # All processes must have read the files before rank 0 replaces them.
        self.team.wait()
        return states or (None, None)

    def _write(self, name: str, state: State) -> None:
        if self.checkpoints is not None and self.team.leads:
            checkpoint.write(self.checkpoints, name, state)

    def _at_start_of(self, stage: int) -> State:
        return self.state.to_checkpoint() | {
            "stage": stage,
            "key": self.films.key,
            "net": self.net.state_dict(),
            "best_weights": self.state.best_weights,
        }

    def _return_to(self, stage_state: State, epoch_state: State | None) -> None:
        """Go back to the start of the stage that was not finished."""
        # With other films, or another split, the best epoch so far would be measured on other films.
        if stage_state["key"] != self.films.key:
            raise TrainingError(
                "The dataset has changed since this run began, so it can't go on. Start it again on the "
                "films as they are now."
            )
        self.net.load_state_dict(stage_state["net"])
        self.state.best_weights = stage_state["best_weights"]
        self.state.restore(stage_state)
        finished = self.recipe.stages[: stage_state["stage"]]
        self.reporter.clock.skip(sum(self.work.stage(stage) for stage in finished))
        self.monitor.on_return([Epoch(**epoch) for epoch in (epoch_state or stage_state)["history"]])

    def _go_on(self, state: StageState, epoch_state: State) -> None:
        """Go on with a stage after its last complete epoch."""
        state.restore(epoch_state)
        # After the source was built: its cache draws the same random numbers as it did at first.
        self.state.restore(epoch_state)
        self.reporter.clock.skip(self.work.epoch(state.stage) * state.epoch)

    # Preparation

    def _bench(self) -> Bench:
        return Bench(
            self.net,
            self.entry,
            self.films,
            self.recipe,
            self.team,
            self.state.random,
            self.autocast,
            self.reporter.advance,
            self._store(),
            ActivationCache(self.cache) if self.cache else None,
            self.known,
        )

    def _store(self) -> Tensor | None:
        """Return all pixels in the GPU's memory; None on a processor, or if they don't fit."""
        device, pixels = self.team.device, self.films.pixels
        if device.type == "cpu" or not room(pixels.nbytes, device):
            return None
        # A small network would otherwise wait for each batch to come from the memory map.
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)

    def _set_dropout(self) -> None:
        if self.recipe.dropout is not None:
            for module in self.net.modules():
                if isinstance(module, nn.Dropout):
                    module.p = self.recipe.dropout
