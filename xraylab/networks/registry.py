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


@dataclass(frozen=True)
class Network:
    """One entry of the registry."""

    name: str
    title: str
    about: str
    builder: str  # "module:function", called with the number of classes
    side: int  # pixels of the square it sees
    mean: float  # of the grey film in [0, 1], for the normalisation
    std: float
    head: str  # the submodule that is replaced for a new task
    cam_layer: str  # the submodule whose activations Grad-CAM weighs
    pretrained: bool  # whether ImageNet weights exist for it

    @property
    def weights_file(self) -> str:
        """What its ImageNet weights are called in the home's weights folder."""
        return f"{self.name}-imagenet.safetensors"


_IMAGENET_MEAN = (0.485 + 0.456 + 0.406) / 3
_IMAGENET_STD = (0.229 + 0.224 + 0.225) / 3

_NETWORKS = (
    Network(
        name="mobilenet_v2",
        title="MobileNetV2",
        about="Small and quick; with ImageNet weights the best choice without a GPU.",
        builder="xraylab.networks.builders:mobilenet_v2",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
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
        mean=0.5,
        std=0.25,
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
