"""
Checkpoints: what it takes to go on with a training as if it had never stopped.

::

    checkpoint/
    ├── stage.pt   the whole network and the random streams as the present stage began
    └── epoch.pt   the trained part, its optimiser and the streams after the last epoch of that stage

- each is replaced whole; ``stage.pt`` first, so an ``epoch.pt`` of an earlier stage is known to be stale
- torch's format, read with ``weights_only``: nothing in it can run code
"""

from pathlib import Path
from typing import Any

from xraylab.errors import TrainingError
from xraylab.files import replacing

STAGE, EPOCH = "stage.pt", "epoch.pt"


def exists(folder: Path) -> bool:
    """Whether a training can go on from here; torch isn't needed to ask."""
    return (folder / STAGE).exists()


def write(folder: Path, name: str, state: dict[str, Any]) -> None:
    """Replace one of the two files.

    Raises
    ------
    StorageError
        If the disk is full or may not be written.
    """
    import torch

    with replacing(folder / name) as file:
        torch.save(state, file)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any] | None] | None:
    """The state as the stage began, and after its last epoch if there was one; None without a checkpoint.

    Raises
    ------
    TrainingError
        If a file is damaged.
    """
    stage = _read(folder / STAGE)
    if stage is None:
        return None
    epoch = _read(folder / EPOCH)
    return stage, epoch if epoch is not None and epoch["stage"] == stage["stage"] else None


def _read(file: Path) -> dict[str, Any] | None:
    import torch

    if not file.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        state["stage"]
    except Exception as error:  # torch raises many kinds on a damaged file
        raise TrainingError(
            f"The checkpoint {file.name} of this run is damaged, so it can't go on. Start it again."
        ) from error
    return state
