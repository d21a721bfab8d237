"""
A frozen phase of 15 epochs: the head on cached features against the plain per-epoch loop.

``python -m benchmarks.frozen [--films N] [--rounds R] [--data ZIP-or-folder]`` prints JSON. Both start from
the same JPEG or PNG files, see every film in every epoch, validate after every epoch and use one optimiser,
schedule, seed and batch order.

- plain: each epoch decodes each file (PIL RGB, Resize, ToTensor, Normalize) and passes it through the frozen
  MobileNetV2 in eval, fp32
- cached: ``training.loop.fit``; its time holds decoding the files and filling the cache

Before anything is timed, both are trained in fp32 on the same standardised pixels and their logits compared.
"""

import argparse
import copy
import io
import json
import math
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision import transforms

from xraylab.data import phantoms
from xraylab.data.sources import SourceFile, open_source
from xraylab.imaging import standardise
from xraylab.networks.inputs import pneumonia_logit, to_input
from xraylab.networks.registry import CLASSES, build, network
from xraylab.training.device import bf16_pays
from xraylab.training.loop import Films, Monitor, fit
from xraylab.training.recipe import Recipe, Stage

ENTRY = network("mobilenet_v2")
RECIPE = Recipe(
    name="frozen",
    stages=(Stage(trains="head", epochs=15, learning_rate=2e-3),),
    augmentation=0,
    batch_size=32,
)
STAGE = RECIPE.stages[0]
VALIDATION_SHARE = 0.2
LARGEST_DIFFERENCE, LEAST_RATIO = 1e-4, 10.0
CPU = torch.device("cpu")

Load = Callable[[NDArray[np.intp]], Tensor]  # rows -> (B, 3, 224, 224)


@dataclass(frozen=True)
class Files:
    """Undecoded files with their labels, and which are for what."""

    raw: list[bytes]
    labels: NDArray[np.int64]
    train: NDArray[np.intp]
    validation: NDArray[np.intp]


def draw(source: Path, n: int) -> Files:
    """Read ``n`` files of a source, as many of each class as there are."""
    with open_source(source) as found:
        chosen: list[SourceFile] = []
        for label in range(len(CLASSES)):
            chosen += [file for file in found.files if file.label == label][: n // len(CLASSES)]
        raw = [file.read() for file in chosen]
    order = np.random.default_rng(0).permutation(len(chosen))
    held_out = round(VALIDATION_SHARE * len(order))
    labels = np.array([file.label for file in chosen], np.int64)
    return Files(raw, labels, train=order[held_out:], validation=order[:held_out])


def plain(net: nn.Module, files: Files, load: Load) -> list[dict[str, Tensor]]:
    """Train the head the usual way and return its weights after each epoch."""
    net.eval()
    head = net.get_submodule(ENTRY.head)
    for parameter in net.parameters():
        parameter.requires_grad = False
    for parameter in head.parameters():
        parameter.requires_grad = True
    labels = torch.from_numpy(files.labels[files.train])
    weight = len(labels) / (len(CLASSES) * torch.bincount(labels))
    optimiser = torch.optim.AdamW(head.parameters(), lr=STAGE.learning_rate, weight_decay=RECIPE.weight_decay)
    steps = math.ceil(len(labels) / RECIPE.batch_size) * STAGE.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=STAGE.learning_rate, total_steps=steps)
    torch.manual_seed(RECIPE.seed)
    draws = torch.Generator().manual_seed(RECIPE.seed)
    kept = []
    for _ in range(STAGE.epochs):
        head.train()
        for batch in torch.split(torch.randperm(len(labels), generator=draws), RECIPE.batch_size):
            output = net(load(files.train[batch.numpy()]))
            optimiser.zero_grad(set_to_none=True)
            functional.cross_entropy(output, labels[batch], weight=weight).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        head.eval()
        logits(net, files, load)
        kept.append({key: value.clone() for key, value in head.state_dict().items()})
    return kept


