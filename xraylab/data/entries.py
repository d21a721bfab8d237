"""
Entries: the files of a source by their paths, not read yet.

A source may be a folder, an archive or a file of arrays; the rest of the house sees entries only.
"""

from collections.abc import Callable
from dataclasses import dataclass

BROKEN_LINK = "broken link"
LISTED_ALREADY = "link to a folder that is listed already"
LEADS_ABOVE = "link to a folder above"
CLOSED_FOLDER = "folder that can't be opened"
LINK_IN_ARCHIVE = "link in an archive"


@dataclass(frozen=True)
class Entry:
    """A file of a source, not read yet."""

    path: str  # inside the source, with forward slashes
    read: Callable[[], bytes]  # raises UnreadableImageError
    head: Callable[[], bytes] | None = None  # the first bytes, if they can be had without the rest


def printable(path: str) -> str:
    """Escape bytes that aren't valid text: Linux allows them in file names, a catalog doesn't."""
    return path.encode("utf-8", "backslashreplace").decode()
