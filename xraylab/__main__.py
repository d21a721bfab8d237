"""``python -m xraylab``: run a command, and turn an error into a sentence and an exit code."""

import io
import logging
import sys
import uuid

import typer

from xraylab.cli import app
from xraylab.errors import XRayLabError

USER, OURS, INTERRUPTED = 2, 1, 130
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]  # typer doesn't export this base class


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; without arguments, list the commands."""
    given = sys.argv[1:] if arguments is None else arguments
    _replace_unwritable()
    try:
        code = app(given or ["--help"], standalone_mode=False)
    except XRayLabError as error:
        return _fail(str(error), USER)
    except _USAGE_ERROR as error:
        return _fail(str(getattr(error, "message", "")) or str(error), USER)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception:
        reference = uuid.uuid4().hex[:6]
        logging.getLogger(__name__).exception("reference %s", reference)
        return _fail(
            f"Something went wrong that is our fault (reference {reference}). Nothing was lost.", OURS
        )
    if code == INTERRUPTED:  # typer turns Ctrl-C into an exit code and prints nothing
        return _fail("Stopped.", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _replace_unwritable() -> None:
    """Print “?” for a character that the code page of a terminal or pipe doesn't have."""
    # By default Python raises instead, after all the work: the result would be lost.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(sentence.replace("\n", " ") + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
