"""
Cells: the films behind each count of the 2 × 2 table, largest errors first.

- plain arrays in, row numbers out
- with a review band there are two cells more, for the films that need a reader
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Cell = Literal["tp", "fn", "fp", "tn", "rp", "rn"]
CELLS: tuple[Cell, ...] = get_args(Cell)[:4]
REVIEW_CELLS: tuple[Cell, ...] = get_args(Cell)[4:]  # with disease and without, if there is a review band


def cases(
    labels: NDArray[np.int8],
    scores: NDArray[np.float64],
    threshold: float,
    cell: Cell,
    *,
    review_from: float | None = None,
) -> NDArray[np.intp]:
    """Return the rows of the films in a cell, largest errors first.

    Parameters
    ----------
    labels, scores : arrays of shape (n,)
        Labels are 0 or 1; a film is called positive when score >= threshold.
    cell : str
        ``tp`` found, ``fn`` missed, ``fp`` false alarm, ``tn`` correctly negative; ``rp`` and ``rn`` need a
        reader, with disease and without.
    review_from : float, optional
        Where the review band begins, at most the threshold. Films from there to the threshold need a reader,
        and are neither missed nor correctly negative. By default there is no band.

    Returns
    -------
    intp array of shape (m,)
        Films with disease from the lowest score up, films without from the highest score down; so correct
        calls begin with those that were nearly wrong. Equal scores keep their order.

    Raises
    ------
    ValueError
        If there is no such cell, or the band begins above the threshold.
    """
    lower = threshold if review_from is None else review_from
    if lower > threshold:
        raise ValueError(f"a review band from {lower} lies above the threshold {threshold}")
    if cell not in (*CELLS, *REVIEW_CELLS):
        raise ValueError(f"there is no cell {cell!r}; there are {', '.join((*CELLS, *REVIEW_CELLS))}")
    diseased = cell in ("tp", "fn", "rp")
    if cell in REVIEW_CELLS:
        zone = (scores >= lower) & (scores < threshold)
    else:
        zone = scores >= threshold if cell in ("tp", "fp") else scores < lower
    rows = np.flatnonzero((labels == diseased) & zone)
    badness = scores[rows] if diseased else -scores[rows]
    return rows[np.argsort(badness, kind="stable")]
