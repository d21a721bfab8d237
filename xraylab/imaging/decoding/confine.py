"""
Take from this process all rights that decoding doesn't need.

- limits of memory, time, files and processes where the system has them (Linux, macOS)
- on Linux also a filter of system calls, see ``seccomp``
- on Windows there are no such limits; the caller's clock still ends a decoder
"""

import contextlib
import mmap
import os
import sys
from pathlib import Path

from xraylab.imaging.decoding import seccomp

MOST_MEMORY = 3 * 2**30  # bytes; a film of 100 million pixels takes up to 2 GB
MOST_CPU = 600  # seconds in a decoder's whole life
_MOST_MAPPED = MOST_MEMORY + 2**30  # libraries and reserved addresses come on top
_MOST_FILES = 64


def confine() -> None:
    """Set every limit that this system has; they can't be lifted again."""
    with contextlib.suppress(OSError):  # only Linux has it: if memory runs out, end a decoder first
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    if sys.platform != "win32":
        _limit()
    seccomp.install()


def _limit() -> None:
    import resource

    limits = {
        resource.RLIMIT_DATA: MOST_MEMORY,
        resource.RLIMIT_AS: _MOST_MAPPED,
        resource.RLIMIT_CPU: MOST_CPU,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for kind, most in limits.items():
        # macOS knows some of these limits by name only, and a system may have set lower ones.
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (limit, limit))


class Usage:
    """Memory that this process has taken since it was loaded.

    The file with its memory is opened at once, because the limits forbid it later.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        with contextlib.suppress(OSError):  # only Linux has it
            self._file = os.open("/proc/self/statm", os.O_RDONLY)
        self._loaded = self._resident()

    def grown(self) -> int:
        """Return by how many bytes its resident memory has grown; 0 if the system doesn't say."""
        return self._resident() - self._loaded

    def _resident(self) -> int:
        if self._file is None:
            return 0
        return int(os.pread(self._file, 200, 0).split()[1]) * mmap.PAGESIZE
