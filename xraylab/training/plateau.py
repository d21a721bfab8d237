"""Judge from the history of the validation AUC whether longer training would help; torch isn't imported."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_STALE = 5  # epochs without a better AUC that are worth a sentence
_RISE = 0.001  # smallest rise of the AUC that isn't noise
_WINDOW = 3  # epochs over which a rise is measured, because single epochs go up and down


def plateau(history: Sequence[Mapping[str, Any]], *, over: bool = False) -> str | None:
    """Return a sentence on whether the validation AUC still rises; None if there is nothing to report.

    - "has not improved for n epochs": none of the n epochs after the best one (the earliest of equals) had a
      higher validation AUC, and n is at least 5. An epoch without an AUC counts as not better.
    - "still improving: train longer": the run is over, its last epoch is its best, and its AUC is at least
      0.001 above the best AUC up to three epochs before the end (in a shorter run, above that of the first
      epoch).

    Parameters
    ----------
    history : sequence of mappings
        Epochs of a run so far, in order; ``validation_auc`` is NaN or None if it isn't defined.
    over : bool
        True if the run will train no more epochs.
    """
    aucs = [_number(epoch.get("validation_auc")) for epoch in history]
    if len(aucs) <= 1 or all(auc == -math.inf for auc in aucs):
        return None
    best = aucs.index(max(aucs))
    since = len(aucs) - 1 - best
    if since >= _STALE:
        return f"Validation AUC has not improved for {since} epochs."
    before = max(aucs[: max(len(aucs) - _WINDOW, 1)])
    if over and since == 0 and math.isfinite(before) and aucs[-1] - before >= _RISE:
        return "Validation AUC was still improving: train longer."
    return None


def _number(auc: Any) -> float:
    """Return the AUC as a float; minus infinity if it is missing."""
    return float(auc) if isinstance(auc, int | float) and math.isfinite(auc) else -math.inf
