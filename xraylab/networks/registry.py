"""
The registry of networks: what each is called, what it sees and how it is built.

- entries are plain data, so that screens can list them without importing torch; builders are named, not held
- every network ends in one output a class, NORMAL first; ``pneumonia_logit`` makes one number of them
- a new network is one entry here
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xraylab.errors import NotFoundError

if TYPE_CHECKING:
    from torch import nn

CLASSES = ("NORMAL", "PNEUMONIA")
SUBTYPES = ("NORMAL", "BACTERIAL", "VIRAL")  # by file name; films don't reliably tell the last two apart


@dataclass(frozen=True)
class Network:
    """One entry of the registry."""

    name: str
    title: str
    about: str
    builder: str  # "module:function", called with the number of classes
    side: int  # pixels of the square it sees
    mean: tuple[float, float, float]  # a channel, of films in [0, 1], for the normalisation
    std: tuple[float, float, float]
    stages: tuple[tuple[str, ...], ...]  # submodules of the backbone, film to head, unfrozen by stages
    head: str  # the submodule that is replaced for a new task
    cam_layer: str  # the submodule whose activations Grad-CAM weighs
    pretrained: bool  # whether ImageNet weights exist for it

    @property
    def weights_file(self) -> str:
        """What its ImageNet weights are called in the home's weights folder."""
        return f"{self.name}-imagenet.safetensors"


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

_NETWORKS = (
    Network(
        name="mobilenet_v2",
        title="MobileNetV2",
        about="Small and quick; with ImageNet weights the best choice without a GPU.",
        builder="xraylab.networks.builders:mobilenet_v2",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("features.0", "features.1"),
            ("features.2", "features.3"),
            ("features.4", "features.5", "features.6"),
            ("features.7", "features.8", "features.9", "features.10"),
            ("features.11", "features.12", "features.13"),
            ("features.14", "features.15", "features.16"),
            ("features.17", "features.18"),
        ),
        head="classifier",
        cam_layer="features",
        pretrained=True,
    ),
    Network(
        name="small_cnn",
        title="Small CNN",
        about="Five convolution blocks trained from scratch; minutes on a laptop, no weights needed.",
        builder="xraylab.networks.builders:small_cnn",
        side=128,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        stages=(
            ("features.0", "features.1", "features.2"),
            ("features.3", "features.4", "features.5", "features.6"),
            ("features.7", "features.8", "features.9", "features.10"),
            ("features.11", "features.12", "features.13", "features.14"),
            ("features.15", "features.16", "features.17"),
        ),
        head="classifier",
        cam_layer="features",
        pretrained=False,
    ),
)


def networks() -> tuple[Network, ...]:
    """Every network there is."""
    return _NETWORKS


def network(name: str) -> Network:
    """One network by name.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    for entry in _NETWORKS:
        if entry.name == name:
            return entry
    raise NotFoundError(
        f"There is no network “{name}”. There are: {', '.join(entry.name for entry in _NETWORKS)}."
    )


def build(entry: Network, *, classes: int = len(CLASSES)) -> "nn.Module":
    """A new network with random weights; seed torch before to repeat them."""
    module, _, function = entry.builder.partition(":")
    builder: Callable[[int], nn.Module] = getattr(importlib.import_module(module), function)
    return builder(classes)
