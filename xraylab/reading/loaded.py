"""
Loaded models: weights in memory, ready to score.

- a model has one part per network: one, or one per member of an ensemble; code that reads films treats both
  the same
- the architecture comes from the registry, the weights from safetensors: nothing is unpickled
- every forward pass waits for its turn, since Grad-CAM's hooks see all of them
"""

from dataclasses import dataclass, field

import safetensors
import safetensors.torch
import torch
from torch import nn

from xraylab.errors import DatasetError, WeightsError
from xraylab.evaluation.novelty import Novelty
from xraylab.formats import visible
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import Model
from xraylab.models.heatmap_scale import MapScale, read_scale
from xraylab.networks.backends import BACKENDS, Run, forward
from xraylab.networks.registry import Network, build, network
from xraylab.reading.turns import InTurn, OneAtATime


@dataclass(frozen=True, eq=False)
class Part:
    """A network that scores, with what reading needs to know about it."""

    net: nn.Module
    entry: Network
    run: Run | None = None  # the network on the model's backend; None for the network itself
    novelty: Novelty | None = None  # how its training films look; None if that wasn't recorded
    scale: MapScale | None = None  # of its heatmaps; None if it wasn't measured


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to score."""

    model: Model
    parts: tuple[Part, ...]  # one, or one per member
    device: torch.device
    in_turn: InTurn = field(default_factory=OneAtATime)  # runs all passes through any part


def load(model: Model, *, device: torch.device | None = None) -> LoadedModel:
    """Load a model's weights, or those of an ensemble's members.

    Parameters
    ----------
    model : Model
    device : torch.device, optional
        Where the networks run; by default the processor.

    Raises
    ------
    DatasetError
        If the model was trained on films prepared differently.
    WeightsError
        If a weights file isn't the one that the card describes, or can't be used; for an ensemble also if
        a member is missing or was replaced.
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
    if card.backend not in BACKENDS:
        raise WeightsError(
            f"“{card.name}” was scored with the backend “{visible(card.backend)}”, which this version of "
            f"XRayLab doesn't have. {model.remedy}"
        )
    entry = network(card.arch)
    raw = model.read_weights()
    net = build(entry, classes=len(card.classes))
    try:
        # Shipped weights are stored in half precision, and every network scores in single.
        state = safetensors.torch.load(raw)
        net.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        )
    except (RuntimeError, ValueError, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"The weights of “{card.name}” don't fit {entry.title} as this version builds it. {model.remedy}"
        ) from error
    if not all(bool(torch.isfinite(parameter).all()) for parameter in net.state_dict().values()):
        raise WeightsError(f"The weights of “{card.name}” are not finite numbers. {model.remedy}")
    net = net.eval().requires_grad_(requires_grad=False).to(device).to(memory_format=torch.channels_last)
    run = forward(net, entry, card.backend, device)
    return Part(net, entry, run, model.novelty, read_scale(model))
