"""Waiting for another process: look again until it is so, or the test has waited long enough."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], *, within: float = 60.0) -> Found:
    """Return what ``look`` finds once that is true."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {within} seconds"
        time.sleep(0.02)
    return found
