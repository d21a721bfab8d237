"""
The registry of networks: name, input and builder of each.

- entries are plain data, and builders are given as text, so that screens can list networks without torch
- every network has one output per class, NORMAL first; ``pneumonia_logit`` turns them into one number
- a network is a chain of stages: with the first stages replaced by identities, it maps the output of these
  stages to the same final outputs; so frozen first stages need to run only once per film
- a new network is one entry here, or comes with another package through the entry point ``xraylab.networks``
"""

import importlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from xraylab.errors import NotFoundError
from xraylab.files import check_name

if TYPE_CHECKING:
    from torch import nn

ENTRY_POINTS = "xraylab.networks"
CLASSES = ("NORMAL", "PNEUMONIA")
SUBTYPES = ("NORMAL", "BACTERIAL", "VIRAL")  # from file names; films don't reliably show the last two apart

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Network:
    """One entry of the registry."""

    name: str
    title: str
    about: str
    builder: str  # "module:function", called with the number of classes
    side: int  # of its square input, in pixels
    mean: tuple[float, float, float]  # per channel, of films in [0, 1], for the normalisation
    std: tuple[float, float, float]
    stages: tuple[tuple[str, ...], ...]  # submodules of the backbone, film to head, unfrozen by stages
    head: str  # the submodule that is replaced for a new task
    cam_layer: str  # the submodule whose activations Grad-CAM weighs
    parameters: int  # with two outputs
    gflop: float  # 1e9 operations for the forward pass of one film; a multiply-add counts as two
    frozen_bf16: bool = False  # whether frozen features in bf16 change logits by at most 0.05, as measured
    imagenet: str = ""  # torchvision's name of its ImageNet weights, "" if there are none
    imagenet_file: str = ""  # torchvision's name of their file; it contains the first digits of the SHA-256

    def __post_init__(self) -> None:
        if bool(self.imagenet) != bool(self.imagenet_file):
            raise ValueError(f"{self.name}: give both imagenet and imagenet_file, or neither")

    @property
    def pretrained(self) -> bool:
        """Whether ImageNet weights exist for this network."""
        return bool(self.imagenet)

    @property
    def middle(self) -> str:
        """The submodule whose activations reveal an unusual film: the last one in two thirds of the stages.

        Later stages keep what distinguishes ill from well, and lose what distinguishes a chest from a cat.
        """
        return self.stages[2 * len(self.stages) // 3][-1]

    @property
    def weights_file(self) -> str:
        """File name of the user's own ImageNet weights in the home's weights folder."""
        return f"{self.name}-imagenet.safetensors"


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

_NETWORKS = (
    Network(
        name="mobilenet_v2",
        title="MobileNetV2",
        about="Small and fast; with ImageNet weights the best choice without a GPU.",
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
        parameters=2_226_434,
        gflop=0.599,
        imagenet="MobileNet_V2_Weights.IMAGENET1K_V1",
        imagenet_file="mobilenet_v2-b0353104.pth",
    ),
    Network(
        name="resnet18",
        title="ResNet18",
        about="The smallest of a family of networks that medical imaging studies often compare with.",
        builder="xraylab.networks.builders:resnet18",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("conv1", "bn1", "relu", "maxpool"),
            ("layer1",),
            ("layer2",),
            ("layer3",),
            ("layer4",),
        ),
        head="fc",
        cam_layer="layer4",
        parameters=11_177_538,
        gflop=3.627,
        imagenet="ResNet18_Weights.IMAGENET1K_V1",
        imagenet_file="resnet18-f37072fd.pth",
    ),
    Network(
        name="resnet50",
        title="ResNet50",
        about="The network that the first report builds on; large, and slow to fine-tune without a GPU.",
        builder="xraylab.networks.builders:resnet50",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("conv1", "bn1", "relu", "maxpool"),
            ("layer1",),
            ("layer2",),
            ("layer3",),
            ("layer4",),
        ),
        head="fc",
        cam_layer="layer4",
        parameters=23_512_130,
        gflop=8.174,
        imagenet="ResNet50_Weights.IMAGENET1K_V1",
        imagenet_file="resnet50-0676ba61.pth",
    ),
    Network(
        name="densenet121",
        title="DenseNet121",
        about="The network that the second report and many other chest film studies build on.",
        builder="xraylab.networks.builders:densenet121",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("features.conv0", "features.norm0", "features.relu0", "features.pool0"),
            ("features.denseblock1", "features.transition1"),
            ("features.denseblock2", "features.transition2"),
            ("features.denseblock3", "features.transition3"),
            ("features.denseblock4", "features.norm5", "features.relu5"),
        ),
        head="classifier",
        cam_layer="features",
        parameters=6_955_906,
        gflop=5.666,
        frozen_bf16=True,
        imagenet="DenseNet121_Weights.IMAGENET1K_V1",
        imagenet_file="densenet121-a639ec97.pth",
    ),
    Network(
        name="efficientnet_b0",
        title="EfficientNet-B0",
        about="Newer than MobileNetV2; needs about a third more computation.",
        builder="xraylab.networks.builders:efficientnet_b0",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("features.0", "features.1"),
            ("features.2",),
            ("features.3",),
            ("features.4",),
            ("features.5",),
            ("features.6",),
            ("features.7", "features.8"),
        ),
        head="classifier",
        cam_layer="features",
        parameters=4_010_110,
        gflop=0.769,
        imagenet="EfficientNet_B0_Weights.IMAGENET1K_V1",
        imagenet_file="efficientnet_b0_rwightman-7f5810bc.pth",
    ),
    Network(
        name="convnext_tiny",
        title="ConvNeXt Tiny",
        about="A recent design, strong with pretrained weights; slow to fine-tune without a GPU.",
        builder="xraylab.networks.builders:convnext_tiny",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("features.0", "features.1"),
            ("features.2", "features.3"),
            ("features.4", "features.5"),
            ("features.6", "features.7", "classifier.0"),
        ),
        head="classifier.2",
        cam_layer="features",
        parameters=27_821_666,
        gflop=8.91,
        frozen_bf16=True,
        imagenet="ConvNeXt_Tiny_Weights.IMAGENET1K_V1",
        imagenet_file="convnext_tiny-983f1562.pth",
    ),
    Network(
        name="vgg16",
        title="VGG16",
        about="A classic network of 2015, large and the slowest here; for comparison with older studies.",
        builder="xraylab.networks.builders:vgg16",
        side=224,
        mean=_IMAGENET_MEAN,
        std=_IMAGENET_STD,
        stages=(
            ("features.0", "features.1", "features.2", "features.3", "features.4"),
            ("features.5", "features.6", "features.7", "features.8", "features.9"),
            (
                "features.10",
                "features.11",
                "features.12",
                "features.13",
                "features.14",
                "features.15",
                "features.16",
            ),
            (
                "features.17",
                "features.18",
                "features.19",
                "features.20",
                "features.21",
                "features.22",
                "features.23",
            ),
            (
                "features.24",
                "features.25",
                "features.26",
                "features.27",
                "features.28",
                "features.29",
                "features.30",
                "avgpool",
            ),
            ("classifier.0", "classifier.1", "classifier.2", "classifier.3", "classifier.4", "classifier.5"),
        ),
        head="classifier.6",
        cam_layer="features.29",
        parameters=134_268_738,
        gflop=30.93,
        imagenet="VGG16_Weights.IMAGENET1K_V1",
        imagenet_file="vgg16-397923af.pth",
    ),
    Network(
        name="small_cnn",
        title="Small CNN",
        about="Five small convolutions trained from scratch, with precise heatmaps; minutes on a laptop.",
        builder="xraylab.networks.builders:small_cnn",
        side=128,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        stages=(
            ("features.0", "features.1", "features.2"),
            ("features.3", "features.4", "features.5", "features.6"),
            ("features.7", "features.8", "features.9", "features.10"),
            ("features.11", "features.12", "features.13"),
            ("features.14", "features.15", "features.16"),
        ),
        head="classifier",
        cam_layer="features",
        parameters=42_834,
        gflop=0.0885,
    ),
    Network(
        name="cnn",
        title="CNN of the report",
        about="Ten convolutions trained from scratch, as listed in the first report: 2,262,434 parameters, "
        "although the report's text says 2,326,082.",
        builder="xraylab.networks.builders:cnn",
        side=224,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        stages=(
            ("features.0", "features.1", "features.2", "features.3", "features.4", "features.5"),
            ("features.6", "features.7", "features.8", "features.9", "features.10", "features.11"),
            ("features.12", "features.13", "features.14", "features.15", "features.16", "features.17"),
            ("features.18", "features.19", "features.20", "features.21", "features.22", "features.23"),
            ("features.24", "features.25", "features.26", "features.27", "features.28", "features.29"),
            ("classifier.0", "classifier.1", "classifier.2"),
        ),
        head="classifier.3",
        cam_layer="features.27",
        parameters=2_262_434,
        gflop=3.327,
    ),
)


