"""The device of a training: processor or GPU, threads, and whether bf16 is faster there."""

import os

import torch

from xraylab.errors import TrainingError
from xraylab.settings import Settings


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
    torch.set_num_threads(settings.threads or os.cpu_count() or 1)


def bf16_pays(device: torch.device) -> bool:
    """Return True if the device multiplies bf16 in hardware."""
    # Elsewhere every product is converted to fp32 and back, which makes a training slower.
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
