"""
Groups under the handle: what the browser gets of each group of films.

- the counts of a group are sent for the same thresholds as those of all films, so that they are exact too
- which differences are stated is decided here, at the lock; the browser hides them at every other threshold
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xraylab.app.components.threshold_cockpit.tables import arrow
from xraylab.evaluation.subgroups import GroupResult, Subgroups, differences
from xraylab.evaluation.thresholds import ThresholdTable

_RATES = ("sensitivity", "specificity")


@dataclass(frozen=True, eq=False)
class SplitBy:
    """Columns that films may be divided by, and the groups of the chosen one."""

    columns: Sequence[str]  # in words; they may come from a stranger's table
    column: str | None = None  # the chosen one
    divided: Subgroups | None = None  # by it; None if no column is chosen
    why: str = ""  # further columns aren't offered, as a sentence

    def known(self, name: Any) -> str | None:
        """Return the column of this name; None for anything else that a browser may say."""
        return next((column for column in self.columns if column == name), None)


def groups_data(split_by: SplitBy | None, sent: NDArray[np.float64], locked: float | None) -> dict[str, Any]:
    """Lay out the groups for the browser.

    Parameters
    ----------
    split_by : SplitBy, optional
        None offers no choice.
    sent : float64 array, (rows,)
        Thresholds of all films that are sent, highest first.
    locked : float, optional
        The lock's threshold, the only one that differences are stated for.
    """
    divided = split_by.divided if split_by else None
    return {
        "columns": list(split_by.columns) if split_by else [],
        "columns_why": split_by.why if split_by else "",
        "column": split_by.column if split_by and divided else None,
        "groups": None if divided is None else _tables(divided, sent),
        "group_rows": [] if divided is None else _rows(divided, sent, locked),
        "stated": [] if divided is None or locked is None else differences(divided, locked),
        "tested": len(divided.tests) if divided else 0,
        "not_stated": sum(divided.not_stated.values()) if divided else 0,
        "fewest": divided.fewest if divided else 0,
    }


def _tables(divided: Subgroups, sent: NDArray[np.float64]) -> pa.Table:
    """Join the tables of all groups into one, which takes one message."""
    tables = [arrow(group.table, _kept(group.table, sent), metrics=_RATES) for group in divided.groups]
    return pa.concat_tables(tables).combine_chunks()


def _kept(table: ThresholdTable, sent: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the rows that a group's films reach at the thresholds that are sent."""
    return np.unique(np.searchsorted(-table.threshold, -sent, side="right") - 1)


def _rows(divided: Subgroups, sent: NDArray[np.float64], locked: float | None) -> list[dict[str, Any]]:
    results = divided.at(0.0 if locked is None else locked)
    return [
        {
            "name": group.name,
            "rows": int(_kept(group.table, sent).size),
            "patients": group.table.n_groups,
            "rates": list(group.rates),
            "auc": _area(result),
            "apart": {} if locked is None else _apart(result),
        }
        for group, result in zip(divided.groups, results, strict=True)
    ]


def _area(result: GroupResult) -> list[float] | None:
    area = result.auc
    return None if np.isnan(area.value) else [area.value, area.low, area.high]


def _apart(result: GroupResult) -> dict[str, str]:
    """Return which figures of a group differ from the other groups at the lock, and in which direction."""
    figures = {"sensitivity": result.sensitivity, "specificity": result.specificity, "auc": result.auc}
    return {
        name: "lower" if figure.value < figure.others else "higher"
        for name, figure in figures.items()
        if figure.differs
    }
