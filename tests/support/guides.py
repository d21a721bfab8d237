"""Code in guides and in the README: found, and run as a reader would."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from xraylab.data import phantoms


def python_blocks(page: Path) -> list[str]:
    """The Python blocks of a page, from top to bottom."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def console_blocks(page: Path) -> list[str]:
    """The blocks of a page that show a Python console."""
    return re.findall(r"^```pycon\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def write_unmarked(file: Path, patient: int) -> None:
    """Write a phantom as if it were a film: large, and without the mark that tells it from one."""
    pixels = phantoms.phantom(patient, 1, seed=3).pixels
    large = Image.fromarray(np.asarray(pixels)).resize((1024, 1024), Image.Resampling.BICUBIC)
    large.save(file)
