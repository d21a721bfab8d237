"""
One decoder: start it, hand it a film, take its answer, end it.

- started as a program of its own, never by a fork of this process: no memory of it reaches a decoder, and a
  script needs no ``__main__`` guard
- it gets the search path of this process but none of its environment, files or signals
- a decoder is used by one thread at a time; another thread may end it, if it takes too long
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from xraylab.errors import UnreadableImageError
from xraylab.imaging.apart import protocol
from xraylab.imaging.facts import SIDE, StandardFilm

if TYPE_CHECKING:
    from xraylab.imaging.apart.answers import Header

_PROGRAM = Path(__file__).parents[1] / "decoding" / "__main__.py"
_PACKAGE = Path(__file__).parents[3]  # the folder that xraylab lies in
_SECONDS_TO_START = 60.0
_PIPE = 2**20  # bytes; a larger pipe holds most films, so that handing one over doesn't wait
# One thread per decoder, since several decode at once.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# What a program needs to find its libraries.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP")

_NOT_STARTED = (
    "The program that decodes films could not be started. Close other programs to free memory, and install "
    "XRayLab again if that doesn't help."
)
_STOPPED = (
    "The program that decodes films stopped at this file, so it was left out. It may be damaged or made "
    "to do harm. Export the film again."
)
_TOO_LONG = "The file takes too long to decode, so it was left out. Export the film smaller or uncompressed."
_WORKS = 0.1  # seconds of the processor in SECONDS_STILL; a decoder that hangs uses none


@dataclass(frozen=True, eq=False)
class Answer:
    """What a decoder made of a film; which parts there are depends on what was wanted."""

    standard: StandardFilm | None = None
    picture: NDArray[np.uint8] | None = None
    lossy: bool | None = None  # whether a DICOM file says that it was compressed with loss
    study: bytes = b""  # patient and study of a DICOM file, written anew

    @property
    def film(self) -> StandardFilm:
        """The film as networks see it; it must have been wanted."""
        return cast("StandardFilm", self.standard)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture at its native resolution; it must have been wanted."""
        return cast("NDArray[np.uint8]", self.picture)


