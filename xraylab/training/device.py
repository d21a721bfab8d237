"""Where a training runs: processor or GPU, threads, and whether bf16 pays there."""

import os

import torch

from xraylab.settings import Settings


def pick_device(settings: Settings) -> torch.device:
    """The device that the settings name, or the best there is."""
    if settings.device != "auto":
        return torch.device(settings.device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


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