@torch.no_grad()
def logits(net: nn.Module, files: Files, load: Load) -> Tensor:
    """Pneumonia logits of the validation films, (n,)."""
    batches = torch.split(torch.from_numpy(files.validation), RECIPE.batch_size)
    return torch.cat([pneumonia_logit(net(load(rows.numpy()))) for rows in batches])


def usual_loader(files: Files) -> Load:
    """Decode with PIL and torchvision, each film each time."""
    steps = transforms.Compose(
        [
            transforms.Resize((ENTRY.side, ENTRY.side)),
            transforms.ToTensor(),
            transforms.Normalize(ENTRY.mean, ENTRY.std),
        ]
    )
    return lambda rows: torch.stack(
        [steps(Image.open(io.BytesIO(files.raw[row])).convert("RGB")) for row in rows]
    )


def cached(net: nn.Module, files: Files, *, bf16: bool | None = None) -> tuple[nn.Module, int]:
    """Train the head as XRayLab does, from undecoded files; return the network and its best epoch."""
    pixels = np.stack([standardise(raw).pixels for raw in files.raw])
    films = Films(pixels, files.labels, files.train, files.validation)
    fitted = fit(net, ENTRY, films, RECIPE, device=CPU, monitor=Monitor(), bf16=bf16)
    return fitted.net, fitted.best.epoch


@torch.no_grad()
def settle(net: nn.Module, files: Files) -> None:
    """Let the batch norms of a network with random weights know films, or its features would be all alike."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over what follows
    net.train()(usual_loader(files)(files.train[: RECIPE.batch_size]))


def largest_difference(net: nn.Module, files: Files) -> float:
    """How far the logits of both ways lie apart in fp32, trained on the same standardised pixels."""
    pixels = np.stack([standardise(raw).pixels for raw in files.raw])

    def load(rows: NDArray[np.intp]) -> Tensor:
        return to_input(torch.from_numpy(pixels[rows]), ENTRY).contiguous()

    ours, best = cached(copy.deepcopy(net), files, bf16=False)
    theirs = copy.deepcopy(net)
    weights = plain(theirs, files, load)
    theirs.get_submodule(ENTRY.head).load_state_dict(weights[best - 1])
    moved = (weights[-1]["1.weight"] - net.state_dict()["classifier.1.weight"]).abs().max()
    assert moved > LARGEST_DIFFERENCE, "the head must have learnt something for this to mean anything"
    return float((logits(ours.eval(), files, load) - logits(theirs.eval(), files, load)).abs().max())


def seconds(work: Callable[[], Any]) -> float:
    """Wall clock of a piece of work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Check that both ways agree, time them in turns and print what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--data", type=Path, help="labelled zip or folder; by default phantoms are made")
    options = parser.parse_args()
    torch.manual_seed(0)
    net = build(ENTRY)
    with ExitStack() as stack:
        source = options.data
        if source is None:
            source = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "phantoms"
            phantoms.write(source, 2 * options.films)
        files = draw(source, options.films)
    settle(net, files)
    few = Files(files.raw, files.labels, files.train[:32], files.validation[:16])
    difference = largest_difference(net, few)
    assert difference <= LARGEST_DIFFERENCE, f"the logits differ by {difference:.1e}"
    ratios = []
    for _ in range(options.rounds):
        fast = seconds(lambda: cached(copy.deepcopy(net), files))
        slow = seconds(lambda: plain(copy.deepcopy(net), files, usual_loader(files)))
        ratios.append(slow / fast)
    ratio = statistics.median(ratios)
    result = {
        "name": "frozen",
        "median_ratio": round(ratio, 1),
        "rounds": [round(one, 1) for one in ratios],
        "films": len(files.raw),
        "epochs": STAGE.epochs,
        "largest_logit_difference": difference,
        "reached": ratio >= LEAST_RATIO,
        "environment": {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "machine": platform.machine(),
            "bf16": bf16_pays(CPU),
        },
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
