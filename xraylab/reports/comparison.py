"""
A comparison of models as CSV, for a spreadsheet.

- one line per number, of one model or of a difference between two, with its interval or its spread over seeds
- numbers and words are written as in every table, see ``tables``
"""

import math
from collections.abc import Iterator

from xraylab.documents import ComparedModel, ComparedModels, ComparedPair, Estimate
from xraylab.reports.tables import as_csv

HEAD = ("model", "less", "quantity", "value", "low", "high", "range", "sd", "p", "p_holm")
_DIFFERENCES = ("auc", "average_precision", "sensitivity", "specificity", "f1", "kappa")
_INTERVAL, _SEEDS = "95 % interval", "lowest to highest of the seeds"
_Cell = str | float | int | None
_Row = dict[str, _Cell]


def comparison_csv(document: ComparedModels) -> str:
    """Write a comparison as CSV."""
    rows = [row for model in document.models for row in _of_model(model)]
    rows += [row for pair in document.pairs for row in _of_pair(pair)]
    return as_csv(HEAD, ([row.get(name) for name in HEAD] for row in rows))


def _of_model(model: ComparedModel) -> Iterator[_Row]:
    name = f"{model.model}, {len(model.seeds)} seeds" if model.seeds else model.model
    for quantity, metric in model.metrics.items():
        named: _Row = {"model": name, "quantity": quantity}
        yield named | _estimate(metric)
    for quantity, over in model.spread.items():
        yield {
            "model": name,
            "quantity": quantity,
            "value": over.mean,
            "low": over.low,
            "high": over.high,
            "range": _SEEDS,
            "sd": over.sd,
        }
    facts: _Row = {
        "threshold": model.threshold,
        "network": model.arch,
        "recipe": model.recipe,
        "parameters": model.parameters,
        "training_seconds": model.seconds,
        "calibrated_on_these_films": int(model.calibrated),
    }
    for quantity, value in facts.items():
        yield {"model": name, "quantity": quantity, "value": value}


def _of_pair(pair: ComparedPair) -> Iterator[_Row]:
    both: _Row = {"model": pair.first, "less": pair.second}
    # Only the AUC and the calls are tested; the other differences have intervals alone.
    area: _Row = {"p": pair.auc_p, "p_holm": pair.auc_p_holm}
    for quantity in _DIFFERENCES:
        tested = area if quantity == "auc" else {}
        yield both | {"quantity": quantity} | _estimate(getattr(pair, quantity)) | tested
    alone: _Row = {"quantity": "right_with_one_alone", "value": pair.first_only - pair.second_only}
    yield both | alone | {"p": pair.mcnemar_p, "p_holm": pair.mcnemar_p_holm}


def _estimate(metric: Estimate) -> _Row:
    known = not math.isnan(metric.low)
    return {
        "value": metric.value,
        "low": metric.low,
        "high": metric.high,
        "range": _INTERVAL if known else "",
    }
