"""
Loaded models: weights in memory, one lock each.

- the architecture comes from the registry, the weights from safetensors: nothing is unpickled
- the lock guards every forward pass, since Grad-CAM's hooks see all of them
"""

import hashlib
import threading
from dataclasses import dataclass, field

import safetensors.torch
import torch
from torch import nn

from xraylab.errors import DatasetError, WeightsError
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import Model
from xraylab.networks.registry import Network, build, network


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to score."""

    model: Model
    net: nn.Module
    entry: Network
    device: torch.device
    busy: threading.Lock = field(default_factory=threading.Lock)


def load(model: Model, *, device: torch.device | None = None) -> LoadedModel:
    """Load a model's weights.

    Raises
    ------
    DatasetError
        If the model was trained on films prepared differently.
    WeightsError
        If the weights file isn't the one that the card describes, or can't be used.
    """
    card = model.card
    if card.preprocess_version != PREPROCESS_VERSION:
        raise DatasetError(
            f"The model “{card.name}” was trained on films prepared by another version of XRayLab "
            f"(preprocessing {card.preprocess_version}, here {PREPROCESS_VERSION}). Train it again."
        )
    entry = network(card.arch)
    try:
        raw = model.weights.read_bytes()
        if hashlib.sha256(raw).hexdigest() != card.model_sha256:
            raise WeightsError(
                f"The weights of “{card.name}” have changed since its card was written. Train it again."
            )
        state = safetensors.torch.load(raw)
    except OSError as error:
        raise WeightsError(f"The weights of “{card.name}” can't be read. Train it again.") from error
    net = build(entry, classes=len(card.classes))
    try:
        net.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    except RuntimeError as error:
        raise WeightsError(
            f"The weights of “{card.name}” don't fit {entry.title} as this version builds it. Train it again."
        ) from error
    if not all(bool(torch.isfinite(parameter).all()) for parameter in net.state_dict().values()):
        raise WeightsError(f"The weights of “{card.name}” are not finite numbers. Train it again.")
    where = device or torch.device("cpu")
    net = net.eval().requires_grad_(requires_grad=False).to(where).to(memory_format=torch.channels_last)
    return LoadedModel(model, net, entry, where)
