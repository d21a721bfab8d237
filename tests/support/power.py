"""
Cut the power at random moments, start again, and look for what was lost or is half there.

::

    python -m tests.support.power FOLDER [--runs N] [--seed S] [--only NAME ...]

An action of ``kills`` runs while ``power.c`` traces every change of its files, those of SQLite too. From the
trace a disk is made as a power cut may leave it: what was flushed is there; a write or a name that was not
flushed is there or not. The names in a folder survive in the order in which they changed. Prints one JSON
object.
"""

import argparse
import ctypes
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.kills import ACTIONS, LOADED, MACHINE, Work, check, fork, prepare, wait

SHIM, ACKNOWLEDGED = "XRAYLAB_TEST_SHIM", "acknowledged"
Record = tuple[bytes, ...]


class File:
    """A file: its bytes as programs see them, those on the disk, and the changes between."""

    def __init__(self, data: bytes = b"") -> None:
        self.seen, self.flushed = bytearray(data), bytes(data)
        self.changes: list[tuple[int, bytes | None]] = []  # offset and bytes, or the new size

    def change(self, offset: int, data: bytes | None) -> None:
        changed(self.seen, offset, data)
        self.changes.append((offset, data))

    def flush(self) -> None:
        self.flushed, self.changes = bytes(self.seen), []

    def write(self, path: Path, survives: Callable[[], bool]) -> None:
        data = bytearray(self.flushed)
        for offset, piece in self.changes:
            if survives():
                changed(data, offset, piece)
        path.write_bytes(data)


def changed(data: bytearray, offset: int, piece: bytes | None) -> None:
    if piece is None:
        del data[offset:]
    end = offset + len(piece or b"")
    data.extend(bytes(max(0, end - len(data))))
    data[offset:end] = piece or b""


class Folder:
    """A folder: its names as programs see them, those on the disk, and the changes between."""

    def __init__(self) -> None:
        self.seen: dict[str, File | Folder] = {}
        self.flushed: dict[str, File | Folder] = {}
        self.changes: list[dict[str, File | Folder | None]] = []  # what each name stands for after a change

    def change(self, names: "dict[str, File | Folder | None]") -> None:
        renamed(self.seen, names)
        self.changes.append(names)

    def flush(self) -> None:
        self.flushed, self.changes = dict(self.seen), []

    def write(self, path: Path, survives: Callable[[], bool]) -> None:
        names = dict(self.flushed)
        for change in self.changes:
            if not survives():
                break
            renamed(names, change)
        path.mkdir(exist_ok=True)
        for name, content in names.items():
            if not name.endswith("-shm"):  # memory that SQLite's processes share, not a file
                content.write(path / name, survives)


def renamed(names: "dict[str, File | Folder]", change: "dict[str, File | Folder | None]") -> None:
    for name, content in change.items():
        if content is None:
            names.pop(name, None)
        else:
            names[name] = content


class Disk:
    """The files below a folder, changed by the records of a trace."""

    def __init__(self, top: Path, folders: list[Path]) -> None:
        self.top, self.root = top, Folder()
        self.by_inode: dict[int, File | Folder] = {top.stat().st_ino: self.root}
        for folder in folders:
            self.root.seen[folder.name] = self._scan(folder)
        self.root.flush()

    def _scan(self, path: Path) -> File | Folder:
        content: File | Folder = Folder() if path.is_dir() else File(path.read_bytes())
        self.by_inode[path.stat().st_ino] = content
        if isinstance(content, Folder):
            content.seen = {child.name: self._scan(child) for child in path.iterdir()}
            content.flush()
        return content

    def parent(self, path: bytes) -> tuple[Folder, str]:
        *folders, name = Path(os.fsdecode(path)).relative_to(self.top).parts
        folder = self.root
        for part in folders:
            folder = folder.seen[part]
        return folder, name

    def apply(self, kind: bytes, *given: bytes) -> None:
        if kind in (b"create", b"mkdir"):
            content = File() if kind == b"create" else Folder()
            self.by_inode[int(given[0])] = content
            folder, name = self.parent(given[1])
            folder.change({name: content})
        elif kind == b"write":
            self.by_inode[int(given[0])].change(int(given[1]), given[3])
        elif kind == b"truncate":
            file, size = self.by_inode[int(given[0])], int(given[1])
            longer = size - len(file.seen)
            file.change(*((len(file.seen), bytes(longer)) if longer > 0 else (size, None)))
        elif kind == b"sync":
            self.by_inode[int(given[0])].flush()
        elif kind == b"remove":
            folder, name = self.parent(given[0])
            folder.change({name: None})
        elif kind in (b"rename", b"exchange"):
            self._rename(*given, exchange=kind == b"exchange")

    def _rename(self, first: bytes, second: bytes, *, exchange: bool) -> None:
        (old, name), (new, other) = self.parent(first), self.parent(second)
        moved, back = old.seen[name], new.seen.get(other) if exchange else None
        if old is new:  # one change, so that it survives as a whole or not at all
            old.change({other: moved, name: back})
        else:
            new.change({other: moved})
            old.change({name: back})


