"""
Pretrained weights on this machine: in the home's weights folder, in a file, or in another model.

- ``imagenet`` is a file that the user placed, or the file that torchvision publishes, under its original name
- nothing is downloaded here; ``download`` does that
- no torch: requests are checked here before torch is imported, which takes seconds
"""

import json
from pathlib import Path

from xraylab.errors import WeightsError
from xraylab.networks.registry import Network
from xraylab.settings import OF_HOME, Settings, shipped_models
from xraylab.stored import read_file


def default_weights(entry: Network) -> str:
    """Return the weights that a training starts from if none are named: ``imagenet`` or ``none``."""
    return "imagenet" if entry.pretrained else "none"


def check_weights(settings: Settings, entry: Network, weights: str) -> None:
    """Check that a training can start from these weights: they are here, or can be downloaded.

    Parameters
    ----------
    weights : str
        ``imagenet``, ``none``, a model's name, or a path to a ``.safetensors`` or ``.pth`` file.

    Raises
    ------
    WeightsError
        If there is no such file, the network has no ImageNet weights, or the model is of another network.
    """
    if weights == "imagenet":
        _check_imagenet(entry)
    elif weights != "none":
        weights_path(settings, entry, weights)


def weights_path(settings: Settings, entry: Network, weights: str) -> Path:
    """Return the file that ``weights`` stands for.

    Parameters
    ----------
    weights : str
        ``imagenet``, a model's name, or a path to a ``.safetensors`` or ``.pth`` file.

    Raises
    ------
    WeightsError
        If there is no such file, the network has no ImageNet weights, or the model is of another network.
    """
    if weights == "imagenet":
        _check_imagenet(entry)
        file = imagenet_path(settings, entry)
        if file is None:
            raise WeightsError(
                f"The ImageNet weights of {entry.title} are not on this machine. Place the file "
                f"{entry.imagenet_file} in {settings.weights}, name a file with --weights, or choose none."
            )
        return file
    model = model_weights(settings, weights)
    if model is not None:
        _check_same_network(model.parent, entry)
        return model
    file = Path(weights).expanduser()
    if not file.is_file():
        raise WeightsError(
            f"“{weights}” is neither imagenet, none, a model, nor a weights file on this machine. Check the "
            "name or path."
        )
    return file


def model_weights(settings: Settings, weights: str) -> Path | None:
    """Return the weights file of the model with this name, in the home or shipped; None if there is none.

    Raises
    ------
    WeightsError
        If the model is an ensemble.
    """
    if "/" in weights:
        return None
    name = weights.removesuffix(OF_HOME)
    shipped, home = shipped_models() / name, settings.models / name
    # As everywhere, the plain name of a shipped model means the shipped one.
    places = (shipped,) if name == weights and (shipped / "card.json").exists() else (home,)
    for folder in places:
        if (folder / "model.safetensors").exists():
            return folder / "model.safetensors"
        if (folder / "members.json").exists():
            raise WeightsError(
                f"“{weights}” is an ensemble and has no weights of its own. Choose one of its members."
            )
    return None


def imagenet_path(settings: Settings, entry: Network) -> Path | None:
    """Return the file of ImageNet weights on this machine: the user's own first, then torchvision's."""
    if not entry.pretrained:
        return None
    places = (settings.weights / entry.weights_file, settings.weights / entry.imagenet_file)
    return next((place for place in places if place.is_file()), None)


def _check_imagenet(entry: Network) -> None:
    if not entry.pretrained:
        raise WeightsError(f"There are no ImageNet weights for {entry.title}. Choose none.")


def _check_same_network(model: Path, entry: Network) -> None:
    """Reject weights of another network. A damaged card passes: loading the model reports it."""
    try:
        arch = json.loads(read_file(model / "card.json"))["arch"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if arch != entry.name:
        raise WeightsError(
            f"The model “{model.name}” is a {arch}, so its weights don't fit {entry.title}. Choose a model "
            f"of the network {entry.name}, or train a {arch}."
        )
