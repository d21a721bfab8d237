"""One step of training a network's last stage: the whole forward pass against cached activations."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.frame import Difference
from benchmarks.material import CPU, Material
from xraylab.networks.passes import activations
from xraylab.networks.registry import network
from xraylab.training.device import bf16_pays
from xraylab.training.frozen import trained_part

_BATCH = 16
_RATE = 1e-4
_GRADIENT, _LOGIT = 1e-4, 0.05
_TAIL = 1


class Tail:
    """Forward, backward and optimiser on one batch."""

    name = "tail"
    target = 5.0

    def __init__(self, arch: str = "densenet121", batch: int = _BATCH) -> None:
        self.arch, self.batch = arch, batch
        self.compared = (
            f"A step of training the last stage of {arch} and its head on {batch} films: the whole forward "
            "pass in fp32 with the rest frozen, against starting from the activations that the rest computed "
            "once, in bf16 if the processor has it. The time to fill the cache is not counted."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Make two networks with the same weights, and the activations."""
        self.entry = network(self.arch)
        self.x = material.inputs(self.entry, self.batch).contiguous()
        self.y = material.labels(self.batch)
        self.theirs = material.network(self.entry)
        self.mine = copy.deepcopy(self.theirs).to(memory_format=torch.channels_last)
        for net in (self.theirs, self.mine):
            self._wake(net)
            for module in net.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0  # dropout would make the two networks differ in every step
        self.bf16 = bf16_pays(CPU)
        self.cached = self._activations(bf16=self.bf16)
        self.their_steps, self.my_steps = (
            torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=_RATE)
            for net in (self.theirs, self.mine)
        )

    def check(self) -> Sequence[Difference]:
        """Compare the gradients of one step in fp32, and the logits as timed."""
        theirs = self.theirs(self.x)
        _backward(theirs, self.y)
        cached = self._activations(bf16=False)
        with self._part() as part:
            _backward(part(cached), self.y)
        largest = [
            (float(a.grad.abs().max()), float((a.grad - b.grad).abs().max()))
            for a, b in zip(self.theirs.parameters(), self.mine.parameters(), strict=True)
            if a.grad is not None and b.grad is not None
        ]
        assert len(largest) == sum(p.requires_grad for p in self.theirs.parameters())
        assert max(size for size, _ in largest) > _GRADIENT, "gradients must be larger than what is allowed"
        with torch.no_grad():
            apart = (theirs - self._ours()).abs().max()
        return [
            Difference(
                what="gradients of one step in fp32",
                largest=max(apart for _, apart in largest),
                allowed=_GRADIENT,
            ),
            Difference(what="logits as timed", largest=float(apart), allowed=_LOGIT),
        ]

    def baseline(self) -> None:
        """Take one step with the whole forward pass."""
        _step(self.theirs(self.x), self.y, self.their_steps)

    def ours(self) -> None:
        """Take one step from the activations."""
        _step(self._ours(), self.y, self.my_steps)

    def _ours(self) -> Tensor:
        with self._part() as part, torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            output: Tensor = part(self.cached)
        return output.float()

    @torch.no_grad()
    def _activations(self, *, bf16: bool) -> Tensor:
        x = self.x.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            made: Tensor = activations(self.mine, self.entry, _TAIL, x)
        return made

    @contextmanager
    def _part(self) -> Iterator[nn.Module]:
        with trained_part(self.mine, self.entry, _TAIL) as part:
            yield part

    def _wake(self, net: nn.Module) -> None:
        """Let only the tail and the head train; the other batch norms stay in eval."""
        net.eval().requires_grad_(requires_grad=False)
        for name in (*self.entry.stages[-_TAIL], self.entry.head):
            net.get_submodule(name).train().requires_grad_(requires_grad=True)


def _backward(output: Tensor, y: Tensor) -> None:
    functional.cross_entropy(output, y).backward()  # type: ignore[no-untyped-call]


def _step(output: Tensor, y: Tensor, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad(set_to_none=True)
    _backward(output, y)
    optimiser.step()
