"""How far a training is, how fast, and how long it will still take."""

import math
import time
from dataclasses import dataclass, field


@dataclass
class Clock:
    """How far a training is, and how fast."""

    total: float  # work of the whole training, in forward passes of one film
    done: float = 0.0
    started: float = field(default_factory=time.monotonic)
    skipped: float = 0.0  # work that was done before this run was taken up again
    films: int = 0  # of the present phase
    phase_started: float = field(default_factory=time.monotonic)

    def skip(self, work: float) -> None:
        """Count what was done before this run was taken up again."""
        self.done += work
        self.skipped += work

    def phase(self) -> None:
        """Begin something that has a speed of its own."""
        self.films, self.phase_started = 0, time.monotonic()

    @property
    def speed(self) -> float:
        """Films a second in this phase."""
        seconds = time.monotonic() - self.phase_started
        return self.films / seconds if seconds > 0 else 0.0

    @property
    def fraction(self) -> float:
        """Of the whole work, 0 to 1."""
        return min(self.done / self.total, 1.0)

    @property
    def seconds_left(self) -> float:
        """Judged by the work so far; NaN before there is any."""
        here = self.done - self.skipped
        return (time.monotonic() - self.started) * (self.total - self.done) / here if here > 0 else math.nan
