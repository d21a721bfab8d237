"""
Activations on disk: what a frozen part made of films, kept for the next training that freezes the same.

- seeds, grids and trainings that go on find the pass over the films already done
- a file is known by everything that its content hangs on: the frozen weights, the pixels, the films and
  their order, how films are prepared, the precision, and what computed it; so nothing is ever out of date
- only films as they are: varied ones belong to one seed
- it may be deleted at any time, and deletes its oldest files itself
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
_SPARE = 2**30  # bytes of the disk that are never taken
_SUFFIX = ".safetensors"
_log = logging.getLogger(__name__)


class ActivationCache:
    """A folder of activations.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    limit : int
        Bytes that all files together may take.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT) -> None:
        self._folder, self._limit = folder, limit

    def read(self, key: str) -> Tensor | None:
        """The activations under a key, on the processor; None if there are none, or they are damaged."""
        file = self._file(key)
        try:
            found = safetensors.torch.load_file(file)["activations"]
            file.touch()  # the oldest is the one that nobody has asked for
        except FileNotFoundError:
            return None
        except Exception:  # a damaged file raises many kinds; the activations can be made again
            _log.warning("the cached activations %s are damaged and made again", file.name)
            file.unlink(missing_ok=True)
            return None
        return found

    def write(self, key: str, activations: Tensor) -> None:
        """Keep activations, if there is room; a training never fails for lack of it."""
        try:
            if self._make_room(activations.nbytes):
                with replacing(self._file(key)) as file:
                    file.write(safetensors.torch.save({"activations": activations.cpu().contiguous()}))
        except (OSError, StorageError) as error:
            _log.warning("activations weren't cached: %s", error)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _make_room(self, size: int) -> bool:
        """Delete the oldest until ``size`` more bytes fit; false if they never will."""
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
    """Everything that activations hang on, as one hash.

    Parameters
    ----------
    tail : int
        How many of the network's stages are trained beside the head.
    films : str
        What is known of the pixels, such as their hash.
    rows : int array of shape (n,)
        Which films, in which order.
    batch : int
        How many pass at once: sums in another order differ in the last bits.
    """
    said = (entry.name, entry.side, entry.mean, entry.std, tail, films, batch, device.type, autocast)
    made_by = (PREPROCESS_VERSION, torch.__version__, torch.get_num_threads())
    hashed = hashlib.sha256(repr((said, made_by)).encode())
    hashed.update(np.ascontiguousarray(rows, np.int64).tobytes())
    trained = (entry.head, *(name for stage in entry.stages[len(entry.stages) - tail :] for name in stage))
    for name, value in _frozen(net, trained):
        hashed.update(name.encode())
        hashed.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()


def _frozen(net: nn.Module, trained: tuple[str, ...]) -> Iterable[tuple[str, Tensor]]:
    """The weights and buffers before the trained part."""
    before = tuple(f"{name}." for name in trained)
    return ((name, value) for name, value in net.state_dict().items() if not name.startswith(before))
