"""
ImageNet weights from where torchvision publishes them.

- the file is streamed beside its place, checked against the hash in its name, and only then renamed
- what a download that was killed left behind goes when a later one runs
- without a connection the answer is a sentence: which file to place where
"""

import contextlib
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from xraylab.errors import WeightsError
from xraylab.files import storage_errors
from xraylab.networks.pretrained import imagenet_path, weights_path
from xraylab.networks.registry import Network
from xraylab.settings import Settings

OnProgress = Callable[[int, int], None]

_TIMEOUT = 15.0  # seconds without a byte
_CHUNK = 1 << 18  # bytes
_ABANDONED = 10 * _TIMEOUT  # a partial file untouched for so long belongs to nobody
_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth$")


def ensure_weights(settings: Settings, entry: Network, weights: str, on_progress: OnProgress) -> Path:
    """Find the file that ``weights`` means; ImageNet weights are downloaded if they aren't here.

    Parameters
    ----------
    weights : str
        ``imagenet``, a model's name, or a path to a ``.safetensors`` or ``.pth`` file.
    on_progress : callable
        As for ``fetch_imagenet``.

    Raises
    ------
    WeightsError
        If there is no such file, and none to be had.
    """
    if weights == "imagenet" and entry.pretrained and imagenet_path(settings, entry) is None:
        return fetch_imagenet(settings, entry, on_progress=on_progress)
    return weights_path(settings, entry, weights)


def fetch_imagenet(settings: Settings, entry: Network, *, on_progress: OnProgress) -> Path:
    """Download a network's ImageNet weights into the home's weights folder.

    Parameters
    ----------
    on_progress : callable
        Given the bytes done and the bytes in all (0 if the server doesn't say); may raise to cancel, which
        leaves nothing behind.

    Returns
    -------
    Path
        The file, under torchvision's own name.

    Raises
    ------
    WeightsError
        If it can't be had; the message says which file to place where.
    StorageError
        If the disk is full or the folder may not be written.
    """
    folder, name = settings.weights, entry.imagenet_file
    target = folder / name
    partial = folder / f".{name}.{uuid.uuid4().hex}.partial"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        try:
            with partial.open("wb") as file:
                why = _stream(_url(entry), file, on_progress)
                file.flush()
                os.fsync(file.fileno())
            why = why or _fault(partial, name)
            if why:
                raise WeightsError(
                    f"The ImageNet weights of {entry.title} couldn't be downloaded: {why}. Place {name} in "
                    f"{folder}, or choose none."
                )
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target


def _url(entry: Network) -> str:
    from torchvision.models import get_weight

    return str(get_weight(entry.imagenet).url)


def _stream(url: str, file: BinaryIO, on_progress: OnProgress) -> str:
    """Copy what a server sends; returns what went wrong on the way, or nothing."""
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


def _fault(file: Path, name: str) -> str:
    """What is wrong with a whole file: the hash in torchvision's name for it must be its own."""
    expected = _HASH.search(name)
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if expected is None or found.startswith(expected[1]):
        return ""
    return "what arrived is not that file, by its SHA-256"


def _sweep(folder: Path) -> None:
    """Remove what killed downloads left; one that is under way is touched all the time."""
    for partial in folder.glob(".*.partial"):
        with contextlib.suppress(FileNotFoundError):  # it has just been put in place
            if time.time() - partial.stat().st_mtime > _ABANDONED:
                partial.unlink()
