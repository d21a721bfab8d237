"""Read thousands of damaged files: ``python .ci/stress/films.py [COUNT]``.

Each file must give a film or a sentence. Each batch is read in its own process, so that the batch
of a decoder that crashes is known.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BATCH = 250


def main(count: int) -> int:
    """Read ``count`` damaged files and return 1 if one gave neither a film nor a sentence, else 0."""
    failed = 0
    for first in range(0, count, BATCH):
        number = min(BATCH, count - first)
        code = f"from tests.support.damaged import stress; stress({first}, {number})"
        done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", code], cwd=ROOT, check=False)
        print(f"files {first} to {first + number - 1}: {'well' if done.returncode == 0 else done.returncode}")
        failed += done.returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
