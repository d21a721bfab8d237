"""
Sources of the batches of a stage.

- ``VariedFilms``: the films themselves, varied anew in every epoch
- ``CachedActivations``: the output of the frozen part for each film, computed once
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

from xraylab.networks.inference import outputs
from xraylab.networks.inputs import normalise, to_grey
from xraylab.networks.passes import activations, batch_on
from xraylab.networks.registry import Network
from xraylab.training.augment import Variation, apply, draw
from xraylab.training.cache import ActivationCache, cache_key
from xraylab.training.contract import Films
from xraylab.training.frozen import trained_part
from xraylab.training.memory import room
from xraylab.training.recipe import Recipe
from xraylab.training.team import Team

_FROZEN_BATCH = 64  # films that pass the frozen part at once on a GPU
_ON_PROCESSOR = 16  # and on a processor, whose caches hold little more
_SECOND = 60.0  # GFLOP that a slow processor does within a second; a cancelled training must stop within two
_VALIDATION_BATCH = 256  # of cached activations

Advance = Callable[[int, float], None]  # films done, and the forward passes that each was worth


@dataclass(frozen=True, eq=False)
class Bench:
    """Everything that a source of batches works with."""

    net: nn.Module
    entry: Network
    films: Films
    recipe: Recipe
    team: Team
    random: torch.Generator
    autocast: bool
    advance: Advance
    store: Tensor | None  # all pixels in the GPU's memory, if they fit
    cache: ActivationCache | None = None  # activations from earlier trainings
    known: Tensor | None = None  # (n, ...): the input of the head for each film, if the caller has it

    @cached_property
    def variation(self) -> Variation:
        """Variation of the films."""
        return Variation.of(self.recipe)

    @property
    def device(self) -> torch.device:
        """Device of the training."""
        return self.team.device

    def varied(self, rows: NDArray[np.intp], *, vary: bool) -> Tensor:
        """Return this process's share of films as input of the network, (b, 3, side, side)."""
        if self.store is None:
            pixels = torch.from_numpy(self.films.pixels[rows]).to(self.device)
        else:
            pixels = self.store[torch.from_numpy(rows).to(self.device)]
        grey = self.team.share(to_grey(pixels, self.entry))
        if vary and self.variation:
            # Drawn for the whole batch, so that a film is varied alike however many processes there are.
            draws = draw(len(rows), self.variation, self.random)
            grey = apply(grey, draws[self.team.rank :: self.team.size])
        return normalise(grey, self.entry)

    def low_precision(self, *, frozen: bool = False) -> torch.autocast:
        """Return the context in which the network runs in bf16, if it does."""
        # Trained weights adapt to bf16. Frozen ones can't, and in some networks bf16 blurs the features.
        enabled = self.autocast and (self.entry.frozen_bf16 or not frozen)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)


class Source(Protocol):
    """Source of the batches of a stage."""

    def part(self) -> AbstractContextManager[nn.Module]:
        """Return a context that yields the trained part of the network."""

    def wake(self, part: nn.Module) -> None:
        """Put the trained part into training mode; the batch norms of the frozen part stay in eval mode."""

    def inputs(self, batch: Tensor) -> Tensor:
        """Return the input of this process's share of a batch (positions among the training films)."""

    def forward(self, net: nn.Module, inputs: Tensor) -> Tensor:
        """Return outputs with gradients, (b, classes), float32."""

    def validate(self, part: nn.Module) -> Tensor:
        """Return the outputs of all validation films, (n, classes), on the processor, in every process."""


