"""A real worker with the real executor, killed at the moment that ``XRAYLAB_TEST_KILL`` names.

``open PATTERN N``     before the Nth time a file is opened for writing whose path matches
``rename PATTERN N``   before the Nth time something is renamed to a path that matches
``call MODULE:NAME N`` before the Nth call of a function

Files are watched through Python's audit events, so that a moment depends on what is written, not on the code
that writes it.
"""

import importlib
import os
import re
import signal
import sys
from typing import Any

from xraylab.runs.worker import main

_EVENTS = {"open": "open", "rename": "os.rename"}


class Moment:
    def __init__(self, times: int) -> None:
        self.left = times

    def comes(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def watch_files(event: str, pattern: str, moment: Moment) -> None:
    wanted = re.compile(pattern)

    def see(name: str, given: tuple[Any, ...]) -> None:
        if name != _EVENTS[event]:
            return
        path = str(given[1] if event == "rename" else given[0])
        writes = event == "rename" or bool(given[2] & (os.O_WRONLY | os.O_RDWR))
        if writes and wanted.search(path):
            moment.comes()

    sys.addaudithook(see)


def watch_calls(place: str, moment: Moment) -> None:
    module, name = place.split(":")
    owner = importlib.import_module(module)
    function = getattr(owner, name)

    def watched(*given: Any, **named: Any) -> Any:
        moment.comes()
        return function(*given, **named)

    setattr(owner, name, watched)


if __name__ == "__main__":
    kind, what, times = os.environ["XRAYLAB_TEST_KILL"].split(" ")
    if kind == "call":
        watch_calls(what, Moment(int(times)))
    else:
        watch_files(kind, what, Moment(int(times)))
    sys.exit(main())
