"""
Faults: an error becomes a sentence on the screen, never a traceback.

- ``XRayLabError`` carries its own sentence
- any other error is a bug: the screen shows a reference, and the log has the stack frames under it
- the log names source files and lines, not messages or values, which may contain a patient's name
- Streamlit controls a page with its own exceptions; they derive from ``BaseException`` and pass through
"""

import contextlib
import logging
import secrets
import threading
import traceback
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import streamlit as st

from xraylab.app.wording import on_screen, plain
from xraylab.errors import XRayLabError
from xraylab.settings import load_settings

_LOG_BYTES = 1_000_000
_LOG_FILES = 3
_WRITING = threading.Lock()  # sessions share the file, and rotating renames it


class _Loud(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # logging calls this inside its own except block, and would print the error and continue.
        raise  # noqa: PLE0704


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Show an error of a block as one message in its place, and continue after the block.

    ``shell.page`` guards a page already. A fragment reruns without its page, so it needs its own guard.
    """
    try:
        yield
    except XRayLabError as error:
        st.error(plain(on_screen(str(error))))
    except Exception as error:  # a traceback on the screen could show a patient's name
        st.error(_report(error))


def _report(error: Exception) -> str:
    reference = secrets.token_hex(3)
    try:
        record_fault(error, reference, load_settings().logs / "app.log")
    except Exception:  # such as a full disk or invalid settings: the user needs the sentence all the same
        return (
            f"Something went wrong (reference {reference}). Nothing was lost. The log could not be written."
        )
    return f"Something went wrong (reference {reference}). Nothing was lost. The log has the details."


def record_fault(error: BaseException, reference: str, path: Path) -> None:
    """Append an error's types and frames to a rotating log, without messages or values.

    Parameters
    ----------
    error : BaseException
        The error; its causes are recorded too.
    reference : str
        The short name that the screen shows for it.
    path : Path
        The log; its folder is made if it is missing.
    """
    # Emitted by its handler alone: through a logger the record would also reach handlers of other packages.
    entry = logging.LogRecord(
        "xraylab.app", logging.ERROR, "", 0, f"reference {reference}\n{_frames(error)}", None, None
    )
    with _WRITING:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Loud(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
        try:
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            handler.emit(entry)
        finally:
            handler.close()


def _frames(error: BaseException | None) -> str:
    blocks: list[str] = []
    seen: set[int] = set()  # a chain of causes can contain a circle
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        lines = [f"  {type(error).__module__}.{type(error).__qualname__}"]
        lines += [
            f"    {'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        blocks.append("\n".join(lines))
        error = error.__cause__ or error.__context__
    return "\n  caused by\n".join(blocks)
