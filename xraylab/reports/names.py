"""Names of the figures of an evaluation, and how their values are written, on screens and in documents."""

from xraylab.formats import auc, auc_interval, interval, percent, ratio, ratio_interval

_AREAS = {"auc": "AUC (ROC)", "average_precision": "Average precision"}
_RATES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV (precision)",
    "npv": "NPV",
    "f1": "F1",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
}
_RATIOS = {
    "kappa": "Cohen’s kappa",
    "mcc": "Matthews correlation",
    "lr_positive": "Likelihood ratio, positive call",
    "lr_negative": "Likelihood ratio, negative call",
}
NAMES = _AREAS | _RATES | _RATIOS
AVERAGES = {
    "micro": "micro average (the accuracy)",
    "macro": "macro average",
    "weighted": "weighted average",
}


def written(name: str, value: float) -> str:
    """Write the value of a figure."""
    if name in _RATES:
        return percent(value)
    return auc(value) if name in _AREAS else ratio(value)


def written_interval(name: str, bounds: tuple[float, float]) -> str:
    """Write the bounds of a figure's interval."""
    if name in _RATES:
        return interval(*bounds)
    return auc_interval(*bounds) if name in _AREAS else ratio_interval(*bounds)