def records(trace: Path) -> Iterator[Record]:
    """Yield the records of a trace: kind and arguments, and the bytes of a write."""
    with trace.open("rb") as file:
        for line in file:
            record = tuple(line.rstrip(b"\n").split(b"\t"))
            yield (*record, file.read(int(record[3]))) if record[0] == b"write" else record


def fresh(work: Work) -> None:
    shutil.rmtree(work.home, ignore_errors=True)
    shutil.rmtree(work.out, ignore_errors=True)
    shutil.copytree(work.base, work.home)
    work.out.mkdir()


def traced(work: Work, name: str) -> tuple[list[Record], Disk]:
    """Run an action; return its trace, and the disk before it."""
    fresh(work)
    disk, trace = Disk(work.folder, [work.home, work.out]), work.folder.parent / f"{work.folder.name}.trace"

    def act() -> None:
        shim = ctypes.CDLL(None)
        shim.power_start(os.fsencode(trace), os.fsencode(work.folder))
        ACTIONS[name](work)
        shim.power_note(ACKNOWLEDGED.encode())

    log = work.folder / "log.txt"
    if wait(fork(log, act)):
        raise RuntimeError(f"{name} fails: {log.read_text()[-3000:]}")
    return list(records(trace)), disk


def cut(work: Work, name: str, drawn: random.Random) -> str | None:
    """Run an action, cut the power, start again; return what is wrong, or None."""
    trace, disk = traced(work, name)
    # After the end too: what was acknowledged must be on the disk already.
    moment = len(trace) if drawn.random() < 0.25 else drawn.randrange(len(trace))
    for record in trace[:moment]:
        disk.apply(*record)
    fresh(work)
    shutil.rmtree(work.home)
    shutil.rmtree(work.out)
    chance = drawn.choice([0.0, 0.5, 0.9])
    for folder in (work.home, work.out):
        disk.root.flushed[folder.name].write(folder, lambda: drawn.random() < chance)
    acknowledged = (b"note", ACKNOWLEDGED.encode()) in trace[:moment]
    log = work.folder / "log.txt"
    if wait(fork(log, lambda: check(work, name, acknowledged=acknowledged))):
        return f"after {moment} of {len(trace)} changes, {chance}: {log.read_text()[-2000:]}"
    return None


def shim(folder: Path) -> Path:
    """Compile the library that traces."""
    library = folder / "power.so"
    source = Path(__file__).with_name("power.c")
    options = ["-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl", "-lpthread"]
    subprocess.run(["gcc", *options], check=True)
    return library


def main(arguments: list[str]) -> dict:
    """Cut the power as often as the arguments ask for."""
    parser = argparse.ArgumentParser(description="Cut the power at random moments, and look for losses.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=list(ACTIONS))
    asked = parser.parse_args(arguments)
    work, drawn = Work(asked.folder.absolute()), random.Random(asked.seed)  # noqa: S311
    for module in LOADED:
        importlib.import_module(module)
    if wait(fork(work.folder / "log.txt", lambda: prepare(work))):
        raise RuntimeError((work.folder / "log.txt").read_text())
    failures, runs = [], dict.fromkeys(asked.only, 0)
    for _ in range(asked.runs):
        name = drawn.choice(asked.only)
        runs[name] += 1
        if wrong := cut(work, name, drawn):
            failures.append({"action": name, "wrong": wrong})
            sys.stderr.write(f"{failures[-1]}\n")
    return {"runs": runs, "failures": failures}


if __name__ == "__main__":
    if SHIM not in os.environ:  # the library must be there before the C library
        top = Path(sys.argv[1]).absolute()
        home = {"XRAYLAB_HOME": str(Work(top).home)}
        built = str(shim(top.parent))
        os.environ |= MACHINE | home | {"LD_PRELOAD": built, SHIM: built}
        os.execv(sys.executable, [sys.executable, "-m", "tests.support.power", *sys.argv[1:]])  # noqa: S606
    sys.stdout.write(json.dumps(main(sys.argv[1:])))
