import math

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    class_likelihood_ratios,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from xraylab.evaluation.operating_point import OperatingPoint


def _labels_and_calls(point):
    labels = np.repeat([1, 0, 0, 1], [point.tp, point.fp, point.tn, point.fn])
    calls = np.repeat([1, 1, 0, 0], [point.tp, point.fp, point.tn, point.fn])
    return labels, calls


@pytest.mark.parametrize(
    ("matrix", "accuracy", "kappa", "balanced"),
    [
        ([[119, 115], [23, 367]], 0.779, 0.488, 0.725),  # frozen ResNet50, published
        ([[59, 175], [1, 389]], 0.718, 0.293, 0.625),  # custom CNN, published
    ],
)
def test_published_matrices_give_their_published_figures(matrix, accuracy, kappa, balanced):
    (tn, fp), (fn, tp) = matrix
    point = OperatingPoint(0.5, tp=tp, fp=fp, tn=tn, fn=fn)

    assert (round(point.accuracy, 3), round(point.kappa, 3)) == (accuracy, kappa)
    assert point.balanced_accuracy == pytest.approx(balanced, abs=6e-4)


@pytest.mark.parametrize("counts", [(367, 115, 119, 23), (1, 0, 9, 4), (3, 8, 2, 5), (40, 1, 1, 1)])
def test_every_rate_equals_scikit_learn(counts):
    point = OperatingPoint(0.5, *counts)
    labels, calls = _labels_and_calls(point)

    assert point.sensitivity == pytest.approx(recall_score(labels, calls), abs=1e-15)
    assert point.specificity == pytest.approx(recall_score(labels, calls, pos_label=0), abs=1e-15)
    assert point.ppv == pytest.approx(precision_score(labels, calls), abs=1e-15)
    assert point.npv == pytest.approx(precision_score(labels, calls, pos_label=0), abs=1e-15)
    assert point.f1 == pytest.approx(f1_score(labels, calls), abs=1e-15)
    assert point.accuracy == pytest.approx(accuracy_score(labels, calls), abs=1e-15)
    assert point.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, calls), abs=1e-15)
    assert point.kappa == pytest.approx(cohen_kappa_score(labels, calls), abs=1e-14)
    assert point.mcc == pytest.approx(matthews_corrcoef(labels, calls), abs=1e-14)


@pytest.mark.parametrize("counts", [(367, 115, 119, 23), (3, 8, 2, 5), (40, 1, 1, 1)])
def test_likelihood_ratios_equal_scikit_learn(counts):
    point = OperatingPoint(0.5, *counts)
    positive, negative = class_likelihood_ratios(*_labels_and_calls(point))
    assert point.lr_positive == pytest.approx(positive)
    assert point.lr_negative == pytest.approx(negative)


@pytest.mark.parametrize(
    ("counts", "positive", "negative"),
    [
        ((9, 0, 10, 1), math.inf, 0.1),  # no false alarm
        ((9, 10, 0, 1), 0.9, math.inf),  # nobody rightly below
        ((10, 10, 0, 0), 1.0, math.nan),  # everybody called positive
        ((0, 0, 10, 10), math.nan, 1.0),  # nobody
        ((9, 0, 0, 1), math.nan, math.nan),  # one class
    ],
)
def test_likelihood_ratios_at_the_ends(counts, positive, negative):
    point = OperatingPoint(0.5, *counts)
    assert point.lr_positive == pytest.approx(positive, nan_ok=True)
    assert point.lr_negative == pytest.approx(negative, nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        ((0, 0, 0, 0), "sensitivity specificity ppv npv f1 accuracy balanced_accuracy kappa mcc"),
        ((0, 0, 5, 0), "sensitivity ppv f1 balanced_accuracy kappa mcc"),
        ((5, 0, 0, 0), "specificity npv balanced_accuracy kappa mcc"),
        ((0, 0, 5, 5), "ppv mcc"),
    ],
)
def test_a_rate_with_nothing_to_divide_by_is_nan(counts, undefined):
    point = OperatingPoint(0.5, *counts)
    rates = [*("sensitivity", "specificity", "ppv", "npv"), *("f1", "accuracy", "balanced_accuracy")]
    rates += ["kappa", "mcc"]

    assert [name for name in rates if math.isnan(getattr(point, name))] == undefined.split()
