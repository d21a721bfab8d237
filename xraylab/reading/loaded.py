"""
Loaded models: weights in memory, one lock each.

- a model is made of parts: one network, or those of an ensemble's members; nothing else tells them apart
- the architecture comes from the registry, the weights from safetensors: nothing is unpickled
- the lock guards every forward pass, since Grad-CAM's hooks see all of them
"""

import threading
from dataclasses import dataclass, field

import safetensors.torch
import torch
from torch import nn

from xraylab.errors import DatasetError, WeightsError
from xraylab.evaluation.novelty import Novelty
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import Model
from xraylab.models.heatmap_scale import MapScale, read_scale
from xraylab.networks.backends import Run, forward
from xraylab.networks.registry import Network, build, network


@dataclass(frozen=True, eq=False)
class Part:
    """A network that scores, with what it needs to see."""

    net: nn.Module
    entry: Network
    run: Run | None = None  # the network on the model's backend; None for the network itself
    novelty: Novelty | None = None  # what its training films are like; None where that isn't known
    scale: MapScale | None = None  # of its heatmaps; None of models that weren't measured


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to score."""

    model: Model
    parts: tuple[Part, ...]  # one, or one a member
    device: torch.device
    busy: threading.Lock = field(default_factory=threading.Lock)  # of all parts


def load(model: Model, *, device: torch.device | None = None) -> LoadedModel:
    """Load a model's weights, or those of an ensemble's members.

    Raises
    ------
    DatasetError
        If the model was trained on films prepared differently.
    WeightsError
        If a weights file isn't the one that the card describes, or can't be used; of an ensemble also if
        a member is gone or was replaced.
    """
    where = device or torch.device("cpu")
    return LoadedModel(model, tuple(_load_part(part, where) for part in model.parts), where)


def _load_part(model: Model, device: torch.device) -> Part:
    card = model.card
    if card.preprocess_version != PREPROCESS_VERSION:
        raise DatasetError(
            f"The model “{card.name}” was trained on films prepared by another version of XRayLab "
            f"(preprocessing {card.preprocess_version}, here {PREPROCESS_VERSION}). {model.remedy}"
        )
    entry = network(card.arch)
    raw = model.read_weights()
    net = build(entry, classes=len(card.classes))
    try:
        state = safetensors.torch.load(raw)
        net.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    except RuntimeError as error:
        raise WeightsError(
            f"The weights of “{card.name}” don't fit {entry.title} as this version builds it. {model.remedy}"
        ) from error
    if not all(bool(torch.isfinite(parameter).all()) for parameter in net.state_dict().values()):
        raise WeightsError(f"The weights of “{card.name}” are not finite numbers. {model.remedy}")
    net = net.eval().requires_grad_(requires_grad=False).to(device).to(memory_format=torch.channels_last)
    run = forward(net, entry, card.backend, device)
    return Part(net, entry, run, model.novelty, read_scale(model))
