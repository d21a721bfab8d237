"""
The loop: recipe and films to a fitted network.

- each stage of a recipe trains a part of the network; what is frozen below it is run once and cached
- the network runs in bf16 where the device has it; what is scored afterwards always runs in fp32
- the epoch with the best validation AUC is kept, across all stages
- with a folder for checkpoints a training that was stopped goes on as if it had never been
"""

import math
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from xraylab.errors import TrainingError
from xraylab.networks.registry import Network
from xraylab.training import checkpoint
from xraylab.training.batches import Bench, CachedActivations, Source, VariedFilms, cache_size, frozen_batch
from xraylab.training.cache import ActivationCache
from xraylab.training.clock import Clock
from xraylab.training.contract import Epoch, Films, Fitted, Monitor, Progress
from xraylab.training.device import bf16_pays
from xraylab.training.measures import measure
from xraylab.training.memory import in_smaller_pieces, room, taken
from xraylab.training.optimise import class_weights, film_order
from xraylab.training.recipe import Recipe, Stage
from xraylab.training.stage import StageState, State, begin, copied, named
from xraylab.training.team import Team

__all__ = ["Epoch", "Films", "Fitted", "Monitor", "Progress", "best_so_far", "fit"]

_BACKWARD = 2  # a backward pass costs about two forward passes
_MEMORY = "The memory ran out"
_LOOK = 16  # batches between two looks at whether the loss is still a number: each look waits for the device


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
) -> Fitted:
    """Train a network.

    Parameters
    ----------
    net : nn.Module
        With its first weights; trained in place.
    films : Films
        Both splits need films of all classes for an AUC to choose by.
    recipe : Recipe
        As returned by ``recipe.plan``.
    bf16 : bool, optional
        Whether the network trains in bf16; by default where the device multiplies it in hardware.
    checkpoints : Path, optional
        A folder that is written to after every epoch; the training goes on from what is there.
    cache : Path, optional
        A folder for what a frozen part makes of films, which trainings share; see ``training.cache``.

    Returns
    -------
    Fitted
        The network with the weights of its best epoch by validation AUC (the earliest of equals).

    Raises
    ------
    TrainingError
        If a split lacks a class, the batch is larger than the training set, the checkpoint belongs to other
        films, or the loss stopped being a number before any epoch could be kept.
    """
    _check(films, recipe)
    team = Team(device)
    autocast = bf16_pays(team.device) if bf16 is None else bf16
    told = monitor if team.leads else Monitor()
    return _Training(net, entry, films, recipe, team, told, autocast, checkpoints, cache).run()


def best_so_far(net: nn.Module, entry: Network, recipe: Recipe, checkpoints: Path) -> Fitted:
    """The best epoch of a training that was stopped, its weights loaded into ``net``.

    Raises
    ------
    TrainingError
        If no epoch was complete yet, or the checkpoint is damaged.
    """
    found = checkpoint.read(checkpoints)
    stage, epoch = found or ({}, None)
    state = epoch or stage
    if not state.get("best"):
        raise TrainingError(
            "This run was stopped before its first epoch was complete, so there is nothing to keep."
        )
    weights = stage["best_weights"]
    if epoch is not None and epoch["best_part"] is not None:
        weights = stage["net"] | named(epoch["best_part"], entry, recipe.stages[stage["stage"]])
    net.load_state_dict(weights)
    history = [Epoch(**one) for one in state["history"]]
    return Fitted(net.eval(), history[state["best"] - 1], history, tuple(state["notes"]))


def _check(films: Films, recipe: Recipe) -> None:
    for name, rows in (("training", films.train), ("validation", films.validation)):
        if len(np.unique(films.labels[rows])) < len(recipe.classes):
            raise TrainingError(
                f"The {name} films are not of all kinds ({', '.join(recipe.classes)}), so there is nothing "
                "to learn or to choose by. Import a dataset that has them in every split."
            )
    if recipe.batch_size > len(films.train):
        raise TrainingError(
            f"The recipe's batches of {recipe.batch_size} films are larger than the training set of "
            f"{len(films.train)}. Lower batch_size."
        )


