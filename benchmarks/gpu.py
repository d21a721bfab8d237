"""A real fine-tuning epoch on a GPU against the pure compute of its steps."""

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.frame import Difference
from benchmarks.material import Material
from xraylab.networks.inputs import to_input
from xraylab.networks.registry import network
from xraylab.training.contract import Films, Monitor
from xraylab.training.device import bf16_pays
from xraylab.training.loop import fit
from xraylab.training.recipe import Recipe, Stage

_ALLOWED = 1e-3  # logits, of one film on the device against the processor
_LARGE = 4096  # films of the epoch
_RECIPE = Recipe(
    name="epoch", stages=(Stage(trains="all", epochs=1, learning_rate=1e-4),), batch_size=64, augmentation=1.0
)


class GpuEpoch:
    """Time that a GPU loses by waiting: at least half of its pure speed must remain."""

    name = "gpu_epoch"
    target = 0.5

    def __init__(self, arch: str = "densenet121", device: str = "cuda", films: int = _LARGE) -> None:
        self.arch, self.device, self.films = arch, torch.device(device), films
        self.compared = (
            f"The steps of one epoch of fine-tuning all of {arch} on a batch that is already on the GPU, "
            "against a real epoch: reading, augmentation, validation and keeping the best weights."
        )

    def unavailable(self) -> str | None:
        """Return the reason if there is no GPU."""
        if self.device.type == "cuda" and not torch.cuda.is_available():
            return "this machine has no GPU"
        return None

    def prepare(self, material: Material) -> None:
        """Repeat the given films until an epoch is full."""
        self.entry = network(self.arch)
        self.net = material.network(self.entry)
        files = material.files
        train = np.resize(files.train, self.films)
        rows = np.concatenate([train, files.validation])
        own, held_out = np.split(np.arange(len(rows)), [len(train)])
        self.set = Films(files.pixels[rows], files.labels[rows], own, held_out)
        batch = min(_RECIPE.batch_size, len(train))
        self.recipe = _RECIPE.model_copy(update={"batch_size": batch})
        first = torch.from_numpy(self.set.pixels[:batch]).to(self.device)
        self.x = to_input(first, self.entry)
        self.y = torch.from_numpy(self.set.labels[:batch]).to(self.device)

    @torch.no_grad()
    def check(self) -> Sequence[Difference]:
        """Compare the device with the processor: both ways train the same network on the same films."""
        few = self.x[:4]
        on_device = copy.deepcopy(self.net).to(self.device)(few).cpu()
        apart = float((on_device - self.net(few.cpu())).abs().max())
        return [Difference(what="logits of device and processor", largest=apart, allowed=_ALLOWED)]

    def baseline(self) -> None:
        """Run the bare steps of an epoch."""
        net = copy.deepcopy(self.net).to(self.device).to(memory_format=torch.channels_last).train()
        optimiser = torch.optim.AdamW(net.parameters(), lr=self.recipe.stages[0].learning_rate)
        for _ in range(math.ceil(len(self.set.train) / self.recipe.batch_size)):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16_pays(self.device)):
                output: Tensor = net(self.x)
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(output.float(), self.y).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def ours(self) -> None:
        """Run the training loop."""
        net = copy.deepcopy(self.net)
        fit(net, self.entry, self.set, self.recipe, device=self.device, monitor=Monitor())
