"""
The epochs of one stage: train on every film, validate, keep the best weights, write a checkpoint.

With several processes each takes its share of a batch. Whatever decides about the training, such as a loss
that is no number, must be decided alike in all of them, or they would wait for each other for ever.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from xraylab.training.batches import Bench
from xraylab.training.checkpoint import State
from xraylab.training.contract import Epoch, Monitor
from xraylab.training.measures import measure
from xraylab.training.memory import in_smaller_pieces
from xraylab.training.optimise import class_weights, film_order
from xraylab.training.progress import Reporter
from xraylab.training.stage import StageState, copied
from xraylab.training.state import TrainingState
from xraylab.training.work import Work

_CHECK_EVERY = 16  # batches between two checks that the loss is a number: each check waits for the GPU


@dataclass
class StageEpochs:
    """Everything that the epochs of one stage need."""

    bench: Bench
    stage: StageState
    training: TrainingState
    reporter: Reporter
    monitor: Monitor
    work: Work
    save: Callable[[State], None]  # writes the checkpoint of an epoch
    net: nn.Module  # the trained part, wrapped for several processes and compiled if the recipe asks for it

    def __post_init__(self) -> None:
        films, recipe = self.bench.films, self.bench.recipe
        self.targets = torch.from_numpy(films.labels[films.train])  # (n,)
        self.weight = class_weights(self.targets, len(films.classes), recipe).to(self.bench.device)

    def train(self) -> bool:
        """Train the remaining epochs of the stage; return False if the loss stopped being a number."""
        stage, recipe = self.stage, self.bench.recipe
        while stage.epoch < stage.stage.epochs:
            if recipe.patience is not None and stage.since >= recipe.patience:
                self.training.note_early_end(stage.since)
                break
            if not self._train_epoch():
                self.training.note_no_number()
                return False
        return True

    def _train_epoch(self) -> bool:
        """Train, validate and record one epoch; return False if the loss stopped being a number."""
        stage, films = self.stage, self.bench.films
        self.reporter.begin(f"{stage.words}, epoch {stage.epoch + 1} of {stage.stage.epochs}")
        started = time.monotonic()
        seen = self._pass(film_order(self.targets, self.bench.recipe, self.bench.random))
        if seen is None:
            return False
        # Only epochs of the whole network tell its speed: the others run a small part of it.
        if stage.stage.tail is None:
            self.training.speeds["train"] = self.reporter.clock.speed
        stage.kept.eval()
        validation = stage.source.validate(stage.kept), torch.from_numpy(films.labels[films.validation])
        self._close_epoch(seen, validation, time.monotonic() - started)
        return True

    def _pass(self, order: Tensor) -> tuple[Tensor, Tensor] | None:
        """Train on the films of an epoch.

        Returns
        -------
        outputs : float tensor of shape (n, classes)
        targets : int64 tensor of shape (n,)
            None instead of both if an output is NaN or infinite.
        """
        team, recipe = self.bench.team, self.bench.recipe
        self.stage.source.wake(self.stage.part)
        outputs: list[Tensor] = []
        shares: list[Tensor] = []
        # Collected on the device, because reading it after every batch would make the GPU wait.
        broken = torch.zeros((), dtype=torch.bool, device=self.bench.device)
        # A process without a film would have no gradients to share.
        batches = [batch for batch in torch.split(order, recipe.batch_size) if len(batch) >= team.size]
        for number, batch in enumerate(batches, 1):
            # The weights of the whole batch, so that every film counts the same in whichever process it is.
            total = self.weight[self.targets[batch].to(self.bench.device)].sum()
            shares.append(team.share(self.targets[batch]))
            outputs.append(self._step(batch, shares[-1].to(self.bench.device), total))
            broken |= ~outputs[-1].isfinite().all()
            if (number % _CHECK_EVERY == 0 or number == len(batches)) and team.any(broken):
                return None
            self.reporter.advance(len(batch), self.work.step(self.stage.stage))
        return team.gather(torch.cat(outputs)), team.gather(torch.cat(shares))

    def _step(self, batch: Tensor, targets: Tensor, total: Tensor) -> Tensor:
        """Take one step of the optimiser; return the outputs of this process's share, without gradients."""
        stage, recipe, team = self.stage, self.bench.recipe, self.bench.team
        inputs = stage.source.inputs(batch)

        def in_pieces(size: int) -> Tensor:
            # Gradients that were added before the memory ran out belong to a step that is taken again.
            stage.optimiser.zero_grad(set_to_none=True)
            pieces = list(zip(torch.split(inputs, size), torch.split(targets, size), strict=True))
            outputs = []
            for number, (piece, classes) in enumerate(pieces, 1):
                output = stage.source.forward(self.net, piece)
                loss = functional.cross_entropy(
                    output, classes, self.weight, reduction="sum", label_smoothing=recipe.label_smoothing
                )
                # Sums over pieces and processes, divided by the total, are the mean over the batch. The
                # processes average their gradients, hence the factor.
                team.backward(loss * team.size / total, self.net, last=number == len(pieces))
                outputs.append(output.detach())
            return torch.cat(outputs)

        size = min(self.training.piece, len(inputs))
        outputs, fitting = in_smaller_pieces(in_pieces, size)
        if fitting < size:
            self.training.shrink_pieces(fitting, recipe)
        stage.optimiser.step()
        stage.schedule.step()
        if stage.average is not None:
            stage.average.update_parameters(stage.part)
        return outputs

    def _close_epoch(
        self, train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], seconds: float
    ) -> None:
        """Record an epoch, and keep its weights if they are to be kept."""
        training, stage = self.training, self.stage
        epoch = Epoch(
            epoch=len(training.history) + 1,
            stage=stage.stage.trains,
            **self._measured("train", train),
            **self._measured("validation", validation),
            learning_rate=float(stage.schedule.get_last_lr()[0]),
            seconds=seconds,
        )
        training.history.append(epoch)
        stage.count(epoch.validation_auc)
        highest = training.best.validation_auc if training.best else -math.inf
        # NaN is never greater, so an epoch without an AUC is never the best. The earliest of equals stays.
        if self.bench.recipe.keep == "last" or epoch.validation_auc > highest:
            training.best = epoch
            stage.best_part = copied(stage.kept.state_dict())
        # The checkpoint comes first: a run whose history has this epoch can go on after it.
        self.save(stage.to_checkpoint() | training.to_checkpoint())
        self.monitor.on_epoch(epoch)
        self.reporter.advance(0, 0)

    def _measured(self, split: str, seen: tuple[Tensor, Tensor]) -> dict[str, float]:
        """Return the measures of one split under the names that ``Epoch`` has for them."""
        return {f"{split}_{name}": value for name, value in measure(*seen, self.weight.cpu()).items()}
