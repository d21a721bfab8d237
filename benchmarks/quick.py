"""
The job ``train --recipe quick``, from the command to the locked model: wall clock of a new process.

- ``quick_whole``: against the usual way, PyTorch's transfer-learning loop with a DataLoader over the files
- ``quick_again``: another seed, whose films' features are in the cache, against the first
- ``busy``: beside two processes that only spin, against alone

The films are imported before; give many with ``--data`` and ``--films``.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from benchmarks.frame import Difference, Estimated
from benchmarks.material import Material
from xraylab.data.datasets import load_dataset
from xraylab.models import load_model
from xraylab.models.heatmap_scale import PASSES
from xraylab.networks.inference import logits
from xraylab.networks.registry import Network, build, network
from xraylab.networks.weights import load_into
from xraylab.settings import load_settings
from xraylab.training.recipe import load_recipe

_ROOT = Path(__file__).parents[1]
_CPU = torch.device("cpu")
_SCORE = 1e-6
_SPINNING = 2  # processes
_TIMED = 3  # epochs of the usual way


class _Job:
    """A home with imported films, and trainings in processes of their own."""

    name: str
    arch = "mobilenet_v2"

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Write the films and the first weights, and import the films."""
        self.folder = material.folder / self.name
        self.entry, self.number = network(self.arch), 0
        self.files = self.folder / "films"
        for row, (raw, label) in enumerate(zip(material.files.raw, material.files.labels, strict=True)):
            # Each film is a patient of its own, so that all splits get films of both classes.
            file = self.files / ("PNEUMONIA" if label else "NORMAL") / f"patient{row:05d}_1.jpeg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
        self.weights = self.folder / "first.safetensors"
        net = material.network(self.entry)
        safetensors.torch.save_file({k: v.contiguous() for k, v in net.state_dict().items()}, self.weights)
        self.settings = load_settings(home=self.folder / "home")
        self._command("import", str(self.files), "--name", "films", "--no-check")

    def check(self) -> Sequence[Difference]:
        """Compare the published scores with those of the published network in a pass of its own."""
        model = load_model(self.settings, self.train())
        dataset = load_dataset(self.settings, "films")
        rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
        net = build(self.entry)
        net.load_state_dict(safetensors.torch.load_file(model.folder / "model.safetensors"))
        plain = 1 / (1 + np.exp(-logits(net, self.entry, dataset.pixels, rows, device=_CPU)))
        published = model.unsealed.frame.set_index("image_id")["score"]
        ours = published.loc[dataset.catalog["image_id"].iloc[rows]].to_numpy()
        return [
            Difference(what="published scores", largest=float(np.abs(plain - ours).max()), allowed=_SCORE)
        ]

    def train(self) -> str:
        """Train a model in a new process; return its name."""
        self.number += 1
        name = f"model{self.number}"
        options = {"--dataset": "films", "--arch": self.arch, "--recipe": "quick", "--run": name}
        options |= {"--weights": str(self.weights)}
        self._command("train", *(word for option in options.items() for word in option))
        return name

    def forget(self) -> None:
        """Empty the cache of activations."""
        for file in self.settings.cache.glob("*.safetensors"):
            file.unlink()

    def _command(self, *words: str) -> None:
        command = [sys.executable, "-m", "xraylab", *words]
        environment = {**os.environ, "XRAYLAB_HOME": str(self.settings.home)}
        subprocess.run(command, cwd=_ROOT, env=environment, check=True, capture_output=True)


class QuickWhole(_Job):
    """The whole job, with nothing in the cache."""

    name = "quick_whole"
    target = 20.0
    compared = (
        "`train --recipe quick`, wall clock of a new process until the model is locked: PyTorch's "
        "transfer-learning loop over the files with a DataLoader of two workers for the same 40 epochs, of "
        f"which {_TIMED} are timed and multiplied, then a pass of the held-out films and as many Grad-CAM "
        "maps as a heatmap scale takes, against our job on imported films with nothing cached."
    )

    def baseline(self) -> Estimated:
        """Train, score and map the usual way; most epochs are counted instead of run."""
        dataset = load_dataset(self.settings, "films")
        paths = np.array([self.files / path for path in dataset.catalog["path"]])
        labels = dataset.targets("finding")
        train, validation, test = (
            _Files(paths[rows], labels[rows], self.entry)
            for rows in map(dataset.rows, ("train", "validation", "test"))
        )
        recipe = load_recipe("quick")
        net = build(self.entry)
        load_into(net, self.weights, self.entry)
        net.requires_grad_(requires_grad=False)
        head = net.get_submodule(self.entry.head).requires_grad_(requires_grad=True)
        optimiser = torch.optim.AdamW(head.parameters(), lr=recipe.stages[0].learning_rate)

        def epochs() -> None:
            for _ in range(_TIMED):
                for films, labels in _batches(train, recipe.batch_size, shuffle=True):
                    optimiser.zero_grad()
                    functional.cross_entropy(net.eval()(films), labels).backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                _scores(net, validation, recipe.batch_size)

        def rest() -> None:
            _scores(net, validation, recipe.batch_size)
            _scores(net, test, recipe.batch_size)
            _maps(net, self.entry, validation)

        return Estimated(_seconds(epochs) * recipe.stages[0].epochs / _TIMED + _seconds(rest))

    def ours(self) -> None:
        """Run the command."""
        self.forget()
        self.train()


class QuickAgain(_Job):
    """Another training on the same films."""

    name = "quick_again"
    target = 2.0
    compared = (
        "`train --recipe quick`, wall clock of a new process: the first training on films, against another "
        "one, which takes the features of the films from the cache."
    )

    def baseline(self) -> None:
        """Train with nothing cached."""
        self.forget()
        self.train()

    def ours(self) -> None:
        """Train again."""
        self.train()


class Busy(_Job):
    """The same beside other work."""

    name = "busy"
    target = 0.28
    compared = (
        "`train --recipe quick` with the features of the films in the cache, wall clock of a new process: "
        f"alone, against beside {_SPINNING} processes that only spin."
    )

    def baseline(self) -> None:
        """Train alone."""
        self.train()

    def ours(self) -> None:
        """Train beside processes that spin."""
        with _spinning():
            self.train()


class _Files(TorchDataset[tuple[Tensor, int]]):
    """Files that are decoded whenever they are asked for."""

    def __init__(self, paths: NDArray[np.object_], labels: NDArray[np.int64], entry: Network) -> None:
        self.paths, self.labels = paths, labels
        self._steps = transforms.Compose(
            [
                transforms.Resize((entry.side, entry.side)),
                transforms.ToTensor(),
                transforms.Normalize(entry.mean, entry.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return self._steps(Image.open(self.paths[place]).convert("RGB")), int(self.labels[place])


def _batches(files: _Files, size: int, *, shuffle: bool = False) -> DataLoader[tuple[Tensor, int]]:
    return DataLoader(files, size, shuffle=shuffle, num_workers=2)


@torch.no_grad()
def _scores(net: nn.Module, files: _Files, size: int) -> Tensor:
    return torch.cat([net(films) for films, _ in _batches(files, size)])


def _maps(net: nn.Module, entry: Network, files: _Files) -> None:
    """Draw as many maps as the scale of a model's heatmaps takes, one film at a time."""
    from pytorch_grad_cam import GradCAM

    with GradCAM(net, [net.get_submodule(entry.cam_layer)]) as cam:
        for place in range(PASSES):
            film, _ = files[place % len(files)]
            cam(film[None].requires_grad_(), None)  # of the class with the highest output


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _spinning() -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(_SPINNING)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
