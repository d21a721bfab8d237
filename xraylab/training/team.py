"""
The processes that train together: one as a rule, several under ``accelerate launch``.

- every process draws the same random numbers and takes its share of each batch, so that the films and
  their variations don't depend on how many processes there are
- accelerate wraps the network, averages the gradients and carries results between the processes
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
        Where a process alone would train; several take a GPU each.
    """

    def __init__(self, device: torch.device) -> None:
        self._accelerator = Accelerator(cpu=device.type == "cpu")
        self.size = self._accelerator.num_processes
        self.rank = self._accelerator.process_index
        self.leads = self._accelerator.is_main_process
        self.device = self._accelerator.device if self.size > 1 else device

    def share(self, batch: _Batch) -> _Batch:
        """Our part of a batch."""
        return batch if self.size == 1 else batch[self.rank :: self.size]

    def whole(self, share: Tensor) -> Tensor:
        """All shares in the order of the batch, on the processor, in every process."""
        if self.size == 1:
            return share.cpu()
        shares: list[Tensor] = gather_object([share.cpu()])
        whole = torch.cat([torch.empty_like(one) for one in shares])
        for rank, one in enumerate(shares):
            whole[rank :: self.size] = one
        return whole

    def together(self, mine: Tensor) -> Tensor:
        """What all processes have, one after another, on the processor."""
        return mine.cpu() if self.size == 1 else torch.cat(gather_object([mine.cpu()]))

    def tell(self, word: str | None) -> str | None:
        """What the first process says; what the others say doesn't matter."""
        words = [word]
        broadcast_object_list(words)
        return words[0]

    def wait(self) -> None:
        """Go on only when all are here."""
        self._accelerator.wait_for_everyone()

    def any(self, flag: Tensor) -> bool:
        """Whether it is true in any process; all must ask."""
        return bool(flag) if self.size == 1 else any(gather_object([bool(flag)]))

    @contextmanager
    def training(self, part: nn.Module) -> Iterator[nn.Module]:
        """The network to call while training: it shares its gradients."""
        run = self._accelerator.prepare_model(part)
        try:
            yield run
        finally:
            self._accelerator.free_memory()
            run._is_accelerate_prepared = False  # a later stage prepares the same network again

    def backward(self, loss: Tensor, run: nn.Module, *, last: bool) -> None:
        """Add to the gradients, and share them with the last piece of a batch."""
        with nullcontext() if last else self._accelerator.no_sync(run):
            self._accelerator.backward(loss)
