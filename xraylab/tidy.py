"""Sweep the home folder: what dead processes left in any of its places, except among kept films."""

from pathlib import Path

from xraylab.leftovers import Swept, sweep
from xraylab.settings import Settings

_DEEPEST = 2  # folders below datasets/, models/ and the others in which XRayLab writes


def sweep_home(settings: Settings) -> Swept:
    """Remove the temporary files and folders of dead processes, or put them back.

    Kept films have their own sweep, because only the case log tells what became of them.
    """
    swept = sweep(settings.home)
    for name in (
        "datasets",
        "models",
        "runs",
        "openings",
        "weights",
        "cache",
        "phantoms",
        "logs",
        "audits",
        "trash",
    ):
        swept += _sweep_below(settings.home / name, _DEEPEST)
    return swept


def _sweep_below(folder: Path, depth: int) -> Swept:
    swept = sweep(folder)
    if depth and folder.is_dir():
        for child in folder.iterdir():
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                swept += _sweep_below(child, depth - 1)
    return swept
