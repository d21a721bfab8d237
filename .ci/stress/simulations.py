"""Run the simulations at full size, which takes minutes: ``python .ci/stress/simulations.py``."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Return pytest's exit code: 0 if every simulation keeps its bounds."""
    command = [sys.executable, "-m", "pytest", "-m", "simulation", "tests/evaluation", *sys.argv[1:]]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"XRAYLAB_SIMULATIONS": "1"}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
