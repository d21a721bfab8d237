"""A run as plain data: which training was asked for, what state it is in, and which process holds it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from xraylab.runs.holder import Holder

State = Literal["queued", "running", "cancelled", "failed", "done"]
ACTIVE: tuple[State, ...] = ("queued", "running")
OVER: tuple[State, ...] = ("cancelled", "failed", "done")


class RunCancelled(Exception):  # noqa: N818  (the user wanted it, so it isn't an error)
    """Raised by an executor that stops because the run was cancelled."""


@dataclass(frozen=True)
class Run:
    """One training: a short form of the request, and its state. Times are in UTC."""

    id: str
    name: str  # of the model that it will make
    dataset: str
    arch: str
    recipe: str  # the recipe's name
    device: str
    state: State
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    host: str | None = None
    pid: int | None = None
    process_start: float | None = None
    heartbeat: int = 0
    cancel: bool = False
    error: str | None = None

    @property
    def active(self) -> bool:
        """True while the run is queued or running."""
        return self.state in ACTIVE

    @property
    def holder(self) -> Holder | None:
        """Process that runs or ran it; None if no process ever did."""
        if self.host is None or self.pid is None or self.process_start is None:
            return None
        return Holder(self.host, self.pid, self.process_start)
