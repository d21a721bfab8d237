"""Tables of thresholds as the browser gets them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xraylab.evaluation.thresholds import ThresholdTable


def arrow(
    table: ThresholdTable, rows: NDArray[np.int64], *, metrics: Iterable[str] | None = None
) -> pa.Table:
    """Lay out rows of a table: typed columns, 48 bytes per row with all metrics.

    Parameters
    ----------
    metrics : iterable of str, optional
        Rates whose effective numbers of films are needed for intervals; by default all.
    """
    columns: dict[str, Any] = {
        "threshold": table.threshold[rows],
        # the next lower score, whose row may not be sent: all cuts down to it have this row's counts
        "below": np.append(table.threshold[1:], -np.inf)[rows],
        "tp": table.tp[rows].astype(np.int32),
        "fp": table.fp[rows].astype(np.int32),
    }
    for metric in table.effective if metrics is None else metrics:
        columns[f"effective_{metric}"] = table.effective[metric][rows].astype(np.float32)
    return pa.table(columns)