@dataclass
class _Training:
    net: nn.Module
    entry: Network
    films: Films
    recipe: Recipe
    team: Team
    monitor: Monitor
    autocast: bool
    checkpoints: Path | None
    cache: Path | None
    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    speeds: dict[str, float] = field(default_factory=dict)
    doing: str = "starting"

    def run(self) -> Fitted:
        seed = self.recipe.seed
        torch.manual_seed(seed + self.team.rank)  # dropout differs between the processes; nothing else may
        self.random = torch.Generator().manual_seed(seed)
        self.piece = self.recipe.batch_size
        self.clock = Clock(sum(self._work(stage) for stage in self.recipe.stages))
        self._advance(0, 0)
        self.net.to(self.team.device).to(memory_format=torch.channels_last)
        self._set_dropout()
        self.bench = Bench(
            self.net,
            self.entry,
            self.films,
            self.recipe,
            self.team,
            self.random,
            self.autocast,
            self._advance,
            self._store(),
            ActivationCache(self.cache) if self.cache else None,
        )
        begun, done = (checkpoint.read(self.checkpoints) if self.checkpoints else None) or (None, None)
        self.team.wait()  # the first process writes there next
        if begun is not None:
            self._return_to(begun, done)
        first = 0 if begun is None else begun["stage"]
        for number in range(first, len(self.recipe.stages)):
            here = number == first
            if not self._train(number, resumed=here and begun is not None, done=done if here else None):
                break
        return self._result()

    def _result(self) -> Fitted:
        if self.best is None:
            raise TrainingError(
                "The loss stopped being a number in the first epoch, so nothing could be kept. Lower the "
                "learning rate and train again."
            )
        self.net.load_state_dict(self.best_weights)
        return Fitted(self.net.eval(), self.best, self.history, tuple(self.notes), self.speeds)

    # A stage

    def _train(self, number: int, *, resumed: bool, done: State | None) -> bool:
        """Train a stage, or the rest of it; false when the loss stopped being a number."""
        stage = self.recipe.stages[number]
        if not resumed:
            self._write(checkpoint.STAGE, self._at_start_of(number))
        source = self._source(stage)
        with ExitStack() as stack:
            part = stack.enter_context(source.part())
            state = begin(number, stage, self.recipe, self.entry, source, part, films=len(self.films.train))
            if done is not None:
                self._go_on(state, done)
            run = stack.enter_context(self.team.training(part))
            if self.recipe.compile:
                run = cast(nn.Module, torch.compile(run))
            finite = self._epochs(state, run)
            if state.average is not None:
                part.load_state_dict(state.average.module.state_dict())
        if state.best_part is not None:
            self.best_weights = copied(self.net.state_dict()) | named(state.best_part, self.entry, stage)
        return finite

    def _source(self, stage: Stage) -> Source:
        """Cached activations where the stage freezes something and they find room; else the films."""
        if stage.tail is None:
            return VariedFilms(self.bench, None)
        views = stage.views if self.bench.variation else 1
        if not room(cache_size(self.bench, stage.tail, views), torch.device("cpu")):
            self.notes.append(
                "What the frozen part makes of the films finds no room in memory, so it is run anew in every "
                f"epoch. Fewer views than {views} would help, or training fewer stages."
            )
            self.clock.total += stage.epochs * len(self.films.train)
            return VariedFilms(self.bench, stage.tail)
        self.doing = "passing the films through the frozen part"
        self.clock.phase()

        def fill(batch: int) -> CachedActivations:
            return CachedActivations(self.bench, stage.tail or 0, views, batch)

        source, _ = in_smaller_pieces(fill, frozen_batch(self.entry, self.team.device))
        if source.computed:
            self.speeds["forward"] = self.clock.speed
        return source

    def _epochs(self, state: StageState, run: nn.Module) -> bool:
        """Train a stage's epochs; false when the loss stopped being a number."""
        targets = torch.from_numpy(self.films.labels[self.films.train])
        weight = class_weights(targets, len(self.recipe.classes), self.recipe).to(self.team.device)
        while state.epoch < state.recipe.epochs:
            if self.recipe.patience is not None and state.since >= self.recipe.patience:
                self.notes.append(
                    f"Stopped early after epoch {len(self.history)}: validation AUC had not improved for "
                    f"{state.since} epochs."
                )
                break
            self.doing = f"{state.words}, epoch {state.epoch + 1} of {state.recipe.epochs}"
            self.clock.phase()
            started = time.monotonic()
            order = film_order(targets, self.recipe, self.random)
            seen = self._pass(state, run, order, targets, weight)
            if seen is None:
                self._note_no_number()
                return False
            if state.recipe.tail is None:
                self.speeds["train"] = self.clock.speed
            state.kept.eval()
            rows = self.films.validation
            validation = state.source.validate(state.kept), torch.from_numpy(self.films.labels[rows])
            self._close_epoch(state, seen, validation, weight.cpu(), time.monotonic() - started)
        return True

    def _pass(
        self, state: StageState, run: nn.Module, order: Tensor, targets: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """Train on every film of an epoch once; return outputs and targets, None without a finite loss."""
        state.source.wake(state.part)
        outputs: list[Tensor] = []
        shares: list[Tensor] = []
        broken = torch.zeros((), dtype=torch.bool, device=self.team.device)
        batches = [
            batch for batch in torch.split(order, self.recipe.batch_size) if len(batch) >= self.team.size
        ]
        for number, batch in enumerate(batches, 1):
            total = weight[targets[batch].to(self.team.device)].sum()
            shares.append(self.team.share(targets[batch]))
            outputs.append(self._step(state, run, batch, shares[-1].to(self.team.device), weight, total))
            broken |= ~outputs[-1].isfinite().all()
            if (number % _LOOK == 0 or number == len(batches)) and self.team.any(broken):
                return None
            self._advance(len(batch), self._step_work(state.recipe))
        return self.team.together(torch.cat(outputs)), self.team.together(torch.cat(shares))

    def _step(
        self, state: StageState, run: nn.Module, batch: Tensor, targets: Tensor, weight: Tensor, total: Tensor
    ) -> Tensor:
        """One step of the optimiser; outputs of this process's share, without gradients."""
        inputs = state.source.inputs(batch)

        def in_pieces(size: int) -> Tensor:
            state.optimiser.zero_grad(set_to_none=True)
            pieces = list(zip(torch.split(inputs, size), torch.split(targets, size), strict=True))
            done = []
            for number, (some, wanted) in enumerate(pieces, 1):
                output = state.source.forward(run, some)
                loss = functional.cross_entropy(
                    output, wanted, weight, reduction="sum", label_smoothing=self.recipe.label_smoothing
                )
                self.team.backward(loss * self.team.size / total, run, last=number == len(pieces))
                done.append(output.detach())
            return torch.cat(done)

        size = min(self.piece, len(inputs))
        outputs, fitted = in_smaller_pieces(in_pieces, size)
        if fitted < size:
            self._note_memory(fitted)
        state.optimiser.step()
        state.schedule.step()
        if state.average is not None:
            state.average.update_parameters(state.part)
        return outputs

    def _close_epoch(
        self,
        state: StageState,
        train: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
        weight: Tensor,
        seconds: float,
    ) -> None:
        """Record an epoch, and keep its weights if the recipe keeps the last, or none was better.

        Better is a higher validation AUC; NaN never is.
        """
        measured = {
            f"{split}_{name}": value
            for split, seen in (("train", train), ("validation", validation))
            for name, value in measure(*seen, weight).items()
        }
        epoch = Epoch(
            epoch=len(self.history) + 1,
            stage=state.recipe.trains,
            **measured,
            learning_rate=float(state.schedule.get_last_lr()[0]),
            seconds=seconds,
        )
        self.history.append(epoch)
        state.epoch += 1
        better = epoch.validation_auc > state.best
        state.since = 0 if better else state.since + 1
        state.best = epoch.validation_auc if better else state.best
        highest = self.best.validation_auc if self.best else -math.inf
        if self.recipe.keep == "last" or epoch.validation_auc > highest:
            self.best = epoch
            state.best_part = copied(state.kept.state_dict())
        self._write(checkpoint.EPOCH, state.state() | self._so_far())
        self.monitor.on_epoch(epoch)
        self._advance(0, 0)

    # Checkpoints

    def _write(self, name: str, state: State) -> None:
        if self.checkpoints is not None and self.team.leads:
            checkpoint.write(self.checkpoints, name, state)

    def _at_start_of(self, stage: int) -> State:
        return self._so_far() | {
            "stage": stage,
            "key": self.films.key,
            "net": self.net.state_dict(),
            "best_weights": self.best_weights,
        }

    def _so_far(self) -> State:
        return {
            "history": [asdict(epoch) for epoch in self.history],
            "best": self.best.epoch if self.best else 0,
            "notes": list(self.notes),
            "piece": self.piece,
            "draws": self.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.team.device) if self.team.device.type == "cuda" else None,
        }

    def _remember(self, state: State) -> None:
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.best = self.history[state["best"] - 1] if state["best"] else None
        self.notes, self.piece = list(state["notes"]), state["piece"]
        self.random.set_state(state["draws"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None and self.team.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.team.device)

    def _return_to(self, begun: State, done: State | None) -> None:
        """Go back to where the stage began that was not finished."""
        if begun["key"] != self.films.key:
            raise TrainingError(
                "The dataset has changed since this run began, so it can't go on. Start it again on the "
                "films as they are now."
            )
        self.net.load_state_dict(begun["net"])
        self.best_weights = begun["best_weights"]
        self._remember(begun)
        self.clock.skip(sum(self._work(stage) for stage in self.recipe.stages[: begun["stage"]]))
        self.monitor.on_return([Epoch(**epoch) for epoch in (done or begun)["history"]])

    def _go_on(self, state: StageState, done: State) -> None:
        """Take up a stage after its last complete epoch."""
        state.restore(done)
        self._remember(done)
        self.clock.skip(self._epoch_work(state.recipe) * state.epoch)

    # Parts

    def _store(self) -> Tensor | None:
        device, pixels = self.team.device, self.films.pixels
        if device.type == "cpu" or not room(pixels.nbytes, device):
            return None
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)

    def _set_dropout(self) -> None:
        if self.recipe.dropout is not None:
            for module in self.net.modules():
                if isinstance(module, nn.Dropout):
                    module.p = self.recipe.dropout

    def _note_no_number(self) -> None:
        kept = (
            f"the network as it was after epoch {self.best.epoch} was kept"
            if self.best
            else "nothing was kept"
        )
        self.notes.append(
            f"The loss stopped being a number in epoch {len(self.history) + 1}, so the training ended there "
            f"and {kept}. A lower learning rate would help."
        )

    def _note_memory(self, piece: int) -> None:
        self.piece = piece
        self.notes = [note for note in self.notes if not note.startswith(_MEMORY)]
        self.notes.append(
            f"{_MEMORY} with batches of {self.recipe.batch_size} films: they pass in pieces of {piece} and "
            "their gradients are added up."
        )

    def _work(self, stage: Stage) -> float:
        """How much a stage has to do, in forward passes of one film."""
        frozen = 0 if stage.tail is None else stage.views * len(self.films.train) + len(self.films.validation)
        return frozen + stage.epochs * self._epoch_work(stage)

    def _epoch_work(self, stage: Stage) -> float:
        checked = len(self.films.validation) if stage.tail is None else 0
        return self._step_work(stage) * len(self.films.train) + checked

    def _step_work(self, stage: Stage) -> float:
        share = 1.0 if stage.tail is None else stage.tail / len(self.entry.stages)
        return (1 + _BACKWARD) * share

    def _advance(self, films: int, passes: float) -> None:
        """Tell the monitor; it may raise to stop the training."""
        self.clock.films += films
        self.clock.done += films * passes
        self.monitor.on_progress(
            Progress(
                doing=self.doing,
                fraction=self.clock.fraction,
                films_per_second=self.clock.speed,
                seconds_left=self.clock.seconds_left,
                device=str(self.team.device),
                memory=taken(self.team.device),
            )
        )
