"""Change the program in hundreds of places, and see whether a test fails: ``python .ci/stress/mutants.py``.

The places are drawn from what decides a figure, a lock or a reading. ``--number N`` draws more or fewer,
``--seed S`` others. Prints each mutant that no test noticed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.mutants import Tests, sample, tried  # noqa: E402

LEAST = 85.0  # percent
MODULES = (
    "xraylab/evaluation/*.py",
    *(f"xraylab/models/{name}.py" for name in ("lock_file", "opened", "schema", "shipped_lock")),
    *(f"xraylab/reading/{name}.py" for name in ("gate", "read")),
)
TESTS = ["tests/evaluation", "tests/models", "tests/reading", "tests/reports", "tests/actions"]


def main() -> int:
    """Try the mutants and return 0 if enough of them are noticed, else 1."""
    parser = argparse.ArgumentParser(description="Change the program, and see whether a test fails.")
    add_option(parser)
    parser.add_argument("--number", type=int, default=400, help="Number of mutants.")
    parser.add_argument("--seed", type=int, default=16)
    asked = parser.parse_args()
    modules = [str(file.relative_to(ROOT)) for pattern in MODULES for file in ROOT.glob(pattern)]
    with tempfile.TemporaryDirectory() as folder:
        mutants = sample(modules, asked.number, asked.seed, Path(folder))
        tests = Tests(Path(folder), TESTS)
        killed = 0
        for mutant, noticed in tried(mutants, tests, Path(folder), os.cpu_count() or 1):
            killed += noticed
            if not noticed:
                print(mutant, flush=True)
    share = round(100 * killed / len(mutants), 1)
    failures = [] if share >= LEAST else [f"{share} % of the mutants are killed, not {LEAST} %"]
    counts = {"mutants": len(mutants), "killed": killed, "percent_killed": share}
    return conclude(
        "mutants", f"{len(mutants)} mutants, drawn with seed {asked.seed}", counts, failures, asked.json
    )


if __name__ == "__main__":
    sys.exit(main())
