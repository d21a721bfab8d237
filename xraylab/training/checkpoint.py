"""
Checkpoints: the two files from which a training goes on as if it had never stopped.

::

    checkpoint/
    ├── stage.pt   the whole network and the random streams at the start of the present stage
    └── epoch.pt   the trained part, its optimiser and the streams after the last epoch of that stage

- two files, because a stage that trains only the head then writes kilobytes per epoch, not the whole network
- each file is replaced as a whole; ``stage.pt`` comes first, so an ``epoch.pt`` of an earlier stage is
  recognised by its number
- torch's format, read with ``weights_only``: nothing in it can run code
"""

from pathlib import Path
from typing import Any

from xraylab.errors import TrainingError
from xraylab.files import replacing

STAGE, EPOCH = "stage.pt", "epoch.pt"
State = dict[str, Any]  # content of a checkpoint file


def exists(folder: Path) -> bool:
    """Return True if a training can go on from this folder."""
    return (folder / STAGE).exists()


def write(folder: Path, name: str, state: State) -> None:
    """Replace one of the two files.

    Raises
    ------
    StorageError
        If the disk is full or can't be written.
    """
    import torch  # only here and below: lists of runs ask ``exists`` without loading torch

    with replacing(folder / name) as file:
        torch.save(state, file)


def read(folder: Path) -> tuple[State, State | None] | None:
    """Read a checkpoint.

    Returns
    -------
    stage : dict
        State at the start of the stage.
    epoch : dict or None
        State after its last complete epoch; None before the first one.
        Without a checkpoint, None instead of both.

    Raises
    ------
    TrainingError
        If a file is damaged.
    """
    stage = _read(folder / STAGE)
    if stage is None:
        return None
    epoch = _read(folder / EPOCH)
    # A training that was killed at the start of a stage leaves the last epoch of the stage before.
    return stage, epoch if epoch is not None and epoch["stage"] == stage["stage"] else None


def _read(file: Path) -> State | None:
    import torch

    if not file.exists():
        return None
    try:
        # To the processor, because the machine that goes on may have no GPU.
        state: State = torch.load(file, map_location="cpu", weights_only=True)
        state["stage"]
    except Exception as error:  # torch raises many kinds of errors for a damaged file
        raise TrainingError(
            f"The checkpoint {file.name} of this run is damaged, so it can't go on. Start it again."
        ) from error
    return state
