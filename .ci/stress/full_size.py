"""Run at full size what `pytest` does a sample of: ``python .ci/stress/full_size.py`` takes minutes.

Options go on to pytest: ``-k coverage`` runs the simulations of intervals alone.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Return pytest's exit code: 0 if every test keeps its bounds."""
    command = [sys.executable, "-m", "pytest", "-m", "sampled", *sys.argv[1:]]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"XRAYLAB_FULL_SIZE": "1"}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
