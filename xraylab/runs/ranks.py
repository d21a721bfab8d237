"""
Several processes that train one model together, one per GPU, as ``accelerate launch`` starts them.

- every process runs the same command, and has a number: its rank
- rank 0 holds the run, its lease, its folder and its files
- the other ranks wait until rank 0 calls them to a training, share its batches, and end together with it
"""

import os
from collections.abc import Callable

from xraylab.settings import Settings

# The variables by which a process knows its rank. A worker must not inherit them.
VARIABLES = (
    *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"),
    *("MASTER_ADDR", "MASTER_PORT"),
)


def several() -> bool:
    """Return True if this process is one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def leads() -> bool:
    """Return True if this process is rank 0, or alone."""
    return not several() or os.environ.get("RANK", "0") == "0"


def call(settings: Settings, run_id: str | None) -> None:
    """Call the other ranks to a run; with None, tell them to end. A process alone does nothing."""
    if several():
        from xraylab.training.device import pick_device
        from xraylab.training.team import Team

        Team(pick_device(settings)).broadcast(run_id)


def answer(settings: Settings, assist: Callable[[Settings, str], None]) -> None:
    """Take part in every training that rank 0 calls for, until it tells us to end.

    Parameters
    ----------
    assist : callable
        Takes part in the training of a run, given by its id. It is handed in because the executor, which
        trains, itself calls the other ranks.
    """
    from xraylab.training.device import pick_device
    from xraylab.training.team import Team

    # Only rank 0 knows the next run, so the value that we broadcast doesn't matter.
    while (run_id := Team(pick_device(settings)).broadcast(None)) is not None:
        assist(settings, run_id)
