"""
Write the locks again after a change of a requirement: ``python -m scripts.lock``.

- ``requirements.lock`` and ``requirements-dev.lock`` have each package of every system with its hashes
- ``constraints.txt`` has the versions alone: as soon as one line has a hash, pip demands one of every package
- a version that is locked stays, unless a changed pin needs another one
- only names and versions are sent to the package index; nothing is installed
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST_PYTHON = "3.11.5"  # the oldest that all tools of development support
HEAD = "# The versions of requirements-dev.lock without hashes, written by `python -m scripts.lock`.\n"
_PIN = re.compile(r"^([\w.-]+)==([\w.+]+)", re.MULTILINE)


def main() -> None:
    """Write both locks and the constraints."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("requirements.txt", "requirements-dev.txt"):
            (folder / name).write_text(_without_constraints(ROOT / name), "utf-8")
        for name in ("requirements", "requirements-dev"):
            _compile(folder / f"{name}.txt", ROOT / f"{name}.lock")
    (ROOT / "constraints.txt").write_text(HEAD + constraints(ROOT / "requirements-dev.lock"), "utf-8")


def constraints(lock: Path) -> str:
    """Return one ``name==version`` line for each package of a lock."""
    return "".join(f"{name}=={version}\n" for name, version in _PIN.findall(lock.read_text("utf-8")))


def _without_constraints(file: Path) -> str:
    """Return requirements without the constraints of the last lock, which may contradict a new pin."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("-c "))


def _compile(requirements: Path, lock: Path) -> None:
    lean = ["--no-emit-index-url", "--no-annotate", "--no-header", "--quiet"]
    options = ["--universal", "--generate-hashes", "--python-version", OLDEST_PYTHON, *lean]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, "-o", str(lock), str(requirements)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
