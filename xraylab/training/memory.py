"""Memory of the device: what is taken, what is left, and what to do when it runs out."""

import math
from collections.abc import Callable
from typing import TypeVar

import psutil
import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

_ROOM = 0.5  # share of the free memory that a store or a cache may take
_Done = TypeVar("_Done")


def taken(device: torch.device) -> float:
    """Bytes that this process holds there."""
    if device.type == "cuda":
        return float(torch.cuda.memory_reserved(device))
    return float(psutil.Process().memory_info().rss)


def room(size: float, device: torch.device) -> bool:
    """Whether so many bytes may lie in the device's memory for as long as a stage lasts."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return size <= _ROOM * float(free)


def in_smaller_pieces(work: Callable[[int], _Done], size: int) -> tuple[_Done, int]:
    """Do something in pieces of ``size``, halved for as long as the memory runs out.

    Returns
    -------
    what ``work`` returned, and the size it was done with

    Raises
    ------
    RuntimeError, MemoryError
        If a single film is too much, or it was another error.
    """
    while True:
        try:
            return work(size), size
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not (isinstance(error, MemoryError) or should_reduce_batch_size(error)):
                raise
        # outside the block: the error would keep what filled the memory alive
        clear_device_cache(garbage_collection=True)
        size = math.ceil(size / 2)
