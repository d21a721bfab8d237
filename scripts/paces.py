"""
Measure the paces of all networks, for the registry: ``python -m scripts.paces``.

A pace is the speed of a network on a processor over that of a large matrix product, in GFLOP/s. The first
guess of a training's time needs it (``training.duration``). Run it on an idle machine.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from xraylab.networks.inputs import to_input
from xraylab.networks.registry import Network, build, networks
from xraylab.training.device import bf16_pays, keep_freed_memory
from xraylab.training.duration import film_gflop, matrix_product

_FORWARD, _TRAIN, _TIMES = 16, 32, 3
_CPU = torch.device("cpu")


def main() -> None:
    """Print a line for each network."""
    keep_freed_memory()
    print(f"bf16 in hardware: {bf16_pays(_CPU)}")
    for entry in networks():
        forward, train = paces(entry)
        print(f"{entry.name:20} pace=({forward:.2f}, {train:.2f})")


def paces(entry: Network) -> tuple[float, float]:
    """Return the paces of a forward pass and of a training step."""
    net = build(entry).to(memory_format=torch.channels_last)
    films = np.random.default_rng(0).integers(0, 256, (_TRAIN, 256, 256)).astype(np.uint8)
    x = to_input(torch.from_numpy(films), entry)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-6)

    @torch.inference_mode()
    def forward() -> None:
        net.eval()
        net(x[:_FORWARD])

    def step() -> None:
        net.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays(_CPU)):
            output = net(x)
        optimiser.zero_grad()
        cross_entropy(output.float(), torch.zeros(_TRAIN, dtype=torch.long)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    product = matrix_product()
    return (
        _FORWARD * film_gflop(entry, "forward") / _seconds(forward) / product,
        _TRAIN * film_gflop(entry, "train") / _seconds(step) / product,
    )


def _seconds(work: Callable[[], None]) -> float:
    """Return the median time of some work, after it was done once."""
    work()
    taken = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
