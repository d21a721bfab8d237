"""What a training reports while it runs: phases, films and time left of the whole job, and its epochs."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from xraylab.formats import count
from xraylab.runs import folder
from xraylab.runs.run import RunCancelled
from xraylab.settings import Settings
from xraylab.training.contract import Epoch, Progress
from xraylab.training.device import FreeCores
from xraylab.training.memory import taken
from xraylab.training.progress import Clock

_PROGRESS_EVERY = 0.5  # seconds
_MEGABYTE = 1e6
_log = logging.getLogger(__name__)


@dataclass
class JobReporter:
    """Writes the progress of a training to the run's folder, and stops it when the run is cancelled."""

    settings: Settings
    run_id: str
    write: Callable[[dict[str, Any]], None]
    cancelled: Callable[[], bool]
    clock: Clock = field(default_factory=lambda: Clock(0))  # of the whole job, from button to model
    device: str = ""
    cores: FreeCores | None = None  # of a training on a processor
    last: float = -math.inf  # time of the last write, in seconds
    seconds_before: float = 0.0  # duration of the epochs before the run was stopped

    def stop_if_cancelled(self) -> None:
        """Raise ``RunCancelled`` if the run was cancelled."""
        if self.cancelled():
            raise RunCancelled

    def on_progress(self, now: Progress) -> None:
        """Write the progress, if it is time, and let torch use what cores are free."""
        self.stop_if_cancelled()
        if self.cores is not None:
            self.cores.follow()
        if self._is_due():
            self.write(asdict(now))

    def _is_due(self) -> bool:
        """Return True if it is time to write again."""
        due = time.monotonic() - self.last >= _PROGRESS_EVERY
        if due:
            self.last = time.monotonic()
        return due

    def phase(self, doing: str, films: int, passes: float = 1.0) -> Callable[[int], None]:
        """Begin a phase that isn't training; return a function to be told the number of films done so far.

        Parameters
        ----------
        passes : float
            Forward passes of the whole network that each film is worth.
        """
        clock, before = self.clock, 0
        clock.phase()

        def tell(done: int) -> None:
            nonlocal before
            clock.films += done - before
            clock.done += (done - before) * passes
            before = done
            words = f"{doing}: {count(done)} of {count(films)}"
            left, memory = clock.seconds_left, taken(torch.device("cpu"))
            self.on_progress(Progress(words, clock.fraction, clock.speed, left, self.device, memory))

        self.last = -math.inf  # a phase is named as it begins
        tell(0)
        return tell

    def finish(self) -> None:
        """Report that all is done, also of phases that turned out shorter than planned."""
        self.clock.done = self.clock.total
        self.write(asdict(Progress("Done", 1.0, math.nan, 0.0, self.device, math.nan)))

    def on_download(self, done: int, total: int) -> None:
        """Report a download, in bytes."""
        self.stop_if_cancelled()
        if self._is_due():
            whole = f" of {total / _MEGABYTE:.0f}" if total else ""  # a server may not name the size
            words = f"downloading ImageNet weights, {done / _MEGABYTE:.0f}{whole} MB"
            self.write(asdict(Progress(words, 0.0, math.nan, math.nan, "", math.nan)))

    def on_epoch(self, epoch: Epoch) -> None:
        """Keep an epoch in the run's history."""
        folder.append_history(self.settings, self.run_id, asdict(epoch))
        _log.info(
            "epoch %d (%s): train loss %.4f, validation loss %.4f, validation AUC %.4f, %.1f s",
            epoch.epoch,
            epoch.stage,
            epoch.train_loss,
            epoch.validation_loss,
            epoch.validation_auc,
            epoch.seconds,
        )

    def on_return(self, epochs: list[Epoch]) -> None:
        """Go on from a checkpoint with these epochs."""
        # The history may hold an epoch that was written after the last checkpoint and is trained again.
        folder.replace_history(self.settings, self.run_id, [asdict(epoch) for epoch in epochs])
        self.seconds_before = sum(epoch.seconds for epoch in epochs)
        _log.info("going on after epoch %d", len(epochs))
