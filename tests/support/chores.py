"""The recipes of the justfile, as ``just`` itself reads them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def just(*arguments: str) -> str:
    """Run ``just`` and return what it prints on both outputs; a fault raises."""
    # pip puts the binary beside the interpreter, which needs no active environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("just", path=path)
    assert program is not None, "just is missing: pip install -r requirements-dev.txt"
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout


def recipes() -> set[str]:
    """Return the names of all recipes that ``just --list`` shows."""
    return set(just("--summary").split())
