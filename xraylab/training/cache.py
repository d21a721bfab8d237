"""
Activations on disk: the output of a frozen part for films, kept for the next training with the same part.

- other seeds, grids and resumed trainings don't have to run the frozen part again
- the name of a file is a hash of everything that its content depends on: frozen weights, pixels, films and
  their order, preprocessing, precision, and the torch that computed it; so no file is ever out of date
- only unvaried films are kept, because varied films belong to one seed
- the folder may be deleted at any time; the cache deletes its oldest files itself
"""

import hashlib
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xraylab.errors import StorageError
from xraylab.files import replacing
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.networks.registry import Network

_LIMIT = 2 * 2**30  # bytes of all files together
_SPARE = 2**30  # bytes of the disk that stay free
_SUFFIX = ".safetensors"
_log = logging.getLogger(__name__)


class ActivationCache:
    """A folder of activations.

    Parameters
    ----------
    folder : Path
        Made at the first write.
    limit : int
        Largest size of all files together, in bytes.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT) -> None:
        self._folder, self._limit = folder, limit

    def read(self, key: str) -> Tensor | None:
        """Return the activations under a key, on the processor; None if they are missing or damaged."""
        file = self._file(key)
        try:
            activations = safetensors.torch.load_file(file)["activations"]
            file.touch()  # the file that was not used for the longest time is deleted first
        except FileNotFoundError:
            return None
        except Exception:  # a damaged file raises many kinds of errors; its content can be computed again
            _log.warning("the cached activations %s are damaged and are computed again", file.name)
            file.unlink(missing_ok=True)
            return None
        return activations

    def write(self, key: str, activations: Tensor) -> None:
        """Keep activations if there is room."""
        # A training must not fail because its cache can't be written.
        try:
            if self._make_room(activations.nbytes):
                with replacing(self._file(key)) as file:
                    file.write(safetensors.torch.save({"activations": activations.cpu().contiguous()}))
        except (OSError, StorageError) as error:
            _log.warning("activations weren't cached: %s", error)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _make_room(self, size: int) -> bool:
        """Delete the oldest files until ``size`` more bytes fit; return False if they can't fit."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if size > self._limit or shutil.disk_usage(self._folder).free < size + _SPARE:
            return False
        files = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime)
        taken = sum(file.stat().st_size for file in files)
        for file in files:
            if taken + size <= self._limit:
                break
            taken -= file.stat().st_size
            file.unlink(missing_ok=True)
        return True


def cache_key(
    net: nn.Module,
    entry: Network,
    tail: int,
    *,
    films: str,
    rows: NDArray[np.intp],
    batch: int,
    device: torch.device,
    autocast: bool,
) -> str:
    """Hash everything that activations depend on.

    Parameters
    ----------
    tail : int
        Number of stages that are trained together with the head.
    films : str
        Hash of the pixels and their split.
    rows : int array of shape (n,)
        Rows of the films, in their order.
    batch : int
        Films that pass at once.
    """
    # Threads decide in which order numbers are added up too, and so the last bits. Their number follows what
    # else the machine does: it doesn't count, so that a training that goes on finds the bits that it had.
    inputs = (entry.name, entry.side, entry.mean, entry.std, tail, films, batch, device.type, autocast)
    made_by = (PREPROCESS_VERSION, torch.__version__)
    hashed = hashlib.sha256(repr((inputs, made_by)).encode())
    hashed.update(np.ascontiguousarray(rows, np.int64).tobytes())
    trained = (entry.head, *(name for stage in entry.stages[len(entry.stages) - tail :] for name in stage))
    for name, value in _frozen(net, trained):
        hashed.update(name.encode())
        hashed.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()


def _frozen(net: nn.Module, trained: tuple[str, ...]) -> Iterable[tuple[str, Tensor]]:
    """Return the weights and buffers of the frozen part."""
    prefixes = tuple(f"{name}." for name in trained)
    return ((name, value) for name, value in net.state_dict().items() if not name.startswith(prefixes))