def networks() -> tuple[Network, ...]:
    """Return all networks, those of other packages last."""
    return _NETWORKS + _outside()


def network(name: str) -> Network:
    """Return the network with this name.

    Raises
    ------
    NotFoundError
        If there is no network with this name.
    """
    entries = networks()
    for entry in entries:
        if entry.name == name:
            return entry
    raise NotFoundError(
        f"There is no network “{name}”. There are: {', '.join(entry.name for entry in entries)}."
    )


def build(entry: Network, *, classes: int = len(CLASSES)) -> "nn.Module":
    """Build a network with random weights; seed torch first to make them repeatable."""
    module, _, function = entry.builder.partition(":")
    builder: Callable[[int], nn.Module] = getattr(importlib.import_module(module), function)
    return builder(classes)


@cache
def _outside() -> tuple[Network, ...]:
    """Return the networks of other packages, read once; unusable ones are logged and left out."""
    usable: dict[str, Network] = {}
    taken = {entry.name for entry in _NETWORKS}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            entries = _load(point)
        except Exception:  # an error in another package must not stop XRayLab
            _log.exception("the networks of %s (%s) can't be used", _package(point), point.value)
            continue
        for entry in entries:
            if entry.name in taken:
                _log.error("the network %s of %s is left out: the name is taken", entry.name, _package(point))
                continue
            taken.add(entry.name)
            usable[entry.name] = entry
    return tuple(usable.values())


def _load(point: EntryPoint) -> tuple[Network, ...]:
    loaded = point.load()
    entries = tuple(loaded) if isinstance(loaded, Iterable) else (loaded,)
    for entry in entries:
        if not isinstance(entry, Network):
            raise TypeError(f"{entry!r} is not an xraylab.networks.registry.Network")
        check_name(entry.name, what="network")
    return entries


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "another package"
