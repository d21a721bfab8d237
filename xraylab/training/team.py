"""
The processes that train together: usually one, several under ``accelerate launch``.

- every process draws the same random numbers and takes its share of each batch, so the films and their
  variations don't depend on the number of processes
- accelerate wraps the network, averages the gradients and sends results between the processes
- a method that communicates must be called in all processes, or those that call it wait for ever
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from numpy.typing import NDArray
from torch import Tensor, nn

_Batch = TypeVar("_Batch", Tensor, NDArray[np.intp])


class Team:
    """The processes of one training, seen from one of them.

    Parameters
    ----------
    device : torch.device
        Device of a process that trains alone; several processes take one GPU each.
    """

    def __init__(self, device: torch.device) -> None:
        self._accelerator = Accelerator(cpu=device.type == "cpu")
        self.size = self._accelerator.num_processes
        self.rank = self._accelerator.process_index
        self.leads = self._accelerator.is_main_process
        self.device = self._accelerator.device if self.size > 1 else device

    def share(self, batch: _Batch) -> _Batch:
        """Return this process's share of a batch."""
        # Every size-th film, so that the shares differ by one film at most.
        return batch if self.size == 1 else batch[self.rank :: self.size]

    def gather_batch(self, share: Tensor) -> Tensor:
        """Return all shares in the order of the batch, on the processor, in every process."""
        if self.size == 1:
            return share.cpu()
        shares: list[Tensor] = gather_object([share.cpu()])
        batch = torch.cat([torch.empty_like(part) for part in shares])
        for rank, part in enumerate(shares):
            batch[rank :: self.size] = part
        return batch

    def gather(self, share: Tensor) -> Tensor:
        """Return all shares, one process after another, on the processor, in every process."""
        return share.cpu() if self.size == 1 else torch.cat(gather_object([share.cpu()]))

    def broadcast(self, value: str | None) -> str | None:
        """Return the value of rank 0 in every process."""
        values = [value]
        broadcast_object_list(values)
        return values[0]

    def wait(self) -> None:
        """Wait until all processes have come to this point."""
        self._accelerator.wait_for_everyone()

    def any(self, flag: Tensor) -> bool:
        """Return True if the flag is true in any process."""
        return bool(flag) if self.size == 1 else any(gather_object([bool(flag)]))

    @contextmanager
    def training(self, part: nn.Module) -> Iterator[nn.Module]:
        """Wrap the trained part until the end of the block, so that its gradients are averaged."""
        wrapped = self._accelerator.prepare_model(part)
        try:
            yield wrapped
        finally:
            self._accelerator.free_memory()
            # Accelerate marks a network that it has prepared; a later stage prepares the same network again.
            wrapped._is_accelerate_prepared = False

    def backward(self, loss: Tensor, wrapped: nn.Module, *, last: bool) -> None:
        """Add to the gradients, and average them over the processes with the last piece of a batch."""
        # Averaging after every piece would send the same gradients several times.
        with nullcontext() if last else self._accelerator.no_sync(wrapped):
            self._accelerator.backward(loss)
