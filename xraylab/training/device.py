"""Where a training runs: processor or GPU, threads, and whether bf16 pays there."""

import os

import torch

from xraylab.errors import TrainingError
from xraylab.settings import Settings


def pick_device(settings: Settings) -> torch.device:
    """The device that the settings name, or the best there is.

    Raises
    ------
    TrainingError
        If the settings name one that this machine doesn't have.
    """
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if settings.device == "auto":
        return torch.device(next(name for name, available in here.items() if available))
    if not here[settings.device]:
        raise TrainingError(
            f"The settings ask for the device {settings.device}, which torch doesn't find on this machine. "
            "Set XRAYLAB_DEVICE to auto."
        )
    return torch.device(settings.device)


def use_threads(settings: Settings) -> None:
    """Give torch the threads that the settings allow."""
    torch.set_num_threads(settings.threads or os.cpu_count() or 1)


def bf16_pays(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware; without, autocast would only slow it down."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
