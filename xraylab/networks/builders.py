"""
Builders of networks, called by the registry with the number of classes.

- torchvision's networks come from its own constructors, without weights; parameters keep torchvision's names
- input (B, 3, side, side), output (B, classes)
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from xraylab.networks.vision import torchvision

Builder = Callable[[int], nn.Module]


def _torchvision(name: str) -> Builder:
    """Return a builder of the torchvision network with this name."""

    def build(classes: int) -> nn.Module:
        net: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=classes)
        return net

    return build


resnet18 = _torchvision("resnet18")  # He et al. 2016
resnet50 = _torchvision("resnet50")  # He et al. 2016
vgg16 = _torchvision("vgg16")  # Simonyan, Zisserman 2015
mobilenet_v2 = _torchvision("mobilenet_v2")  # Sandler et al. 2018
efficientnet_b0 = _torchvision("efficientnet_b0")  # Tan, Le 2019
convnext_tiny = _torchvision("convnext_tiny")  # Liu et al. 2022


class DenseNet121(torchvision.models.DenseNet):  # type: ignore[misc]
    """DenseNet121 (Huang et al. 2017) with torchvision's parameters and outputs.

    Its last ReLU is a submodule. Torchvision's ReLU works in place on the activations that Grad-CAM reads;
    on a processor, but not on a GPU, that would change what Grad-CAM has already stored.

    Parameters
    ----------
    classes : int
        Number of outputs.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(32, (6, 12, 24, 16), 64, num_classes=classes)
        self.features.add_module("relu5", nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        pooled = functional.adaptive_avg_pool2d(self.features(x), 1)
        logits: Tensor = self.classifier(torch.flatten(pooled, 1))
        return logits


def densenet121(classes: int) -> nn.Module:
    """Build a ``DenseNet121``."""
    return DenseNet121(classes)


class ReportCNN(nn.Module):
    """The CNN that the first report trains from random weights, for films of 224 × 224.

    Ten 3 × 3 convolutions in five pairs, each pair followed by pooling and dropout, then two linear layers.

    Parameters
    ----------
    classes : int
        Number of outputs.
    """

    pairs = ((32, 0.25), (64, 0.25), (64, 0.4), (128, 0.4), (128, 0.4))  # width, dropout

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = 3
        for width, dropout in self.pairs:
            layers += [
                nn.Conv2d(previous, width, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Dropout(dropout),
            ]
            previous = width
        self.features = nn.Sequential(*layers)  # (B, 3, 224, 224) -> (B, 128, 7, 7)
        self.classifier = nn.Sequential(
            nn.Linear(previous * 7 * 7, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, classes)
        )
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                # torch's default weights shrink the signal at each convolution, and no layer here rescales it
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        logits: Tensor = self.classifier(torch.flatten(self.features(x), 1))
        return logits


def cnn(classes: int) -> nn.Module:
    """Build a ``ReportCNN``."""
    return ReportCNN(classes)


class SmallCNN(nn.Module):
    """Three 3 × 3 convolutions, two of 1 × 1 and a linear head, for films of 128 × 128.

    It is designed for precise heatmaps. A cell of its last grid sees at most 21 pixels across, and only the
    strongest cell of each feature counts. A larger view would detect a lesion from next to it, and an average
    over the film would give weight to places that look the same in every film.

    Parameters
    ----------
    classes : int
        Number of outputs.
    """

    blocks = ((16, 3), (32, 3), (64, 3), (96, 1), (128, 1))  # width, side of the kernel

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = 3
        for number, (width, side) in enumerate(self.blocks):
            # the first block halves the side by its stride, the next two by pooling: 128 -> 16
            layers += [
                nn.Conv2d(previous, width, side, stride=1 if number else 2, padding=side // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            if number in (1, 2):
                layers.append(nn.MaxPool2d(2))
            previous = width
        self.features = nn.Sequential(*layers)  # (B, 3, 128, 128) -> (B, 128, 16, 16)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(previous, classes))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        strongest = functional.adaptive_max_pool2d(self.features(x), 1)
        logits: Tensor = self.classifier(torch.flatten(strongest, 1))
        return logits


def small_cnn(classes: int) -> nn.Module:
    """Build a ``SmallCNN``."""
    return SmallCNN(classes)
