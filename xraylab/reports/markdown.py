"""
Markdown: parts of a document, made so that words from outside can neither break it nor add to it.

- ``plain`` and ``named`` are for such words; whatever else goes into a part is our own
- one line each, cut where they are absurdly long, without characters that can't be seen
"""

import re
from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of a word or sentence from outside
MOST = 50  # rows of a list or table of such
_INSIDE = re.compile(r"([\\`*_\[\]<>~$&|]|:(?=[\w+:-]))")  # :word: is a sign or a colour to Streamlit
_AT_START = re.compile(r"^(\d*)([#+\-=.)])")  # a heading, a list, a rule
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,/+=@_-]*")


def tidy(text: object, *, longest: int = LONGEST) -> str:
    """Bring words from outside into one line of what can be seen; a dash where nothing is left."""
    seen = "".join(sign if sign.isprintable() else " " for sign in str(text)[: 2 * longest])
    line = " ".join(seen.split())
    return f"{line[: longest - 1]}…" if len(line) > longest else line or "–"


def plain(text: object, *, longest: int = LONGEST) -> str:
    """Words from outside, to be read as they are and never as Markdown or HTML."""
    return _AT_START.sub(r"\1\\\2", _INSIDE.sub(r"\\\1", tidy(text, longest=longest)))


def named(name: object) -> str:
    """Set a name from outside, or a hash, as code; one that holds unusual signs as plain words."""
    line = tidy(name)
    return f"`{line}`" if _NAME.fullmatch(line) else plain(line)


def fenced(text: str, language: str = "") -> str:
    """Set lines as code, in a fence that they can't close."""
    lines = "\n".join(
        "".join(sign if sign.isprintable() else " " for sign in line) for line in text.splitlines()
    )
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def bullets(items: Iterable[str]) -> str:
    """Write a list of parts, one line each."""
    return "\n".join(f"- {item}" for item in _some(list(items)))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table of parts."""
    lines = [columns, ["---"] * len(columns), *rows[:MOST]]
    written = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return written if len(rows) <= MOST else f"{written}\n\nAnd {len(rows) - MOST} more."


def _some(items: list[str]) -> list[str]:
    return items if len(items) <= MOST else [*items[:MOST], f"and {len(items) - MOST} more"]
