"""Memory of the device: how much is used, how much is free, and smaller pieces when it runs out."""

import math
from collections.abc import Callable
from typing import TypeVar

import psutil
import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

_ROOM = 0.5  # share of the free memory that a store or a cache may use; the training itself needs the rest
_Done = TypeVar("_Done")


def taken(device: torch.device) -> float:
    """Return the bytes that this process holds on a device."""
    if device.type == "cuda":
        return float(torch.cuda.memory_reserved(device))
    return float(psutil.Process().memory_info().rss)


def room(size: float, device: torch.device) -> bool:
    """Return True if ``size`` bytes may stay in the device's memory during a stage."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return size <= _ROOM * float(free)


def in_smaller_pieces(work: Callable[[int], _Done], size: int) -> tuple[_Done, int]:
    """Call ``work`` with a size, and halve the size while the memory runs out.

    Returns
    -------
    done
        The value that ``work`` returned.
    size : int
        The size that fitted.

    Raises
    ------
    RuntimeError, MemoryError
        If a single film is too large, or the error has another cause.
    """
    while True:
        try:
            return work(size), size
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not (isinstance(error, MemoryError) or should_reduce_batch_size(error)):
                raise
        # After the block: the error's traceback keeps the tensors alive that filled the memory.
        clear_device_cache(garbage_collection=True)
        size = math.ceil(size / 2)
