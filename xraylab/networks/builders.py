"""Builders of networks, called by the registry with the number of classes."""

from torch import Tensor, nn
from torch.nn import functional
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
        for number, width in enumerate(self.widths):
            # the first halves the film by its stride, the next three by pooling; an 8 x 8 grid is left
            blocks += [
                nn.Conv2d(previous, width, 3, stride=1 if number else 2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            if 0 < number < len(self.widths) - 1:
                blocks.append(nn.MaxPool2d(2))
            previous = width
        self.features = nn.Sequential(*blocks)  # (B, 3, 128, 128) -> (B, 128, 8, 8)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(previous, classes))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        # the strongest answer of each neighbourhood first: an average alone would drown a small lesion
        strongest = functional.max_pool2d(self.features(x), 2)  # (B, 128, 4, 4)
        pooled = strongest.mean(dim=(2, 3))  # (B, 128)
        logits: Tensor = self.classifier(pooled)
        return logits


def small_cnn(classes: int) -> nn.Module:
    """Build a ``SmallCNN``, input (B, 3, 128, 128), output (B, classes)."""
    return SmallCNN(classes)
