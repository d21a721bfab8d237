"""A sample of the power cuts of ``.ci/stress/power.py``, and the simulation itself."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.power import Disk

pytest_plugins = ["tests.support.averaged"]


def needs_gcc():
    if shutil.which("gcc") is None or sys.platform != "linux":
        if os.environ.get("CI"):
            pytest.fail("needs gcc and Linux")
        pytest.skip("needs gcc and Linux")


@pytest.mark.slow
def test_a_power_cut_at_any_moment_loses_nothing_that_was_reported_as_done(
    averaged_home, phantom_folder, other_phantoms, tmp_path
):
    needs_gcc()
    work = tmp_path / "work"
    shutil.copytree(averaged_home, work / "base")
    for name, films in (("films", phantom_folder), ("others", other_phantoms)):
        (work / name).symlink_to(films, target_is_directory=True)
    command = [sys.executable, "-m", "tests.support.power", str(work), "--runs", "5", "--seed", "2"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], check=True, stdout=subprocess.PIPE, text=True
    )
    tried = json.loads(done.stdout)
    assert tried["failures"] == []
    assert sum(tried["runs"].values()) == 5


# What was done to a file called "a"; what may be there after a power cut.
CUTS = {
    "nothing flushed": ([], {None, b"", b"xy"}),
    "file flushed": ([b"sync 1"], {None, b"xy"}),
    "folder flushed": ([b"sync 0"], {b"", b"xy"}),
    "both flushed": ([b"sync 1", b"sync 0"], {b"xy"}),
    "renamed": ([b"sync 1", b"sync 0", b"rename a b"], {b"xy", None}),
    "removed": ([b"sync 1", b"sync 0", b"remove a"], {b"xy", None}),
}


@pytest.mark.parametrize("case", CUTS)
def test_only_what_was_flushed_survives_for_certain(tmp_path, case):
    steps, expected = CUTS[case]
    survivors = set()
    for seed in range(40):
        top = tmp_path / f"{seed}"
        (top / "home").mkdir(parents=True)
        disk = Disk(top, [top / "home"])
        inode = str((top / "home").stat().st_ino).encode()
        path = {name: os.fsencode(top / "home" / name.decode()) for name in (b"a", b"b")}
        disk.apply(b"create", b"1", path[b"a"])
        disk.apply(b"write", b"1", b"0", b"2", b"xy")
        for step in steps:
            kind, *given = step.split()
            disk.apply(kind, *(path.get(word, inode if word == b"0" else word) for word in given))
        drawn = random.Random(seed)  # noqa: S311
        disk.root.flushed["home"].write(tmp_path / "cut", lambda drawn=drawn: drawn.random() < 0.5)
        file = tmp_path / "cut" / "a"
        survivors.add(file.read_bytes() if file.exists() else None)
        shutil.rmtree(tmp_path / "cut")
    assert survivors == expected
