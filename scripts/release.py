"""
Build what a release consists of: ``python -m scripts.release --out FOLDER``.

- the wheel, built twice from the commit; both must have the same bytes
- ``sbom.cdx.json``, the bill of materials (CycloneDX): every locked package with its version and hashes
- ``SHA256SUMS`` of both, for whoever downloads them

Nothing is uploaded or signed: ``docs/how-to/release.md`` has the rest of the list.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SBOM, SUMS = "sbom.cdx.json", "SHA256SUMS"


def main() -> None:
    """Build the release into a folder."""
    parser = argparse.ArgumentParser(description="Build the wheel, the bill of materials and their hashes.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(out)
    with tempfile.TemporaryDirectory() as again:
        if build_wheel(Path(again)).read_bytes() != wheel.read_bytes():
            sys.exit(f"{wheel.name} has other bytes when it is built again, so nobody could check it.")
    write_sbom(out / SBOM)
    sums = "".join(f"{_sha256(file)}  {file.name}\n" for file in (wheel, out / SBOM))
    (out / SUMS).write_text(sums, "utf-8")
    print(sums, end="")


def build_wheel(out: Path) -> Path:
    """Build the wheel with the time of the commit in it instead of the time of day."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _time_of_commit()}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = out.glob("xraylab-*.whl")
    return wheel


def write_sbom(file: Path) -> None:
    """Write the bill of materials of a lock; it is the same file each time."""
    options = ["--output-reproducible", "--output-format", "JSON", "--output-file", str(file)]
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        str(ROOT / "requirements.lock"),
        *options,
    ]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def _time_of_commit() -> str:
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
