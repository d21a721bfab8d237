"""
Finder: which file of a source a table means.

A table writes a whole path, the end of one, or only the name of a file, with or without its suffix. What it
names is looked up among the files of the source and never opened as a path, so that it can't lead outside.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from xraylab.data.archives import leads_outside
from xraylab.data.entries import Entry

MISSING = "named in the table, but missing"
OUTSIDE = "named in the table by a path that leads outside the source"
SEVERAL = "named in the table by a name that several files have"


class Finder:
    """Find the files of a source by what a table calls them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._named: dict[str, list[Entry]] = {}
        for entry in entries:
            path = PurePosixPath(entry.path.casefold())
            for name in {path.name, path.stem}:
                self._named.setdefault(name, []).append(entry)

    def find(self, written: str) -> Entry | str:
        """Return the file that a table means, or the reason why there is none.

        Parameters
        ----------
        written : str
            A path or a file's name; case doesn't matter, and the suffix may be missing.
        """
        path = written.replace("\\", "/").strip()
        if ".." in path.split("/"):
            return OUTSIDE
        wanted = [part for part in path.casefold().split("/") if part not in ("", ".")]
        candidates = self._named.get(wanted[-1], []) if wanted else []
        matching = [(depth, entry) for entry in candidates if (depth := _shared(wanted, entry)) is not None]
        if not matching:
            return OUTSIDE if candidates and leads_outside(path) else MISSING
        deepest = max(depth for depth, _ in matching)
        best = [entry for depth, entry in matching if depth == deepest]
        return best[0] if len(best) == 1 else SEVERAL


def _shared(wanted: list[str], entry: Entry) -> int | None:
    """Return how many folders a table's path and a file's share; None if they contradict each other."""
    above = entry.path.casefold().split("/")[:-1]
    folders = wanted[:-1]
    depth = 0
    for written, there in zip(reversed(folders), reversed(above), strict=False):
        if written != there:
            break
        depth += 1
    # One path is the end of the other; else they name two places.
    return depth if depth == min(len(folders), len(above)) else None