class Decoder:
    """A running decoder.

    Parameters
    ----------
    command : sequence of str
        Program and arguments, from ``command``.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._asked = self._worked = 0.0
        self._due: float | None = None  # when to look whether it still works, by time.monotonic()
        self.idle_since = time.monotonic()
        self._ready = self._late = False
        self._last = False
        self._process = _started(command)
        self._in, self._out = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it can take a film: it lives and has sent nothing that wasn't asked for."""
        return not self._last and self._process.poll() is None and not _readable(self._out, self._ready)

    def ask(self, want: bytes, data: bytes) -> Answer:
        """Hand over a film and wait for the answer.

        Parameters
        ----------
        want : bytes
            What to make, one of ``protocol``'s letters.
        data : bytes
            The film's file.

        Raises
        ------
        UnreadableImageError
            If the film can't be read, or stops the decoder. The decoder may be unusable then.
        """
        try:
            self._await_ready()
            self._expect(protocol.SECONDS)
            header, answer = self._exchange(want, data)
        except UnreadableImageError:
            raise
        except MemoryError as error:
            self.end()
            raise UnreadableImageError(_STOPPED) from error
        except (OSError, EOFError, ValueError) as error:
            self.end()
            raise UnreadableImageError(_TOO_LONG if self._took_too_long() else _STOPPED) from error
        except BaseException:  # Ctrl-C: the decoder is in the middle of a film
            self.end()
            raise
        finally:
            self._due, self.idle_since = None, time.monotonic()
        self._last = header.ends
        if header.why is not None:
            raise UnreadableImageError(header.why)
        return answer

    def end_if_late(self) -> None:
        """End it if it takes too long; it may go on while it works, as it does slowly on a busy machine."""
        now = time.monotonic()
        if self._due is None or now < self._due:
            return
        worked = _processor_seconds(self.pid)
        if worked - self._worked < _WORKS or now - self._asked > protocol.SECONDS_MOST:
            self._late = True
            self._process.kill()
        self._worked, self._due = worked, now + protocol.SECONDS_STILL

    def end(self) -> None:
        """End its process and free its pipes; may be called more than once."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def forget(self) -> None:
        """Close the pipes of a decoder that belongs to the process from which this one was forked."""
        self._in.close()
        self._out.close()
        self._process.returncode = 0  # it is no child of this process, which therefore can't wait for it

    def _await_ready(self) -> None:
        if self._ready:
            return
        self._expect(_SECONDS_TO_START)
        if self._out.read(1) != protocol.READY:
            self.end()
            raise UnreadableImageError(_NOT_STARTED)
        self._ready = True

    def _expect(self, seconds: float) -> None:
        self._asked, self._worked = time.monotonic(), 0.0
        self._due = self._asked + seconds

    def _exchange(self, want: bytes, data: bytes) -> tuple["Header", Answer]:
        # Late: a decoder loads this module too, and has no use for pydantic.
        from xraylab.imaging.apart.answers import parse

        token = os.urandom(protocol.TOKEN)
        self._send(protocol.REQUEST.pack(want, token, len(data)))
        self._send(data)
        echoed, length = protocol.ANSWER.unpack(self._receive(protocol.ANSWER.size))
        if echoed != token or length > protocol.MOST_JSON:
            raise ValueError("no answer to this request")
        header = parse(bytes(self._receive(length)))
        if header.why is not None:
            return header, Answer()
        standard = picture = None
        if want in (protocol.STANDARD, protocol.BOTH):
            facts, signs = header.facts_of(data), header.all_signs
            standard = StandardFilm(self._receive_pixels(SIDE, SIDE), facts, signs, header.as_hung)
        if want in (protocol.PICTURE, protocol.BOTH):
            picture = self._receive_pixels(*header.size)
        return header, Answer(standard, picture, header.lossy, bytes(self._receive(header.length)))

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._in.write(left) :]

    def _receive(self, length: int) -> bytearray:
        received = bytearray(length)
        self._fill(memoryview(received))
        return received

    def _receive_pixels(self, height: int, width: int) -> NDArray[np.uint8]:
        pixels = np.empty((height, width), np.uint8)
        self._fill(pixels.data.cast("B"))
        return pixels

    def _fill(self, left: memoryview) -> None:
        while left:
            read = self._out.readinto(left)  # type: ignore[attr-defined]
            if not read:
                raise EOFError
            left = left[read:]

    def _took_too_long(self) -> bool:
        timers = ("SIGPROF", "SIGALRM", "SIGXCPU")
        return self._late or -(self._process.returncode or 0) in {
            getattr(signal, name) for name in timers if hasattr(signal, name)
        }


def command(family: str) -> list[str]:
    """Return the program and arguments of a decoder.

    Parameters
    ----------
    family : str
        ``pictures`` or ``dicom``: what it loads.
    """
    options = ["-I", "-S"]  # neither the environment nor the folder of work decides what it loads
    if sys.dont_write_bytecode:
        options.append("-B")
    paths = [str(_PACKAGE), *(str(Path(path).absolute()) for path in sys.path if path)]
    return [sys.executable, *options, str(_PROGRAM), family, *dict.fromkeys(paths)]


def _processor_seconds(pid: int) -> float:
    """Return the seconds of the processor that a process has used; 0 if it has ended."""
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries print parts of files there, which may name a patient
            bufsize=0,
            env=_ENVIRONMENT | {name: os.environ[name] for name in _KEPT if name in os.environ},
            cwd=_PACKAGE,
            start_new_session=True,  # Ctrl-C in a terminal is for the program, which then ends its decoders
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise UnreadableImageError(_NOT_STARTED) from error
    _widen(process.stdin, process.stdout)
    return process


def _widen(*pipes: IO[bytes] | None) -> None:
    """Let pipes hold a whole film, where the system allows it."""
    try:
        import fcntl

        for pipe in pipes:
            if pipe is not None:
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    except (ImportError, AttributeError, OSError):
        return


def _readable(pipe: IO[bytes], ready: bool) -> bool:
    """Return whether a decoder that wasn't asked has sent something."""
    import select

    if not ready or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(0))
