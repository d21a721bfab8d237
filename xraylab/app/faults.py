"""
Faults: an error becomes a sentence on the screen, never a traceback.

- ``XRayLabError`` carries its own sentence
- anything else is ours: the screen shows a reference, the log holds the frames under it
- the log names files of code and lines, not messages or values: those may carry a patient's name
- Streamlit steers a page with exceptions of its own; they derive from ``BaseException`` and pass through
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

from xraylab.app.wording import plain
from xraylab.errors import XRayLabError
from xraylab.settings import load_settings

_LOG_BYTES = 1_000_000
_LOG_FILES = 3
_WRITING = threading.Lock()  # sessions share the file, and rotating renames it


class _Loud(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        raise  # noqa: PLE0704 - called while an error is handled; logging would print it and go on


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Show what goes wrong in a block as one message in its place, and go on after the block.

    A page is guarded by ``shell.page`` already; a fragment, which reruns on its own, needs its own guard.
    """
    try:
        yield
    except XRayLabError as error:
        st.error(plain(str(error)))
    except Exception as error:  # whatever it is, a reader gets a sentence
        st.error(_report(error))


def _report(error: Exception) -> str:
    reference = secrets.token_hex(3)
    try:
        record_fault(error, reference, load_settings().logs / "app.log")
    except Exception:  # a full disk, settings that don't load: the sentence matters more than the log
        return (
            f"Something went wrong (reference {reference}). Nothing was lost. The log could not be written."
        )
    return f"Something went wrong (reference {reference}). Nothing was lost. The log has the details."


def record_fault(error: BaseException, reference: str, path: Path) -> None:
    """Append an error's kinds and frames to a rotating log, without messages or values.

    Parameters
    ----------
    error : BaseException
        What was raised; what caused it is recorded too.
    reference : str
        The short name under which the screen speaks of it.
    path : Path
        The log; its folder is made when missing.
    """
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
    seen: set[int] = set()
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
