"""From a number to its cases: which films are in a cell of the 2 × 2, the worst first."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Cell = Literal["tp", "fn", "fp", "tn"]
CELLS: tuple[Cell, ...] = get_args(Cell)


def cases(
    labels: NDArray[np.int8], scores: NDArray[np.float64], threshold: float, cell: Cell
) -> NDArray[np.intp]:
    """Find the films of a cell.

    Parameters
    ----------
    labels, scores : arrays of shape (n,)
        0 or 1; a film is called positive when score >= threshold.
    cell : str
        ``tp`` found, ``fn`` missed, ``fp`` false alarm, ``tn`` rightly below.

    Returns
    -------
    intp array of shape (m,)
        Rows, the worst first: films with disease from the lowest score up, films without from the highest
        down, so that right calls begin with those that were nearly wrong. Equal scores keep their order.

    Raises
    ------
    ValueError
        If there is no such cell.
    """
    if cell not in CELLS:
        raise ValueError(f"there is no cell {cell!r}; there are {', '.join(CELLS)}")
    diseased, called = cell in ("tp", "fn"), cell in ("tp", "fp")
    rows = np.flatnonzero((labels == diseased) & ((scores >= threshold) == called))
    badness = scores[rows] if diseased else -scores[rows]
    return rows[np.argsort(badness, kind="stable")]
