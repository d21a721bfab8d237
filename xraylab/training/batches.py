"""
Where the batches of a stage come from.

- ``VariedFilms``: the films themselves, varied anew each time they come up
- ``CachedActivations``: what the frozen part made of each film, computed once
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.networks.inference import BATCH, outputs
from xraylab.networks.inputs import normalise, to_grey
from xraylab.networks.registry import Network
from xraylab.training.augment import Variation, apply, draw
from xraylab.training.cache import ActivationCache, cache_key
from xraylab.training.contract import Films
from xraylab.training.frozen import activations, trained_part
from xraylab.training.memory import room
from xraylab.training.recipe import Recipe
from xraylab.training.team import Team

_FROZEN_BATCH = 64  # films that pass the frozen part at once
_SECOND = 60.0  # GFLOP that a plain processor does in less than a second: a training must stop within two
_VALIDATION_BATCH = 256  # of cached activations

Advance = Callable[[int, float], None]  # films done, and how many forward passes each was worth


@dataclass(frozen=True, eq=False)
class Bench:
    """What every source works with."""

    net: nn.Module
    entry: Network
    films: Films
    recipe: Recipe
    team: Team
    random: torch.Generator
    autocast: bool
    advance: Advance
    store: Tensor | None  # the pixel store in a GPU's memory, where it fits
    cache: ActivationCache | None = None  # what a frozen part made of films before

    @cached_property
    def variation(self) -> Variation:
        """How films are varied."""
        return Variation.of(self.recipe)

    @property
    def device(self) -> torch.device:
        """Where it trains."""
        return self.team.device

    def varied(self, rows: NDArray[np.intp], *, vary: bool) -> Tensor:
        """Our share of films as a network's input; the draws are made for all of them."""
        if self.store is None:
            pixels = torch.from_numpy(self.films.pixels[rows]).to(self.device)
        else:
            pixels = self.store[torch.from_numpy(rows).to(self.device)]
        grey = self.team.share(to_grey(pixels, self.entry))
        if vary and self.variation:
            draws = draw(len(rows), self.variation, self.random)
            grey = apply(grey, draws[self.team.rank :: self.team.size])
        return normalise(grey, self.entry)

    def low_precision(self, *, frozen: bool = False) -> torch.autocast:
        """bf16 where it pays; for a frozen part only where it leaves the features good enough to learn on."""
        enabled = self.autocast and (self.entry.frozen_bf16 or not frozen)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)


class Source(Protocol):
    """What a stage trains on."""

    def part(self) -> AbstractContextManager[nn.Module]:
        """The trained part, for as long as the block lasts."""

    def wake(self, part: nn.Module) -> None:
        """Put what is trained into training mode; batch norms of what is frozen stay in eval."""

    def inputs(self, batch: Tensor) -> Tensor:
        """What this process's share of a batch (positions among the training films) is fed with."""

    def forward(self, run: nn.Module, inputs: Tensor) -> Tensor:
        """Outputs (b, classes), float32, with gradients."""

    def validate(self, part: nn.Module) -> Tensor:
        """Outputs of all validation films (n, classes), on the processor, in every process."""


class VariedFilms:
    """Films varied on the device, each with its own draw.

    Parameters
    ----------
    tail : int, optional
        How many stages are trained beside the head; None trains all of them.
    """

    def __init__(self, bench: Bench, tail: int | None) -> None:
        self._bench = bench
        stages = bench.entry.stages
        trained = stages if tail is None else stages[len(stages) - tail :]
        self._frozen = [name for stage in stages[: len(stages) - len(trained)] for name in stage]

    @contextmanager
    def part(self) -> Iterator[nn.Module]:  # noqa: D102
        frozen = [self._bench.net.get_submodule(name) for name in self._frozen]
        for module in frozen:
            module.requires_grad_(requires_grad=False)
        try:
            yield self._bench.net
        finally:
            for module in frozen:
                module.requires_grad_(requires_grad=True)

    def wake(self, part: nn.Module) -> None:  # noqa: D102
        part.train()
        for name in self._frozen:
            part.get_submodule(name).eval()

    def inputs(self, batch: Tensor) -> Tensor:  # noqa: D102
        return self._bench.varied(self._bench.films.train[batch.numpy()], vary=True)

    def forward(self, run: nn.Module, inputs: Tensor) -> Tensor:  # noqa: D102
        with self._bench.low_precision():
            output: Tensor = run(inputs)
        return output.float()

    def validate(self, part: nn.Module) -> Tensor:  # noqa: D102
        bench = self._bench
        rows = bench.team.share(bench.films.validation)
        batches = (bench.films.pixels[rows[start : start + BATCH]] for start in range(0, len(rows), BATCH))
        collected = []
        for output in outputs(part, bench.entry, batches, device=bench.device):
            collected.append(output)
            bench.advance(len(output) * bench.team.size, 1)
        return bench.team.whole(torch.cat(collected))


