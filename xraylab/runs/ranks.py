"""
Several processes on one training, as ``accelerate launch`` starts them: a GPU each.

- every process runs the same command; the first has the run, its lease, its folder and its files
- the others are called to each training that the first begins, share its batches, and leave with it
"""

import os

from xraylab.settings import Settings

# What tells a process that it is one of several; a worker that it starts must not inherit it.
VARIABLES = (
    *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"),
    *("MASTER_ADDR", "MASTER_PORT"),
)


def several() -> bool:
    """Whether this process is one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def leads() -> bool:
    """Whether this process is the first, or alone."""
    return not several() or os.environ.get("RANK", "0") == "0"


def call(settings: Settings, run_id: str | None) -> None:
    """Call the others to a run, or send them home; alone it does nothing."""
    if several():
        from xraylab.training.device import pick_device
        from xraylab.training.team import Team

        Team(pick_device(settings)).tell(run_id)


def answer(settings: Settings) -> None:
    """Help the first process with every training that it calls for, until it sends us home."""
    from xraylab.runs.execute import assist
    from xraylab.training.device import pick_device
    from xraylab.training.team import Team

    while (run_id := Team(pick_device(settings)).tell(None)) is not None:
        assist(settings, run_id)
