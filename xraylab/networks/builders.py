"""Builders of networks, called by the registry with the number of classes."""

from torch import Tensor, nn
from torchvision.models import mobilenet_v2 as _torchvision_mobilenet_v2


def mobilenet_v2(classes: int) -> nn.Module:
    """MobileNetV2 (Sandler et al. 2018) from torchvision, input (B, 3, 224, 224), output (B, classes)."""
    net: nn.Module = _torchvision_mobilenet_v2(weights=None, num_classes=classes)
    return net


class SmallCNN(nn.Module):
    """Five convolution blocks and a linear head, for films of 128 × 128.

    Parameters
    ----------
    classes : int
        Number of outputs.
    """

    widths = (16, 32, 64, 96, 128)

    def __init__(self, classes: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        previous = 3
        for width in self.widths:
            blocks += [
                nn.Conv2d(previous, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2) if width != self.widths[-1] else nn.Identity(),
            ]
            previous = width
        self.features = nn.Sequential(*blocks)  # (B, 3, 128, 128) -> (B, 128, 8, 8)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(previous, classes))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        pooled = self.features(x).mean(dim=(2, 3))  # (B, 128)
        logits: Tensor = self.classifier(pooled)
        return logits


def small_cnn(classes: int) -> nn.Module:
    """Build a ``SmallCNN``, input (B, 3, 128, 128), output (B, classes)."""
    return SmallCNN(classes)