class CachedActivations:
    """What the frozen part makes of each film and view; the first view is the film as it is."""

    def __init__(self, bench: Bench, tail: int, views: int, batch: int) -> None:
        self._bench, self._tail = bench, tail
        films = bench.films
        bench.net.eval()
        self.computed = False  # whether the films went through the frozen part, or were found in the cache
        self._train = torch.stack([self._activations(films.train, view, batch) for view in range(views)])
        self._validation = self._activations(films.validation, 0, batch)

    def _activations(self, rows: NDArray[np.intp], view: int, batch: int) -> Tensor:
        """What the frozen part makes of films, from the cache if it has them."""
        bench = self._bench
        if view or bench.cache is None or not bench.films.key or bench.team.size > 1:
            return self._frozen(rows, view, batch)
        key = cache_key(
            bench.net,
            bench.entry,
            self._tail,
            films=bench.films.key,
            rows=rows,
            batch=batch,
            device=bench.device,
            autocast=bench.autocast and bench.entry.frozen_bf16,
        )
        found = bench.cache.read(key)
        if found is None:
            found = self._frozen(rows, view, batch)
            bench.cache.write(key, found)
            return found
        bench.advance(len(rows), 1)
        return found.to(bench.device) if room(found.nbytes, bench.device) else found

    @torch.no_grad()
    def _frozen(self, rows: NDArray[np.intp], view: int, batch: int) -> Tensor:
        bench, parts = self._bench, []
        self.computed = True
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            x = bench.varied(some, vary=view > 0)
            with bench.low_precision(frozen=True):
                made = activations(bench.net, bench.entry, self._tail, x)
            parts.append(bench.team.whole(made))
            bench.advance(len(some), 1)
        whole = torch.cat(parts)
        return whole.to(bench.device) if room(whole.nbytes, bench.device) else whole

    def part(self) -> AbstractContextManager[nn.Module]:  # noqa: D102
        return trained_part(self._bench.net, self._bench.entry, self._tail)

    def wake(self, part: nn.Module) -> None:  # noqa: D102
        part.train()

    def inputs(self, batch: Tensor) -> Tensor:  # noqa: D102
        bench, views = self._bench, len(self._train)
        view = torch.zeros_like(batch)
        if views > 1:
            view = torch.randint(views, (len(batch),), generator=bench.random)
        view, batch = (bench.team.share(index).to(self._train.device) for index in (view, batch))
        return self._train[view, batch].to(bench.device)

    def forward(self, run: nn.Module, inputs: Tensor) -> Tensor:  # noqa: D102
        if self._tail == 0:  # a linear layer: bf16 would only blur it
            output: Tensor = run(inputs.float())
            return output
        with self._bench.low_precision():
            output = run(inputs)
        return output.float()

    @torch.no_grad()
    def validate(self, part: nn.Module) -> Tensor:  # noqa: D102
        pieces = torch.split(self._validation, _VALIDATION_BATCH)
        return torch.cat([self.forward(part, piece.to(self._bench.device)).cpu() for piece in pieces])


def cache_size(bench: Bench, tail: int, views: int) -> int:
    """Bytes that ``CachedActivations`` would take."""
    bench.net.eval()
    x = bench.varied(bench.films.train[:1], vary=False)
    with torch.no_grad(), bench.low_precision(frozen=True):
        one = activations(bench.net, bench.entry, tail, x).nbytes
    return int(one * (views * len(bench.films.train) + len(bench.films.validation)))


def frozen_batch(entry: Network, device: torch.device) -> int:
    """How many films pass the frozen part at once: few enough that cancelling is felt soon."""
    if device.type != "cpu":
        return _FROZEN_BATCH
    return max(1, min(_FROZEN_BATCH, int(_SECOND / entry.gflop)))
