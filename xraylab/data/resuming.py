"""
Resuming: an import that was killed goes on where it stopped.

- films are written in the order in which they are read, each with a line of what its file says
- a film that is there already is decoded again only if its file has changed since
- what is left of an import is removed when the import ends, or when its source is gone for good
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xraylab import system
from xraylab.files import continuing, make_folder, scratch, write_json
from xraylab.imaging import PREPROCESS_VERSION, SIDE
from xraylab.leftovers import Swept
from xraylab.settings import Settings
from xraylab.stored import read_lines, read_object

FOLDER = "importing"
_PIXELS, _ROWS, _ABOUT = "pixels.npy", "rows.jsonl", "import.json"
_FILM = SIDE * SIDE  # bytes
_WHOLE = {"path", "sha256", "pixel_sha256"}  # keys without which a line is of no use
_FLUSHED = 64  # films after which what was read is given to the system
_OLDEST = 30 * 24 * 3600  # seconds, after which nobody goes on with an import


class Films:
    """The films of an import on disk, in their order; see ``begun``."""

    def __init__(self, folder: Path, pixels: BinaryIO, rows: BinaryIO, stored: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.keep = False  # whether what is there stays after an error, to go on with it
        self._pixels, self._rows = pixels, rows
        self._stored = stored
        self._places = _places(stored)
        self._n = 0
        self._digest = hashlib.sha256()
        self._head = _write_header(pixels, len(stored))

    def stored(self, path: str, sha256: str) -> tuple[NDArray[np.uint8], dict[str, Any]] | None:
        """Return the film of a file, if it was read before and neither the file nor the film has changed."""
        # Films are looked up ahead in other threads, so what is stored may be cut meanwhile.
        place, row = self._places.get(path, (0, None))
        if row is None or row["sha256"] != sha256:
            return None
        raw = system.read_at(self._pixels.fileno(), _FILM, self._head + place * _FILM)
        # After a power cut a line may be there whose film never reached the disk.
        if hashlib.sha256(raw).hexdigest() != row["pixel_sha256"]:
            return None
        return np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE), row

    def add(self, row: dict[str, Any], pixels: NDArray[np.uint8]) -> None:
        """Add the next film; one that is stored at this very place isn't written again."""
        raw = pixels.tobytes()
        self._digest.update(raw)
        # The very row, not an equal one: a film that had to be decoded again is written again.
        if self._n >= len(self._stored) or self._stored[self._n] is not row:
            self._cut()
            self._pixels.write(raw)
            self._rows.write(_line(row))
        self._n += 1
        if self._n % _FLUSHED == 0:
            self._pixels.flush()
            self._rows.flush()

    def _cut(self) -> None:
        """Forget what was stored from here on: another film comes next."""
        if self._n < len(self._stored):
            del self._stored[self._n :]
            self._places = _places(self._stored)
            self._rows.seek(0)
            self._rows.truncate()
            self._rows.writelines(map(_line, self._stored))
        end = self._head + self._n * _FILM
        if self._pixels.seek(0, os.SEEK_END) != end:
            self._pixels.truncate(end)
            self._pixels.seek(end)

    @property
    def pixel_hash(self) -> str:
        """The hash of the pixels of all films so far."""
        return self._digest.hexdigest()

    def finish(self, target: Path) -> None:
        """Put the films into their place as one array."""
        self._cut()
        self._pixels.seek(0)
        # The number of readable films is known only now. NumPy leaves room in its header for that.
        _write_header(self._pixels, self._n)
        self._pixels.close()  # Windows renames no open file
        (self.folder / _PIXELS).replace(target)


def _places(stored: list[dict[str, Any]]) -> dict[str, tuple[int, dict[str, Any]]]:
    return {row["path"]: (place, row) for place, row in enumerate(stored)}


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, allow_nan=False).encode() + b"\n"


def _write_header(out: BinaryIO, n: int) -> int:
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, SIDE, SIDE)}
    np.lib.format.write_array_header_1_0(out, header)
    return out.tell()


@contextlib.contextmanager
def begun(settings: Settings, source: Path, name: str, *reading: object) -> Iterator[Films]:
    """Begin an import, or go on with the same one if its process was killed.

    Parameters
    ----------
    source : Path
    name : str
        Of the dataset; what is left of another import under it is removed.
    *reading
        All that decides how the source is read: the same values make it the same import.
    """
    told = json.dumps([str(source.absolute()), name, PREPROCESS_VERSION, *map(str, reading)])
    folder = settings.home / FOLDER / hashlib.sha256(told.encode()).hexdigest()[:32]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_held(folder))
        _clear_others(folder, name)
        write_json(folder / _ABOUT, {"source": str(source.absolute()), "name": name})
        rows = _complete(folder)
        end = sum(len(_line(row)) for row in rows)
        films = Films(
            folder,
            stack.enter_context(continuing(folder / _PIXELS, None)),
            stack.enter_context(continuing(folder / _ROWS, end)),
            rows,
        )
        stack.push(lambda kind, error, trace: _remove(films, kind, trace))
        yield films


def _remove(films: Films, kind: type[BaseException] | None, _: TracebackType | None) -> bool:
    if kind is None or not films.keep:
        shutil.rmtree(films.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            films.folder.parent.rmdir()  # if no other import is left
    return False


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """Hold the folder of an import; if another process imports the same, give a folder of our own."""
    make_folder(folder)
    descriptor = system.open_folder(folder)
    try:
        if descriptor is None or system.hold(descriptor, folder):
            yield folder
            return
    finally:
        if descriptor is not None:
            os.close(descriptor)
    with scratch(folder) as own:
        yield own


def _clear_others(folder: Path, name: str) -> None:
    for other in folder.parent.glob("*"):
        if other != folder and (read_object(other / _ABOUT) or {}).get("name") == name:
            with system.abandoned(other) as dead:
                if dead:
                    shutil.rmtree(other, ignore_errors=True)


def _complete(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of all films whose pixels are there too."""
    try:
        films = max(0, (folder / _PIXELS).stat().st_size // _FILM)
    except OSError:
        return []
    return [row for row in read_lines(folder / _ROWS) if row.keys() >= _WHOLE][:films]


def sweep(settings: Settings) -> Swept:
    """Remove what is left of imports that nobody can or will go on with."""
    removed = []
    for folder in sorted((settings.home / FOLDER).glob("*")):
        about = read_object(folder / _ABOUT) or {}
        with system.abandoned(folder) as dead:
            if dead and (not Path(str(about.get("source"))).exists() or _age(folder) > _OLDEST):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return Swept(removed=tuple(removed))


def _age(folder: Path) -> float:
    return time.time() - folder.stat().st_mtime
