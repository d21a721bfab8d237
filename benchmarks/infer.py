"""Forward pass: the plain network against the quickest backend."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.frame import Difference
from benchmarks.material import CPU, Material
from xraylab.errors import SettingsError
from xraylab.networks.backends import Run, forward
from xraylab.networks.inputs import finding_logit
from xraylab.networks.registry import network
from xraylab.training.device import bf16_pays

_ALLOWED = 0.05  # logits
_TRIALS = 3
_BACKENDS = ("openvino", "openvino-bf16", "bf16", "compile")


class Infer:
    """Forward pass of one batch."""

    target = 2.0

    def __init__(self, batch: int, arch: str = "densenet121") -> None:
        self.name, self.batch, self.arch = f"infer_b{batch}", batch, arch
        self.chosen = ""

    @property
    def compared(self) -> str:
        """Description with the backend that was quickest here."""
        quickest = f"here {self.chosen}" if self.chosen else "of those that can be asked for"
        return (
            f"A forward pass of {self.arch} on {self.batch} film{'s' if self.batch > 1 else ''}: eager fp32, "
            f"against the quickest backend, {quickest}."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere. Without another backend it compares fp32 with itself."""
        return None

    def prepare(self, material: Material) -> None:
        """Try the backends and keep the quickest whose logits stay within what is allowed."""
        entry = network(self.arch)
        self.net = material.network(entry)
        self.x = material.inputs(entry, self.batch).contiguous()
        self.run: Run = forward(self.net, entry, "fp32", CPU)
        plain = best = _quickest_seconds(self.run, self.x)
        self.chosen = "fp32"
        for backend in _BACKENDS:
            if backend.endswith("bf16") and not bf16_pays(CPU):
                continue
            if backend == "compile" and plain / best >= self.target:
                continue  # compiling takes minutes, so try it only if nothing else is quick enough
            try:
                run = forward(self.net, entry, backend, CPU)
            except SettingsError:
                continue  # this machine lacks a part of the backend
            taken = _quickest_seconds(run, self.x)
            if taken < best and _apart(self.net, run, self.x) <= _ALLOWED:
                self.run, self.chosen, best = run, backend, taken

    def check(self) -> Sequence[Difference]:
        """Compare the pneumonia logits."""
        apart = _apart(self.net, self.run, self.x)
        return [Difference(what="logits", largest=apart, allowed=_ALLOWED)]

    @torch.no_grad()
    def baseline(self) -> Tensor:
        """Run the network itself."""
        output: Tensor = self.net(self.x)
        return output

    def ours(self) -> Tensor:
        """Run the backend."""
        return self.run(self.x)


@torch.no_grad()
def _quickest_seconds(run: Run, x: Tensor) -> float:
    run(x)
    taken = []
    for _ in range(_TRIALS):
        started = time.perf_counter()
        run(x)
        taken.append(time.perf_counter() - started)
    return min(taken)


@torch.no_grad()
def _apart(net: nn.Module, run: Run, x: Tensor) -> float:
    return float((finding_logit(net(x)) - finding_logit(run(x))).abs().max())
