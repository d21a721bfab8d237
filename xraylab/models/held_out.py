"""
Scores of the films that a training held out: one file, read once as long as it stays the same.

- a screen is drawn anew at every click and loads its models anew, so what was read outlives a ``Model``
- a file that was written since is read again: its inode, size and time of change are part of the key
- no seal is checked here: ``Model.films`` and ``Model.table`` do that at every call
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from xraylab import predictions as predictions_file
from xraylab.evaluation.figures import table_of
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import Finding
from xraylab.predictions import Predictions

_MOST_FILES = 16  # a comparison shows eight models; a film has a few hundred bytes in its file


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions on held-out films, with the threshold tables that were counted so far."""

    predictions: Predictions
    _tables: dict[str, ThresholdTable] = field(default_factory=dict)

    _without: dict[frozenset[str], "HeldOut"] = field(default_factory=dict)

    def without(self, films: frozenset[str]) -> "HeldOut":
        """Return these predictions without some films, given by ``image_id``; always the same object."""
        if not films:
            return self
        if films not in self._without:
            frame = self.predictions.frame
            kept = frame[~frame["image_id"].isin(films)].reset_index(drop=True)
            self._without[films] = HeldOut(replace(self.predictions, frame=kept))
        return self._without[films]

    def films(self, split: str) -> Predictions:
        """Return the predictions on the films of one split; a copy, so that a caller may change it."""
        return self.predictions.of_split(split)

    def table(self, split: str) -> ThresholdTable:
        """Return the threshold table of the scored films of one split; the same object at every call."""
        # Two sessions may count at the same time. Both tables are the same, so either may stay.
        if split not in self._tables:
            self._tables[split] = table_of(self.films(split).scored)
        return self._tables[split]


def read_held_out(file: Path, finding: Finding) -> HeldOut:
    """Read a file of predictions, or return what was read before if the file is still the same.

    Raises
    ------
    XRayLabError
        If the file is missing, damaged, or of another schema.
    """
    try:
        status = file.stat()
    except OSError:
        return HeldOut(predictions_file.read(file))  # its error says that the file is missing
    # The size and the inode as well: on some file systems the time moves in steps of a second or two.
    return _read(file, (status.st_ino, status.st_size, status.st_mtime_ns), finding)


@lru_cache(maxsize=_MOST_FILES)
def _read(file: Path, stamp: tuple[int, int, int], finding: Finding) -> HeldOut:
    """Read a file of predictions; ``stamp`` is only part of the cache's key. Errors aren't kept."""
    return HeldOut(replace(predictions_file.read(file), finding=finding))
