"""
Progress of a training: how much work is done, how fast, and how long the rest takes.

The unit of work is that of ``work.Work``.
"""

import math
import time
from dataclasses import dataclass, field

import torch

from xraylab.training.contract import Monitor, Progress
from xraylab.training.memory import taken


@dataclass
class Clock:
    """Work done and time taken."""

    total: float  # work of the whole training
    done: float = 0.0
    started: float = field(default_factory=time.monotonic)
    skipped: float = 0.0  # work that was done before this training went on from a checkpoint
    films: int = 0  # of the present phase
    phase_started: float = field(default_factory=time.monotonic)

    def skip(self, work: float) -> None:
        """Count work that was done before this training went on from a checkpoint."""
        self.done += work
        self.skipped += work

    def phase(self) -> None:
        """Begin a phase that has a speed of its own."""
        self.films, self.phase_started = 0, time.monotonic()

    @property
    def speed(self) -> float:
        """Films per second in this phase."""
        seconds = time.monotonic() - self.phase_started
        return self.films / seconds if seconds > 0 else 0.0

    @property
    def fraction(self) -> float:
        """Share of the whole work that is done, 0 to 1."""
        return min(self.done / self.total, 1.0)

    @property
    def seconds_left(self) -> float:
        """Time to the end at the speed so far, in seconds; NaN before any work is done."""
        # Skipped work took this process no time, so it says nothing about the speed.
        here = self.done - self.skipped
        left = max(self.total - self.done, 0.0)  # rounding may leave less than nothing
        return (time.monotonic() - self.started) * left / here if here > 0 else math.nan


@dataclass
class Reporter:
    """Counts work, and reports it to the monitor of a training."""

    clock: Clock
    monitor: Monitor
    device: torch.device
    doing: str = "starting"

    def begin(self, doing: str) -> None:
        """Begin a phase, described in words for a person."""
        self.doing = doing
        self.clock.phase()

    def advance(self, films: int, passes: float) -> None:
        """Report that films were processed, each worth ``passes`` forward passes.

        The monitor may raise to stop the training.
        """
        self.clock.films += films
        self.clock.done += films * passes
        self.monitor.on_progress(
            Progress(
                doing=self.doing,
                fraction=self.clock.fraction,
                films_per_second=self.clock.speed,
                seconds_left=self.clock.seconds_left,
                device=str(self.device),
                memory=taken(self.device),
            )
        )
