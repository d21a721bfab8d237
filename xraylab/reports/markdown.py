"""
Markdown: parts of a document, escaped so that outside text can neither break it nor add to it.

- ``plain`` and ``named`` are for outside text, such as names; all other text is XRayLab's own
- outside text becomes one line, is cut if it is very long, and loses characters that can't be displayed
"""

import re
from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of outside text
MOST = 50  # rows of a list or table of outside text
_INSIDE = re.compile(r"([\\`*_\[\]<>~$&|]|:(?=[\w+:-]))")  # Streamlit turns :word: into an icon or a colour
_AT_START = re.compile(r"^(\d*)([#+\-=.)])")  # would begin a heading, a list or a rule
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,/+=@_-]*")


def tidy(text: object, *, longest: int = LONGEST) -> str:
    """Reduce outside text to one line of printable characters; return a dash if nothing is left."""
    seen = "".join(sign if sign.isprintable() else " " for sign in str(text)[: 2 * longest])
    line = " ".join(seen.split())
    return f"{line[: longest - 1]}…" if len(line) > longest else line or "–"


def plain(text: object, *, longest: int = LONGEST) -> str:
    """Escape outside text, so that it is never read as Markdown or HTML."""
    return _AT_START.sub(r"\1\\\2", _INSIDE.sub(r"\\\1", tidy(text, longest=longest)))


def named(name: object) -> str:
    """Format an outside name, or a hash, as code; a name with unusual characters as plain text."""
    line = tidy(name)
    return f"`{line}`" if _NAME.fullmatch(line) else plain(line)


def fenced(text: str, language: str = "") -> str:
    """Format lines as a code block, with a fence that they can't close."""
    lines = "\n".join(
        "".join(sign if sign.isprintable() else " " for sign in line) for line in text.splitlines()
    )
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def bullets(items: Iterable[str]) -> str:
    """Write a list, one line per item."""
    return "\n".join(f"- {item}" for item in _shortened(list(items)))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table."""
    lines = [columns, ["---"] * len(columns), *rows[:MOST]]
    written = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return written if len(rows) <= MOST else f"{written}\n\nAnd {len(rows) - MOST} more."


def _shortened(items: list[str]) -> list[str]:
    return items if len(items) <= MOST else [*items[:MOST], f"and {len(items) - MOST} more"]
