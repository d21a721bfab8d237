"""
Run a decoder on bytes that may be hostile: no warning leaves it, and every fault becomes a sentence.

``with guarded():`` goes round each call of Pillow or pydicom.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator

from xraylab.errors import UnreadableImageError


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Ignore a decoder's warnings, and turn its exceptions into sentences.

    Raises
    ------
    UnreadableImageError
        If the block raises any exception; an ``UnreadableImageError`` passes as it is.
    """
    try:
        with _without_warnings:
            yield
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError(
            "The image is too large for this machine's memory. Export it smaller."
        ) from error
    except Exception as error:  # decoders raise many kinds of exception on hostile bytes
        raise UnreadableImageError(
            "The image is damaged or cut off and can't be read to its end. Export or copy it again."
        ) from error


class _WithoutWarnings:
    """Ignore warnings about damaged metadata, even if the program turns warnings into errors.

    The filters belong to the process, and films are read in several threads: the first thread to enter saves
    them, the last one to leave restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._saved.__exit__(None, None, None)


_without_warnings = _WithoutWarnings()
