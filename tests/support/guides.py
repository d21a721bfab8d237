"""Find the code in the guides and the README, and run it as a reader would."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from xraylab.data import phantoms


def python_blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page, from top to bottom."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def console_blocks(page: Path) -> list[str]:
    """Return the blocks of a page that show a Python console."""
    return re.findall(r"^```pycon\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def write_unmarked(file: Path, patient: int) -> None:
    """Write a phantom that passes for a film: large, and without the mark of phantoms."""
    pixels = phantoms.phantom(patient, 1, seed=3).pixels
    large = Image.fromarray(np.asarray(pixels)).resize((1024, 1024), Image.Resampling.BICUBIC)
    large.save(file)
