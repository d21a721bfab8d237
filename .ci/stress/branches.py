"""Measure how many branches of ``xraylab`` the tests take: ``python .ci/stress/branches.py [--json FILE]``.

All tests run, with every process that they start; it takes some 25 minutes. A process that a test kills
reports nothing, nor do the decoders, which may not write: what only they run counts as not taken.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from conclusion import add_option, conclude

ROOT = Path(__file__).parents[2]
LEAST = 92.0  # percent


def main() -> int:
    """Run the tests and return 0 if they pass and take enough branches, else 1."""
    parser = argparse.ArgumentParser(description="Measure how many branches the tests take.")
    add_option(parser)
    parser.add_argument("tests", nargs="*", help="Files or folders of tests; all if none is given.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, report = Path(folder) / "data", Path(folder) / "report.json"
        passed = _coverage("run", f"--data-file={data}", "-m", "pytest", "-q", *asked.tests) == 0
        _coverage("combine", f"--data-file={data}", "--quiet", folder)
        _coverage("json", f"--data-file={data}", "--quiet", "-o", str(report))
        measured = json.loads(report.read_bytes())
    return conclude("branches", "the branches that the tests take", *_found(measured, passed), asked.json)


def _coverage(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *words], cwd=ROOT, check=False).returncode


def _found(measured: dict, passed: bool) -> tuple[dict[str, float], list[str]]:
    totals = measured["totals"]
    share = round(100 * totals["covered_branches"] / totals["num_branches"], 1)
    for name, file in sorted(measured["files"].items(), key=lambda entry: -_missed(entry[1])):
        if _missed(file):
            print(f"{_missed(file):4} branches not taken, {file['summary']['missing_lines']:4} lines  {name}")
    counts = {
        "branches": totals["num_branches"],
        "taken": totals["covered_branches"],
        "percent_of_branches": share,
        "percent_of_lines": round(100 * totals["covered_lines"] / totals["num_statements"], 1),
    }
    failures = [] if passed else ["the tests failed"]
    if share < LEAST:
        failures.append(f"{share} % of the branches are taken, not {LEAST} %")
    return counts, failures


def _missed(file: dict) -> int:
    return file["summary"]["missing_branches"]


if __name__ == "__main__":
    sys.exit(main())
