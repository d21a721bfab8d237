"""The device of a training: processor or GPU, threads, memory, and whether bf16 is faster there."""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Iterator

import psutil
import torch

from xraylab.errors import TrainingError
from xraylab.settings import Settings

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's options, in malloc.h
_LARGE = 2**30  # bytes
_LOOK = 1.0  # seconds between two looks at the other programs
_held: list[int] = []  # numbers of threads that hold until the ends of their blocks


def pick_device(settings: Settings) -> torch.device:
    """Return the device that the settings name, or the fastest of this machine.

    Raises
    ------
    TrainingError
        If the settings name a device that this machine doesn't have.
    """
    available = {  # the fastest first
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if settings.device == "auto":
        return torch.device(next(name for name, here in available.items() if here))
    # A training that silently ran on the processor instead would take days.
    if not available[settings.device]:
        raise TrainingError(
            f"The settings ask for the device {settings.device}, which torch doesn't find on this machine. "
            "Set XRAYLAB_DEVICE to auto."
        )
    return torch.device(settings.device)


def use_threads(settings: Settings) -> None:
    """Set torch's number of threads to the one in the settings; 0 stands for all cores."""
    torch.set_num_threads(settings.threads or cores())


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use a number of threads until the end of the block, whatever else is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    _held.append(number)
    try:
        yield
    finally:
        _held.pop()
        torch.set_num_threads(before)


class FreeCores:
    """Keeps torch from using more threads than cores are free.

    Two threads meet after every layer of a network. If another program has the core of one of them, the other
    waits for a whole time slice, hundreds of times per film.

    Parameters
    ----------
    settings : Settings
        A number of threads that was chosen there stays.
    """

    def __init__(self, settings: Settings) -> None:
        self._fixed = settings.threads > 0
        self._last = _used()

    def follow(self) -> None:
        """Use as many threads as cores were free in the last second; called again and again."""
        if self._fixed or _held:
            return
        before, now = self._last, _used()
        seconds = now[0] - before[0]
        if seconds < _LOOK:
            return
        self._last = now
        others = (now[1] - before[1] - (now[2] - before[2])) / seconds
        torch.set_num_threads(min(max(1, round(cores() - others)), cores()))


def _used() -> tuple[float, float, float]:
    """Return the time, and the core seconds that all programs and this process have used, in seconds."""
    times, own = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "guest", 0.0)
    return time.monotonic(), sum(times) - idle, own.user + own.system


def keep_freed_memory() -> None:
    """Let this process use freed memory again instead of giving it back to the system.

    Each layer of a network asks for tens of megabytes and frees them at once. By default glibc gives them
    back, and the system fills them with zeros for the next layer, which takes more time than the layer.
    For processes that train: the memory is free again when they end.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such function
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)


def bf16_pays(device: torch.device) -> bool:
    """Return True if the device multiplies bf16 in hardware."""
    # Elsewhere every product is converted to fp32 and back, which makes a training slower.
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
