"""What the course of the validation AUC says about training longer. Plain numbers, no torch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_STALE = 5  # epochs without a better AUC before anything is said
_RISE = 0.001  # of the AUC; less is noise
_WINDOW = 3  # epochs back that a rise is measured over


def plateau(history: Sequence[Mapping[str, Any]], *, over: bool = False) -> str | None:
    """Say in a sentence whether the validation AUC still rises; None when there is nothing to say.

    - "has not improved for n epochs": the n epochs after the best one, the earliest of equals, brought no
      higher validation AUC, and n is at least 5. An epoch whose AUC is not a number counts as not better.
    - "still improving: train longer": the run is over, its last epoch is its best, and that AUC is at least
      0.001 above the best up to three epochs before the end (above the first epoch's in a shorter run).

    Parameters
    ----------
    history : sequence of mappings
        The epochs of a run so far, in order; ``validation_auc`` is NaN or None where it isn't defined.
    over : bool
        Whether the run has trained all it is going to.
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
    """An AUC to compare by; what isn't one is worse than any."""
    return float(auc) if isinstance(auc, int | float) and math.isfinite(auc) else -math.inf
