"""Classes at a threshold, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from xraylab.evaluation.classes import report_by_kind, report_of
from xraylab.evaluation.operating_point import OperatingPoint

THRESHOLD = 0.4


def films(n=400, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)  # normal, bacterial, viral
    odds = np.exp(rng.normal(0, 1, (n, 3)) + 1.5 * np.eye(3)[truth])
    odds /= odds.sum(axis=1, keepdims=True)
    subtypes = np.array(["", "bacterial", "viral"], object)[truth]
    kinds = {"bacterial": odds[:, 1], "viral": odds[:, 2]}
    return truth, (truth > 0).astype(np.int8), 1 - odds[:, 0], np.arange(n) // 2, subtypes, kinds


@pytest.mark.parametrize("threshold", [0.0, THRESHOLD, 0.7, 1.0])
def test_calls_follow_the_threshold_first_and_the_likeliest_kind_then(threshold):
    truth, labels, scores, groups, subtypes, kinds = films()
    found = report_by_kind(labels, scores, groups, subtypes, kinds, threshold)
    called = [
        (1 if bacterial >= viral else 2) if score >= threshold else 0
        for score, bacterial, viral in zip(scores, *kinds.values(), strict=True)
    ]
    assert found.confusion.tolist() == metrics.confusion_matrix(truth, called, labels=[0, 1, 2]).tolist()
    assert [one.name for one in found.report.classes] == ["NORMAL", "BACTERIAL", "VIRAL"]
    recalls = metrics.recall_score(truth, called, average=None)
    assert [one.recall for one in found.report.classes] == pytest.approx(list(recalls))
    assert found.confusion[0, 0] == report_of_two(labels, scores, threshold).classes[0].right


def report_of_two(labels, scores, threshold):
    [[tn, fp], [fn, tp]] = metrics.confusion_matrix(labels, scores >= threshold, labels=[0, 1])
    return report_of(OperatingPoint(threshold, int(tp), int(fp), int(tn), int(fn)))


def test_two_classes_are_scikit_learns_with_averages():
    _, labels, scores, *_ = films()
    found = report_of_two(labels, scores, THRESHOLD)
    for name in ("micro", "macro", "weighted"):
        average = getattr(found, name)
        expected = metrics.precision_recall_fscore_support(labels, scores >= THRESHOLD, average=name)[:3]
        assert (average.precision, average.recall, average.f1) == pytest.approx(expected)


def test_areas_are_scikit_learns_each_class_against_the_rest():
    truth, labels, scores, groups, subtypes, kinds = films(seed=1)
    found = report_by_kind(labels, scores, groups, subtypes, kinds, THRESHOLD)
    columns = (1 - scores, *kinds.values())
    for place, (one, column) in enumerate(zip(found.areas, columns, strict=True)):
        assert one.auc == pytest.approx(metrics.roc_auc_score(truth == place, column))
        assert one.auc_ci[0] < one.auc < one.auc_ci[1]


def test_pneumonia_of_an_unknown_kind_is_left_out_and_counted():
    truth, labels, scores, groups, subtypes, kinds = films()
    subtypes[np.flatnonzero(truth == 2)[:5]] = ["", "fungal", None, np.nan, "Viral"]
    found = report_by_kind(labels, scores, groups, subtypes, kinds, THRESHOLD)
    assert found.left_out == 5
    assert found.report.support == int(found.confusion.sum()) == len(labels) - 5
    assert found.report.classes[2].support == int((truth == 2).sum()) - 5


def test_without_films_every_rate_is_nan():
    empty = np.zeros(0)
    found = report_by_kind(empty, empty, empty, [], {"bacterial": empty, "viral": empty}, THRESHOLD)
    assert np.isnan([one.recall for one in found.report.classes]).all()
    assert np.isnan([one.auc for one in found.areas]).all()
