"""
Train a head for 15 epochs: on cached features, against a plain loop over files.

Both start from the same files, use every film in every epoch, validate after every epoch, and have the same
optimiser, schedule, seed and batch order.

- plain: each epoch decodes each file (PIL RGB, Resize, ToTensor, Normalize) and passes it through the frozen
  network in eval, fp32
- cached: ``training.loop.fit``; its time includes decoding the files and filling the cache
"""

import copy
import io
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision import transforms

from benchmarks.frame import Difference
from benchmarks.material import CPU, Files, Material
from xraylab.imaging import standardise
from xraylab.networks.inputs import finding_logit, to_input
from xraylab.networks.registry import network
from xraylab.training.contract import Films, Monitor
from xraylab.training.device import bf16_pays
from xraylab.training.loop import fit
from xraylab.training.recipe import Recipe, Stage

RECIPE = Recipe(
    name="frozen",
    stages=(Stage(trains="head", epochs=15, learning_rate=2e-3),),
    augmentation=0,
    batch_size=32,
)
_STAGE = RECIPE.stages[0]
_FP32, _BF16 = 1e-4, 0.05  # logits
_CHECKED_BY = (24, 12)  # films to train and to validate on

Load = Callable[[NDArray[np.intp]], Tensor]  # rows -> (B, 3, side, side)


class Frozen:
    """Wall clock of decoding, forward passes, epochs and validation together."""

    def __init__(self, name: str, arch: str, target: float) -> None:
        self.name, self.arch, self.target = name, arch, target
        self.bf16 = network(arch).frozen_bf16 and bf16_pays(CPU)
        once = "in bf16" if self.bf16 else "in fp32"
        self.compared = (
            f"15 epochs of the head of a frozen {arch}, wall clock from files to the trained head: decoding "
            f"and forward pass in every epoch, fp32, against features computed once {once} with decoding "
            "and cache; no augmentation on either side."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Load the files and the network."""
        self.entry = network(self.arch)
        self.files = material.files
        self.net = material.network(self.entry)

    def check(self) -> Sequence[Difference]:
        """Compare the logits after training on the same standardised pixels, in fp32 and as timed."""
        train, validation = _CHECKED_BY
        files = self.files
        few = Files(files.raw, files.labels, files.train[:train], files.validation[:validation])

        def load(rows: NDArray[np.intp]) -> Tensor:
            return to_input(torch.from_numpy(files.pixels[rows]), self.entry).contiguous()

        theirs = copy.deepcopy(self.net)
        weights = self._plain(theirs, few, load)
        self._assert_learnt(weights[-1])

        def apart(*, bf16: bool) -> float:
            ours, best = self._cached(few, bf16=bf16)
            theirs.get_submodule(self.entry.head).load_state_dict(weights[best - 1])
            ours.to(memory_format=torch.contiguous_format).eval()
            return float((_logits(ours, few, load) - _logits(theirs, few, load)).abs().max())

        differences = [Difference(what="logits in fp32", largest=apart(bf16=False), allowed=_FP32)]
        if self.bf16:
            differences.append(Difference(what="logits as timed", largest=apart(bf16=True), allowed=_BF16))
        return differences

    def baseline(self) -> None:
        """Train the head the usual way."""
        steps = transforms.Compose(
            [
                transforms.Resize((self.entry.side, self.entry.side)),
                transforms.ToTensor(),
                transforms.Normalize(self.entry.mean, self.entry.std),
            ]
        )

        def load(rows: NDArray[np.intp]) -> Tensor:
            raw = (self.files.raw[row] for row in rows)
            return torch.stack([steps(Image.open(io.BytesIO(file)).convert("RGB")) for file in raw])

        self._plain(copy.deepcopy(self.net), self.files, load)

    def ours(self) -> None:
        """Train the head as XRayLab does."""
        self._cached(self.files, bf16=self.bf16)

    def _plain(self, net: nn.Module, files: Files, load: Load) -> list[dict[str, Tensor]]:
        """Train the head in a plain loop and return its weights after each epoch."""
        head = net.get_submodule(self.entry.head)
        net.eval().requires_grad_(requires_grad=False)
        head.requires_grad_(requires_grad=True)
        labels = torch.from_numpy(files.labels[files.train])
        weight = len(labels) / (2 * torch.bincount(labels))
        optimiser = torch.optim.AdamW(
            head.parameters(), lr=_STAGE.learning_rate, weight_decay=RECIPE.weight_decay
        )
        steps = math.ceil(len(labels) / _batch(files)) * _STAGE.epochs
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=_STAGE.learning_rate, total_steps=steps
        )
        torch.manual_seed(RECIPE.seed)
        draws = torch.Generator().manual_seed(RECIPE.seed)
        kept = []
        for _ in range(_STAGE.epochs):
            head.train()
            for batch in torch.split(torch.randperm(len(labels), generator=draws), _batch(files)):
                output = net(load(files.train[batch.numpy()]))
                optimiser.zero_grad(set_to_none=True)
                functional.cross_entropy(output, labels[batch], weight=weight).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
            head.eval()
            _logits(net, files, load)
            kept.append({key: value.clone() for key, value in head.state_dict().items()})
        return kept

    def _cached(self, files: Files, *, bf16: bool) -> tuple[nn.Module, int]:
        """Train the head from files with the cache; return the network and its best epoch."""
        rows = np.concatenate([files.train, files.validation])
        pixels = np.stack([standardise(files.raw[row]).pixels for row in rows])
        train, validation = np.split(np.arange(len(rows)), [len(files.train)])
        films = Films(pixels, files.labels[rows], train, validation)
        net = copy.deepcopy(self.net)
        recipe = RECIPE.model_copy(update={"batch_size": _batch(files)})
        fitted = fit(net, self.entry, films, recipe, device=CPU, monitor=Monitor(), bf16=bf16)
        return fitted.net, fitted.best.epoch

    def _assert_learnt(self, weights: dict[str, Tensor]) -> None:
        before = self.net.get_submodule(self.entry.head).state_dict()
        moved = max(float((weights[key] - before[key]).abs().max()) for key in before)
        assert moved > _FP32, "the head must have learnt something for the check to mean anything"


def _batch(files: Files) -> int:
    """Return the batch size, at most the number of training films."""
    return min(RECIPE.batch_size, len(files.train))


@torch.no_grad()
def _logits(net: nn.Module, files: Files, load: Load) -> Tensor:
    """Return the pneumonia logits of the validation films, (n,)."""
    batches = torch.split(torch.from_numpy(files.validation), RECIPE.batch_size)
    return torch.cat([finding_logit(net(load(rows.numpy()))) for rows in batches])
