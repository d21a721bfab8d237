"""A training that takes a second, what ``tests.trained`` calls what came of it, and the reference data."""

import os
from pathlib import Path

import pytest

from xraylab.training.recipe import Recipe, Stage

FILMS = 60
DATASET, MODEL = "films", "first"
BRIEF = Recipe(
    name="brief", stages=(Stage(trains="all", epochs=2, learning_rate=3e-3),), batch_size=16, augmentation=0.5
)


def reference() -> Path:
    """The folder of reference radiographs and weights; skips where it is missing."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("XRAYLAB_REFERENCE") or root.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"needs the reference radiographs in {folder} (or XRAYLAB_REFERENCE)")
    return folder
