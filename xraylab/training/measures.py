"""Measures of an epoch: loss, rates and AUC from the outputs of a network."""

import math

import numpy as np
from torch import Tensor
from torch.nn import functional

from xraylab.evaluation.thresholds import threshold_table
from xraylab.networks.inputs import finding_logit

_EVEN = 0.0  # the logit of a score of 0.5; an epoch has no lock yet, so its rates are counted there
RATES = ("accuracy", "balanced_accuracy", "f1", "kappa")


def measure(outputs: Tensor, targets: Tensor, weight: Tensor) -> dict[str, float]:
    """Compute loss, rates at a score of 0.5, and AUC.

    Parameters
    ----------
    outputs : float tensor of shape (n, classes)
    targets : int64 tensor of shape (n,)
        Class of each film; all classes but the first count as the finding.
    weight : float tensor of shape (classes,)
        Weight of each class in the loss.

    Returns
    -------
    dict
        loss, accuracy, balanced_accuracy, f1, kappa and auc; all but the loss are NaN if an output is NaN or
        infinite.
    """
    loss = functional.cross_entropy(outputs, targets, weight=weight).item()
    # Logits rank as scores do, and don't become equal where scores round to 0 or 1.
    logits = finding_logit(outputs).numpy()
    if not np.isfinite(logits).all():
        return {"loss": loss, **dict.fromkeys(RATES, math.nan), "auc": math.nan}
    table = threshold_table((targets > 0).numpy(), logits)
    point = table.at(_EVEN)
    return {"loss": loss, **{name: getattr(point, name) for name in RATES}, "auc": table.auc}
