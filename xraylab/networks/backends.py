"""
Backends: ways to run a network's forward pass.

- ``fp32`` is the network itself and the default: published scores are computed with it
- ``compile`` and ``openvino`` also compute in fp32, but in another order: logits change by up to about 1e-4
- ``bf16`` and ``openvino-bf16`` may change logits by tenths: for browsing many films, not for decisions
- no backend changes the network that it is given
- ``openvino`` is an optional package, for processors only; its reports of use over the network are blocked
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import cast

import torch
from torch import Tensor, nn

from xraylab.errors import SettingsError
from xraylab.networks.registry import Network

Run = Callable[[Tensor], Tensor]  # (B, 3, side, side) float32 -> (B, classes) float32, on the same device
BACKENDS = ("fp32", "bf16", "compile", "openvino", "openvino-bf16")


def forward(net: nn.Module, entry: Network, backend: str, device: torch.device) -> Run:
    """Return a network's forward pass on a backend, without gradients.

    Parameters
    ----------
    net : nn.Module
        On the device; it is put into eval mode here. Later changes of its weights may or may not take effect.
    backend : str
        ``fp32``, ``bf16`` (autocast, channels last), ``compile`` (torch.compile), ``openvino`` or
        ``openvino-bf16``.

    Raises
    ------
    SettingsError
        If this machine can't run the backend; the message says what is missing.
    ValueError
        If there is no such backend.
    """
    net.eval()
    if backend == "fp32":
        return cast(Run, net)
    if backend == "bf16":
        return _bf16(net, device)
    if backend == "compile":
        return _compiled(net, entry, device)
    if backend.startswith("openvino"):
        return _openvino(net, entry, device, "bf16" if backend == "openvino-bf16" else "f32")
    raise ValueError(f"backend is {backend!r}; there are {', '.join(BACKENDS)}")


def _bf16(net: nn.Module, device: torch.device) -> Run:
    @torch.inference_mode()
    def run(x: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return cast(Tensor, net(x.contiguous(memory_format=torch.channels_last))).float()

    return run


def _compiled(net: nn.Module, entry: Network, device: torch.device) -> Run:
    compiled = torch.compile(net)

    @torch.no_grad()
    def run(x: Tensor) -> Tensor:
        return cast(Tensor, compiled(x))

    try:  # torch compiles only at the first film, so a missing compiler shows only then
        run(torch.zeros(1, 3, entry.side, entry.side, device=device))
    except Exception as error:  # torch's compiler raises many kinds
        raise SettingsError(
            f"torch can't compile {entry.title} on this machine ({type(error).__name__}); it needs a C++ "
            "compiler. Install one, or choose the backend fp32."
        ) from error
    return run


def _openvino(net: nn.Module, entry: Network, device: torch.device, precision: str) -> Run:
    if device.type != "cpu":
        raise SettingsError(
            f"The backend openvino runs on the processor, not on {device.type}. Choose compile, or set "
            "XRAYLAB_DEVICE to cpu."
        )
    _silence_openvino()
    try:
        import openvino  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise SettingsError(
            "The backend openvino needs the package openvino. Install it with pip install openvino, or "
            "choose the backend fp32."
        ) from error
    example = torch.zeros(2, 3, entry.side, entry.side)  # torch would fix a batch size of 1 as a constant
    exported = torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim("films")},))
    model = openvino.convert_model(exported)
    options = {
        "INFERENCE_PRECISION_HINT": precision,  # by default openvino uses bf16 where the processor has it
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.compile_model(model, "CPU", options)

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(compiled(x.contiguous().numpy())[0]).float()

    return run


def _silence_openvino() -> None:
    """Block the module with which openvino reports its use over the network; it works without it."""
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
