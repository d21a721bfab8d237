"""One step of fine-tuning a whole network: usual fp32 against bf16 in channels-last memory."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.frame import Difference
from benchmarks.material import CPU, Material
from xraylab.networks.registry import network
from xraylab.training.device import bf16_pays

_BATCH = 16
_RATE = 1e-4
_ALLOWED = 0.05  # logits


class StepBf16:
    """Forward, backward and optimiser on one batch."""

    name = "step_bf16"
    target = 1.8

    def __init__(self, arch: str = "densenet121", batch: int = _BATCH) -> None:
        self.arch, self.batch = arch, batch
        self.compared = (
            f"A step of fine-tuning all of {arch} on {batch} films with AdamW: fp32 and contiguous, against "
            "bf16 autocast and channels last, as the training loop does it."
        )

    def unavailable(self) -> str | None:
        """Return the reason if there is no bf16 in hardware, since training doesn't use autocast then."""
        return None if bf16_pays(CPU) else "this processor has no bf16"

    def prepare(self, material: Material) -> None:
        """Make two networks with the same weights, one in each memory format."""
        entry = network(self.arch)
        x = material.inputs(entry, self.batch)
        self.y = material.labels(self.batch)
        net = material.network(entry).train()
        for module in net.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # dropout would make the two networks differ in every step
        self.theirs, self.x = copy.deepcopy(net), x.contiguous()
        self.mine, self.x_last = net.to(memory_format=torch.channels_last), x
        self.their_steps = torch.optim.AdamW(self.theirs.parameters(), lr=_RATE)
        self.my_steps = torch.optim.AdamW(self.mine.parameters(), lr=_RATE)

    def check(self) -> Sequence[Difference]:
        """Compare the outputs before the first step."""
        with torch.no_grad():
            apart = (self._theirs() - self._ours()).abs().max()
        return [Difference(what="logits", largest=float(apart), allowed=_ALLOWED)]

    def baseline(self) -> None:
        """Take one step in fp32."""
        _step(self._theirs(), self.y, self.their_steps)

    def ours(self) -> None:
        """Take one step in bf16."""
        _step(self._ours(), self.y, self.my_steps)

    def _theirs(self) -> Tensor:
        output: Tensor = self.theirs(self.x)
        return output

    def _ours(self) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            output: Tensor = self.mine(self.x_last)
        return output.float()


def _step(output: Tensor, y: Tensor, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad(set_to_none=True)
    functional.cross_entropy(output, y).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
