"""A large import of small films that is killed in the middle and goes on: ``.ci/stress/imports.py``."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from tests.support.films import encoded

ROOT = Path(__file__).parents[2]
MOST_BYTES = 10**9  # of memory: flat, whatever the number of films
_PER_FOLDER = 1000
_CODE = """
import sys
from pathlib import Path
from xraylab import actions
from xraylab.data import importing
from xraylab.settings import load_settings

decoded = 0
standardise = importing.standardise

def counting(raw):
    global decoded
    decoded += 1
    return standardise(raw)

importing.standardise = counting
report = lambda done, total: done % 50 or print("at", done, flush=True)
home, source = map(Path, sys.argv[1:])
made = actions.import_dataset(load_settings(home=home), source, "big", on_progress=report)
# Not ru_maxrss, which begins with the memory of the process that started this one.
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
peak = 1024 * next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
print("imported", made.n, "decoded", decoded, "peak", peak, flush=True)
"""


@dataclass
class Found:
    """What was measured, and what went wrong."""

    failures: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)


def generate(folder: Path, films: int) -> Path:
    """Write small films in folders of labels, with names that tell a patient of two films each."""
    rng = np.random.default_rng(0)
    for number in range(films):
        label = ("NORMAL", "PNEUMONIA")[number // 2 % 2]
        place = folder / f"part{number // _PER_FOLDER}" / label
        place.mkdir(parents=True, exist_ok=True)
        stem = f"{'NORMAL' if label == 'NORMAL' else 'VIRUS'}-{number // 2}-{number % 2:04d}"
        film = rng.integers(0, 256, (40, 40), dtype=np.uint8)
        (place / f"{stem}.png").write_bytes(encoded(film, compress_level=0))
    return folder


def try_import(work: Path, films: int) -> Found:
    """Import films, kill the process half-way, import again, and compare with what must be there."""
    from xraylab.data.datasets import load_dataset
    from xraylab.settings import load_settings

    source, home = generate(work / "films", films), work / "home"
    found = Found()
    killed_at, _ = _run(home, source, found, until=films // 2)
    began = time.monotonic()
    _, last = _run(home, source, found)
    seconds = time.monotonic() - began
    words = last.split()
    if words[:2] != ["imported", str(films)]:
        found.failures.append(f"after a kill at {killed_at} films the import ended with: {last}")
        return found
    decoded = int(words[3])
    # What a killed process had read ahead, or not yet given to the system, is read again.
    if decoded > films - killed_at + 1000:
        found.failures.append(f"{decoded} films were decoded again after a kill at {killed_at} of {films}")
    dataset = load_dataset(load_settings(home=home), "big")
    if len(dataset.pixels) != films or dataset.info.patients != films // 2:
        found.failures.append(f"{len(dataset.pixels)} films of {dataset.info.patients} patients")
    if (home / "importing").exists():
        found.failures.append("what was kept to go on with is still there")
    found.counts |= {"films": films, "killed at": killed_at, "decoded after it": decoded}
    found.counts["films per second"] = round(decoded / seconds, 1)
    return found


def _run(home: Path, source: Path, found: Found, until: int | None = None) -> tuple[int, str]:
    """Import in another process, killed after ``until`` films; return how far it came, and its last line."""
    command = [sys.executable, "-c", _CODE, str(home), str(source)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    at, last, most = 0, "", 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for last in _lines(process):
            most = max(most, _memory(process.pid))
            at = int(last.split()[1]) if last.startswith("at ") else at
            most = max(most, int(last.split()[-1]) if last.startswith("imported") else 0)
            if until is not None and at >= until:
                process.kill()
                break
    found.counts["MB of memory"] = max(found.counts.get("MB of memory", 0), round(most / 10**6))
    if most > MOST_BYTES:
        found.failures.append(f"an import of this size took {most / 10**6:.0f} MB of memory")
    return at, last.strip()


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