class VariedFilms:
    """Films, varied on the device, each with its own draw.

    Parameters
    ----------
    tail : int, optional
        Number of stages that are trained together with the head; None trains the whole network.
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
        # In training mode a frozen batch norm would still update its running mean and variance.
        for name in self._frozen:
            part.get_submodule(name).eval()

    def inputs(self, batch: Tensor) -> Tensor:  # noqa: D102
        return self._bench.varied(self._bench.films.train[batch.numpy()], vary=True)

    def forward(self, net: nn.Module, inputs: Tensor) -> Tensor:  # noqa: D102
        with self._bench.low_precision():
            output: Tensor = net(inputs)
        return output.float()  # the loss of a bf16 output would lose small differences

    def validate(self, part: nn.Module) -> Tensor:  # noqa: D102
        bench = self._bench
        # The scorer of finished models, in fp32: the best epoch is chosen by the scores that it will give.
        rows = bench.team.share(bench.films.validation)
        size = batch_on(bench.device)
        batches = (bench.films.pixels[rows[start : start + size]] for start in range(0, len(rows), size))
        collected = []
        for output in outputs(part, bench.entry, batches, device=bench.device):
            collected.append(output)
            bench.advance(len(output) * bench.team.size, 1)
        return bench.team.gather_batch(torch.cat(collected))


class CachedActivations:
    """Output of the frozen part for each film and view; the first view is the unvaried film.

    Parameters
    ----------
    tail : int
        Number of stages that are trained together with the head.
    views : int
        Number of views per training film.
    batch : int
        Films that pass the frozen part at once.
    """

    def __init__(self, bench: Bench, tail: int, views: int, batch: int) -> None:
        self._bench, self._tail = bench, tail
        films = bench.films
        bench.net.eval()
        self.computed = False  # True if films went through the frozen part, False if all were in the cache
        self._train = torch.stack([self._activations(films.train, view, batch) for view in range(views)])
        self._validation = self._activations(films.validation, 0, batch)

    def _activations(self, rows: NDArray[np.intp], view: int, batch: int) -> Tensor:
        """Return the output of the frozen part, from the cache on disk if it is there."""
        bench = self._bench
        if bench.known is not None:
            return bench.known[torch.from_numpy(rows)].to(bench.device)
        # Varied films belong to one seed. Several processes would each compute and write the same file.
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
        cached = bench.cache.read(key)
        if cached is None:
            computed = self._frozen(rows, view, batch)
            bench.cache.write(key, computed)
            return computed
        bench.advance(len(rows), 1)
        return cached.to(bench.device) if room(cached.nbytes, bench.device) else cached

    @torch.no_grad()
    def _frozen(self, rows: NDArray[np.intp], view: int, batch: int) -> Tensor:
        """Run the frozen part on films."""
        bench, parts = self._bench, []
        self.computed = True
        for start in range(0, len(rows), batch):
            films = rows[start : start + batch]
            x = bench.varied(films, vary=view > 0)
            with bench.low_precision(frozen=True):
                output = activations(bench.net, bench.entry, self._tail, x)
            parts.append(bench.team.gather_batch(output))
            bench.advance(len(films), 1)
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
        # The activations may lie in the processor's memory if they don't fit on the GPU.
        view, batch = (bench.team.share(index).to(self._train.device) for index in (view, batch))
        return self._train[view, batch].to(bench.device)

    def forward(self, net: nn.Module, inputs: Tensor) -> Tensor:  # noqa: D102
        if self._tail == 0:  # a linear layer gains no time from bf16, only rounding errors
            output: Tensor = net(inputs.float())
            return output
        with self._bench.low_precision():
            output = net(inputs)
        return output.float()

    @torch.no_grad()
    def validate(self, part: nn.Module) -> Tensor:  # noqa: D102
        pieces = torch.split(self._validation, _VALIDATION_BATCH)
        return torch.cat([self.forward(part, piece.to(self._bench.device)).cpu() for piece in pieces])


def cache_size(bench: Bench, tail: int, views: int) -> int:
    """Return the bytes that ``CachedActivations`` would take."""
    bench.net.eval()  # one film alone has no variance, which batch norms in training mode need
    x = bench.varied(bench.films.train[:1], vary=False)
    with torch.no_grad(), bench.low_precision(frozen=True):
        one = activations(bench.net, bench.entry, tail, x).nbytes
    return int(one * (views * len(bench.films.train) + len(bench.films.validation)))


def frozen_batch(entry: Network, device: torch.device) -> int:
    """Return how many films pass the frozen part at once."""
    # A training can be cancelled between batches, so a batch must not take long.
    if device.type != "cpu":
        return _FROZEN_BATCH
    return max(1, min(_ON_PROCESSOR, int(_SECOND / entry.gflop)))
