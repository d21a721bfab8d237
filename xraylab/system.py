"""
What each operating system does in its own way: exchange folders, flush a folder, hold a file, free memory.

- a hold shows that a writer is alive: the system ends it together with the process, after ``kill -9`` too
- a system that can't exchange or hold says so, and the caller takes a slower or more careful way
- a network drive may lack either, although its system has it
"""

import contextlib
import ctypes
import errno
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RENAMES_OPEN_FILES = sys.platform != "win32"
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.ENOLCK}
_FROM_HERE = -100  # AT_FDCWD: a relative path starts in the current folder
_SWAP = 2  # RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS
_READING = threading.Lock()
_ABANDONED = 86_400.0  # seconds without a change, after which a file counts as abandoned without holds


def exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step; return False if this system or drive can't.

    Raises
    ------
    OSError
        If the system could do it, but not with these folders.
    """
    swap = _swap()
    if swap is None:
        return False
    sys.audit("os.rename", str(first), str(second), -1, -1)  # as every other rename in Python does
    if swap(os.fsencode(first), os.fsencode(second)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))


@functools.cache
def _swap() -> Callable[[bytes, bytes], int] | None:
    """Return the system's call for an exchange, if it has one."""
    if sys.platform == "win32":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):  # Linux with glibc 2.28 or later
        return lambda first, second: library.renameat2(_FROM_HERE, first, _FROM_HERE, second, _SWAP)
    if hasattr(library, "renamex_np"):  # macOS
        return lambda first, second: library.renamex_np(first, second, _SWAP)
    return None


def flush(descriptor: int) -> None:
    """Wait until the system has written a file or folder to the disk."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:  # some network drives can't flush a folder
            raise


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, so that a power cut can't undo a rename."""
    if sys.platform == "win32":
        return  # Windows opens no folders, and writes their names by itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def give_memory_back() -> None:
    """Give freed memory back to the system, where the C library keeps it: glibc on Linux.

    glibc only gives back what lies behind the last block in use, so that one small block holds on to all
    that was freed before it. A call takes some milliseconds.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """Return glibc's call, if this system has it."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def hold(descriptor: int, path: Path) -> bool:
    """Hold an open file or folder that this process has just made.

    Returns
    -------
    bool
        False if a sweep took it for abandoned before it was held: make another one.
        True if it is held, or this system has no holds.
    """
    if _take(descriptor) is False:
        return False
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read from a place of an open file; threads may do so at once."""
    if sys.platform != "win32":
        return os.pread(descriptor, size, offset)
    with _READING:  # Windows has one place for all
        back = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = os.read(descriptor, size)
        os.lseek(descriptor, back, os.SEEK_SET)
        return data


def open_folder(folder: Path) -> int | None:
    """Open a folder, to hold it; return None on a system that opens no folders."""
    return None if sys.platform == "win32" else os.open(folder, os.O_RDONLY)


@contextlib.contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Tell whether the process that made a file or folder is dead; no other process decides meanwhile."""
    try:
        # Without O_NONBLOCK a pipe under this name would block for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        yield _is_old(path)  # Windows opens no folders
        return
    try:
        taken = _take(descriptor)
        yield _is_old(path) if taken is None else taken
    finally:
        os.close(descriptor)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > _ABANDONED
    except OSError:
        return False


def _take(descriptor: int) -> bool | None:
    """Take the hold on an open file; False if another process has it, None if there are no holds here."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return None
    return True
