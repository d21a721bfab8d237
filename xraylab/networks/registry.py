"""
The registry of networks: what each is called, what it sees and how it is built.

- entries are plain data, so that screens can list them without importing torch; builders are named, not held
- every network ends in one output a class, NORMAL first; ``pneumonia_logit`` makes one number of them
- a network is a chain: with every stage before one replaced by the identity it maps that stage's input to the
  same outputs, so that a frozen beginning need be run only once
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
SUBTYPES = ("NORMAL", "BACTERIAL", "VIRAL")  # by file name; films don't reliably tell the last two apart

_log = logging.getLogger(__name__)


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
    parameters: int  # with two outputs
    gflop: float  # 1e9 operations of one film forward, a multiplication with its addition counted as two
    frozen_bf16: bool = False  # whether bf16 leaves the logits on its frozen features within 0.05; measured
    imagenet: str = ""  # torchvision's name of its ImageNet weights, "" where there are none
    imagenet_file: str = ""  # what torchvision calls their file; the digits are its SHA-256's first

    def __post_init__(self) -> None:
        if bool(self.imagenet) != bool(self.imagenet_file):
            raise ValueError(f"{self.name}: imagenet and imagenet_file come together, or not at all")

    @property
    def pretrained(self) -> bool:
        """Whether ImageNet weights exist for it."""
        return bool(self.imagenet)

    @property
    def middle(self) -> str:
        """The submodule whose activations tell a film of another sort: the last of two thirds of the stages.

        The last stages keep what tells ill from well and let go of what tells a chest from a cat.
        """
        return self.stages[2 * len(self.stages) // 3][-1]

    @property
    def weights_file(self) -> str:
        """What ImageNet weights of one's own are called in the home's weights folder."""
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
        parameters=2_226_434,
        gflop=0.599,
        imagenet="MobileNet_V2_Weights.IMAGENET1K_V1",
        imagenet_file="mobilenet_v2-b0353104.pth",
    ),
    Network(
        name="resnet18",
        title="ResNet18",
        about="The smallest of a family that much of medical imaging is compared with.",
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
        about="The network that the first report builds on; thorough, and slow to fine-tune without a GPU.",
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
        about="The network that the second report builds on, and much other work on chest films.",
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
        about="Newer than MobileNetV2, with about a third more to compute.",
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
        about="A recent design and strong once pretrained; slow to fine-tune without a GPU.",
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
        about="A classic of 2015, large and the slowest here; for comparison with older studies.",
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
        about="Five short convolutions from scratch whose heatmaps point; minutes on a laptop.",
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
        about="Ten convolutions trained from scratch, as the first report lists them: 2,262,434 parameters, "
        "although its text says 2,326,082.",
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
    """Every network there is, those of other packages last."""
    return _NETWORKS + _outside()


def network(name: str) -> Network:
    """One network by name.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    there_are = networks()
    for entry in there_are:
        if entry.name == name:
            return entry
    raise NotFoundError(
        f"There is no network “{name}”. There are: {', '.join(entry.name for entry in there_are)}."
    )


def build(entry: Network, *, classes: int = len(CLASSES)) -> "nn.Module":
    """A new network with random weights; seed torch before to repeat them."""
    module, _, function = entry.builder.partition(":")
    builder: Callable[[int], nn.Module] = getattr(importlib.import_module(module), function)
    return builder(classes)


@cache
def _outside() -> tuple[Network, ...]:
    """Networks of other packages, read once; what can't be used is logged and passed over."""
    found: dict[str, Network] = {}
    taken = {entry.name for entry in _NETWORKS}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            entries = _load(point)
        except Exception:  # whatever another package's module raises must not take ours down
            _log.exception("the networks of %s (%s) can't be used", _package(point), point.value)
            continue
        for entry in entries:
            if entry.name in taken:
                _log.error(
                    "the network %s of %s is passed over: the name is taken", entry.name, _package(point)
                )
                continue
            taken.add(entry.name)
            found[entry.name] = entry
    return tuple(found.values())


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
