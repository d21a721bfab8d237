"""
EfficientNet-Lite: EfficientNet without squeeze-and-excitation and with ReLU6, for processors.

- sizes as in TensorFlow's ``efficientnet_lite_builder``: width and depth grow from Lite0 to Lite2, and the
  first and last parts keep theirs
- padding is TensorFlow's "same", for which the published weights were trained
- input (B, 3, side, side), output (B, classes)

References
----------
Tan M, Le QV (2019), EfficientNet, ICML, arXiv:1905.11946.
"""

import math
import re
from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_STEM, _TOP = 32, 1280  # channels of the first and the last convolution
_EPSILON, _MOMENTUM = 1e-3, 0.01  # of batch norms; torch's momentum is one minus TensorFlow's


class _Group(NamedTuple):
    """Blocks of one width; only the first of them may have a stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


_LITE0 = (
    _Group(1, 3, 1, 1, 16),
    _Group(2, 3, 2, 6, 24),
    _Group(2, 5, 2, 6, 40),
    _Group(3, 3, 2, 6, 80),
    _Group(3, 5, 1, 6, 112),
    _Group(4, 5, 2, 6, 192),
    _Group(1, 3, 1, 6, 320),
)


def lite0(classes: int) -> nn.Module:
    """Build EfficientNet-Lite0."""
    return EfficientNetLite(classes, width=1.0, depth=1.0, dropout=0.2)


def lite1(classes: int) -> nn.Module:
    """Build EfficientNet-Lite1."""
    return EfficientNetLite(classes, width=1.0, depth=1.1, dropout=0.2)


def lite2(classes: int) -> nn.Module:
    """Build EfficientNet-Lite2."""
    return EfficientNetLite(classes, width=1.1, depth=1.2, dropout=0.3)


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite with a linear head.

    Parameters
    ----------
    classes : int
        Number of outputs.
    width, depth : float
        Factors of the number of channels and of blocks, relative to Lite0.
    dropout : float
        Rate of the dropout before the head.
    """

    def __init__(self, classes: int, *, width: float, depth: float, dropout: float) -> None:
        super().__init__()
        parts = OrderedDict[str, nn.Module](stem=_layer(3, _STEM, 3, stride=2))
        previous = _STEM
        for group in _scaled(width, depth):
            for number in range(group.blocks):
                stride = 1 if number else group.stride
                block = _Block(previous, group.width, group.kernel, stride, group.expansion)
                parts[f"block{len(parts) - 1}"] = block
                previous = group.width
        parts["top"] = _layer(previous, _TOP, 1)
        self.features = nn.Sequential(parts)  # (B, 3, 224, 224) -> (B, 1280, 7, 7)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(_TOP, classes))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        pooled = functional.adaptive_avg_pool2d(self.features(x), 1)
        logits: Tensor = self.classifier(torch.flatten(pooled, 1))
        return logits


class _Block(nn.Module):
    """An inverted residual: expand by a 1 × 1 convolution, filter each channel, project to ``wide``."""

    def __init__(self, narrow: int, wide: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside = narrow * expansion
        # A block that doesn't expand has no first convolution.
        self.expand = _layer(narrow, inside, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _layer(inside, inside, kernel, stride=stride, groups=inside)
        self.project = _layer(inside, wide, 1)[:-1]  # without an activation
        self.adds = stride == 1 and narrow == wide

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


class Conv2dSame(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: an odd pixel of it goes to the right and the bottom."""

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        height, width = (
            _padding(length, kernel, stride)
            for length, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        )
        return super().forward(functional.pad(x, (*width, *height)))


def _padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the padding before and after a side, for an output of ``ceil(length / stride)`` pixels."""
    total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _layer(narrow: int, wide: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution with its batch norm and activation."""
    # At stride 1 "same" is symmetric, and torch pads without a copy of the input.
    kind, padding = (nn.Conv2d, kernel // 2) if stride == 1 else (Conv2dSame, 0)
    convolution = kind(narrow, wide, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(wide, _EPSILON, _MOMENTUM), nn.ReLU6())


def _scaled(width: float, depth: float) -> list[_Group]:
    """Scale the groups of Lite0; the first and the last keep their number of blocks."""
    ends = (_LITE0[0], _LITE0[-1])
    return [
        group._replace(
            width=_channels(group.width * width),
            blocks=group.blocks if group in ends else math.ceil(group.blocks * depth),
        )
        for group in _LITE0
    ]


def _channels(wanted: float) -> int:
    """Round to a multiple of 8, and up if that would lose more than a tenth."""
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


_NAMES = {  # of the published file, and ours
    "_conv_stem": "features.stem.0",
    "_bn0": "features.stem.1",
    "_conv_head": "features.top.0",
    "_bn1": "features.top.1",
    "_fc": "classifier.1",
}
_NAMES_IN_BLOCK = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}
_PUBLISHED = re.compile(r"(?:_blocks\.(?P<block>\d+)\.)?(?P<part>\w+)\.(?P<tensor>\w+)")


def renamed(key: str) -> str:
    """Return our name of a tensor of the published files; any other name as it is."""
    match = _PUBLISHED.fullmatch(key)
    if match is None:
        return key
    block, part, tensor = match.group("block", "part", "tensor")
    ours = (_NAMES if block is None else _NAMES_IN_BLOCK).get(part)
    if ours is None:
        return key
    return f"{ours}.{tensor}" if block is None else f"features.block{block}.{ours}.{tensor}"
