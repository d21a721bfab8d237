"""
Download of ImageNet weights from the address where torchvision publishes them.

- the file is written under a temporary name, checked against the hash in its name, and only then renamed
- partial files of killed downloads are removed by the next download
- without a connection, the error says which file to place where
"""

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from xraylab.errors import WeightsError
from xraylab.files import replacing
from xraylab.leftovers import sweep
from xraylab.networks.pretrained import imagenet_path, weights_path
from xraylab.networks.registry import Network
from xraylab.settings import Settings

OnProgress = Callable[[int, int], None]

_TIMEOUT = 15.0  # seconds without any data
_CHUNK = 1 << 18  # bytes
_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth$")


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
    if weights == "imagenet" and entry.pretrained and imagenet_path(settings, entry) is None:
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
        why = _stream(_url(entry), file, on_progress) or _fault(file, name)
        if why:
            raise WeightsError(
                f"The ImageNet weights of {entry.title} couldn't be downloaded: {why}. Place {name} in "
                f"{folder}, or choose none."
            )
    return folder / name


def _url(entry: Network) -> str:
    from torchvision.models import get_weight

    return str(get_weight(entry.imagenet).url)


def _stream(url: str, file: BinaryIO, on_progress: OnProgress) -> str:
    """Copy the server's answer into a file; return what went wrong, or an empty text."""
    host = urlsplit(url).hostname
    try:
        response = urllib.request.urlopen(url, timeout=_TIMEOUT)  # noqa: S310 - torchvision's own address
    except urllib.error.HTTPError as error:
        error.close()
        return f"{host} answered {error.code}"
    except (OSError, http.client.HTTPException):
        return f"this machine has no connection to {host}"
    with response:
        total = int(response.headers.get("Content-Length") or 0)
        done = 0
        on_progress(done, total)
        while True:
            try:
                chunk = response.read1(_CHUNK)
            except (OSError, http.client.HTTPException):
                return "the connection broke off"
            if not chunk:
                break
            file.write(chunk)
            done += len(chunk)
            on_progress(done, total)
    return "the connection broke off" if done < total else ""


def _fault(file: BinaryIO, name: str) -> str:
    """Return what is wrong with a complete file: its hash must match the digits in torchvision's name."""
    expected = _HASH.search(name)
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it is buffered
    if expected is None or digest.startswith(expected[1]):
        return ""
    return "the file received has another SHA-256"
