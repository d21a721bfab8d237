"""
One entry of the registry of networks: plain data, and what follows from it.

- a builder is given as text, so that screens can list networks without torch
- a network is a chain of stages: with the first stages replaced by identities, it maps the output of these
  stages to the same final outputs; so frozen first stages need to run only once per film
"""

import re
from dataclasses import dataclass

_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.pth$")  # of a SHA-256, as torchvision puts them into a name


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
    # Speeds of a forward pass and of a training step over that of a large matrix product, on a processor with
    # bf16, as ``python -m scripts.paces`` measures them; the first guess of a training's time needs them.
    pace: tuple[float, float] = (1.0, 1.5)
    frozen_bf16: bool = False  # whether frozen features in bf16 change logits by at most 0.05, as measured
    imagenet: str = ""  # torchvision's name of its ImageNet weights, "" if it publishes none
    imagenet_file: str = ""  # published name of the file of these weights, "" if there are none
    imagenet_package: str = ""  # the Python package that contains this file, if one does
    imagenet_sha256: str = (
        ""  # of this file; by default its first digits, which torchvision puts into the name
    )

    def __post_init__(self) -> None:
        if bool(self.imagenet_file) != bool(self.imagenet or self.imagenet_package):
            raise ValueError(
                f"{self.name}: give imagenet_file with imagenet or imagenet_package, or none of them"
            )

    @property
    def pretrained(self) -> bool:
        """Whether ImageNet weights exist for this network."""
        return bool(self.imagenet_file)

    @property
    def published_sha256(self) -> str:
        """SHA-256 of the published ImageNet weights, or its first digits; "" if unknown."""
        digits = _DIGITS.search(self.imagenet_file)
        return self.imagenet_sha256 or (digits[1] if digits else "")

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
