"""
Download of ImageNet weights from the address where torchvision publishes them.

- the file is written under a temporary name, checked against the hash in its name, and only then renamed
- partial files of killed downloads are removed by the next download
- without a connection, the error says which file to place where, and what is here already
- weights that torchvision doesn't publish are never downloaded
"""

from pathlib import Path

from xraylab.errors import WeightsError
from xraylab.files import replacing
from xraylab.leftovers import sweep
from xraylab.networks.pretrained import imagenet_path, instead, weights_path
from xraylab.networks.registry import Network
from xraylab.settings import Settings
from xraylab.transfer import OnProgress, Remote, origin, receive

_AT_MOST = 2_000_000_000  # bytes; the largest file that torchvision publishes for a network here has 553 MB


def ensure_weights(settings: Settings, entry: Network, weights: str, on_progress: OnProgress) -> Path:
    """Return the file that ``weights`` stands for; download ImageNet weights if they are missing.

    Parameters
    ----------
    weights : str
        ``imagenet``, a model's name, or a path to a ``.safetensors`` or ``.pth`` file.
    on_progress : callable
        As for ``fetch_imagenet``.

    Raises
    ------
    WeightsError
        If there is no such file, and it can't be downloaded.
    """
    if weights == "imagenet" and entry.imagenet and imagenet_path(settings, entry) is None:
        return fetch_imagenet(settings, entry, on_progress=on_progress)
    return weights_path(settings, entry, weights)


def fetch_imagenet(settings: Settings, entry: Network, *, on_progress: OnProgress) -> Path:
    """Download a network's ImageNet weights into the home's weights folder.

    Parameters
    ----------
    on_progress : callable
        Called with the bytes done and the bytes in total (0 if the server doesn't say). It may raise to
        cancel; then no file is left.

    Returns
    -------
    Path
        The file, named as torchvision names it.

    Raises
    ------
    WeightsError
        If the download fails; the message says which file to place where.
    StorageError
        If the disk is full or the folder isn't writable.
    """
    folder, name = settings.weights, entry.imagenet_file
    sweep(folder)
    with replacing(folder / name) as file:
        if why := receive(_remote(entry), file, on_progress):
            raise WeightsError(
                f"The ImageNet weights of {entry.title} couldn't be downloaded: {why}. "
                f"{instead(settings, entry)}"
            )
    return folder / name


def _remote(entry: Network) -> Remote:
    url = _url(entry)
    return Remote(url, (origin(url),), _AT_MOST, "sha256", entry.published_sha256)


def _url(entry: Network) -> str:
    from xraylab.networks.vision import torchvision

    return str(torchvision.models.get_weight(entry.imagenet).url)
