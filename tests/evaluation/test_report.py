"""The classification report and each class against the rest, against scikit-learn's own."""

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.report import classification_report, one_vs_rest

ROOT = Path(__file__).parents[2]
TWO, THREE = ("NORMAL", "PNEUMONIA"), ("NORMAL", "BACTERIA", "VIRUS")
RATES = ("precision", "recall", "f1")
EVERY_CLASS = {"precision": (), "recall": (), "f1": ()}


def labels_and_calls(matrix):
    counts = np.array(matrix)
    truth, calls = np.indices(counts.shape).reshape(2, -1)
    return np.repeat(truth, counts.ravel()), np.repeat(calls, counts.ravel())


def rates(row):
    return [getattr(row, rate) for rate in RATES]


def random_matrices(seed):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 200, (size, size)).tolist() for size in (2, 3, 3)]


@pytest.mark.parametrize(
    "matrix", [[[119, 115], [23, 367]], [[59, 175], [1, 389]], *random_matrices(0), *random_matrices(1)]
)
def test_every_number_equals_scikit_learns_report(matrix):
    names = TWO if len(matrix) == 2 else THREE
    found = classification_report(matrix, names)
    truth, calls = labels_and_calls(matrix)
    theirs = metrics.classification_report(truth, calls, target_names=names, output_dict=True)
    rows = {each.name: each for each in found.classes} | {
        "macro avg": found.macro,
        "weighted avg": found.weighted,
    }

    assert found.accuracy == pytest.approx(theirs.pop("accuracy"), abs=1e-15)
    assert list(rows) == list(theirs)
    for name, row in rows.items():
        expected = [theirs[name][rate] for rate in ("precision", "recall", "f1-score", "support")]
        assert [*rates(row), row.support] == pytest.approx(expected, abs=1e-15)
    micro = metrics.precision_recall_fscore_support(truth, calls, average="micro")[:3]
    assert rates(found.micro) == pytest.approx(micro, abs=1e-15)
    assert found.micro.left_out == found.macro.left_out == found.weighted.left_out == EVERY_CLASS


@pytest.mark.parametrize(
    ("matrix", "left_out"),
    [
        # no film of the last class, and none called so
        ([[5, 1, 0], [2, 7, 0], [0, 0, 0]], dict.fromkeys(RATES, ("VIRUS",))),
        # no film of the last class, but calls
        ([[5, 1, 2], [2, 7, 1], [0, 0, 0]], {"precision": (), "recall": ("VIRUS",), "f1": ()}),
        # never called, but films
        ([[5, 1, 0], [2, 7, 0], [3, 4, 0]], {"precision": ("VIRUS",), "recall": (), "f1": ()}),
    ],
)
def test_averages_leave_out_classes_without_the_rate_as_scikit_learn_can_and_name_them(matrix, left_out):
    found = classification_report(matrix, THREE)
    truth, calls = labels_and_calls(matrix)

    def theirs(average):
        return metrics.precision_recall_fscore_support(
            truth, calls, labels=[0, 1, 2], average=average, zero_division=np.nan
        )[:3]

    by_class = np.array([rates(each) for each in found.classes]).T
    np.testing.assert_allclose(by_class, theirs(None), atol=1e-15)
    np.testing.assert_allclose(rates(found.macro), theirs("macro"), atol=1e-15)
    np.testing.assert_allclose(rates(found.weighted), theirs("weighted"), atol=1e-15)
    assert found.macro.left_out == found.weighted.left_out == left_out


def test_an_average_with_no_film_to_weigh_by_is_nan():
    found = classification_report([[0, 4, 0], [0, 0, 0], [0, 0, 0]], THREE)  # all normal, all called bacteria

    assert [each.precision for each in found.classes] == pytest.approx([math.nan, 0, math.nan], nan_ok=True)
    assert found.macro.precision == 0
    assert math.isnan(found.weighted.precision)  # all films are of a class that was never called
    assert found.weighted.left_out == {
        "precision": ("NORMAL", "VIRUS"),
        "recall": ("BACTERIA", "VIRUS"),
        "f1": ("VIRUS",),
    }
    assert (found.weighted.recall, found.weighted.f1, found.accuracy) == (0, 0, 0)


def test_with_two_classes_the_second_row_is_the_operating_point():
    point = OperatingPoint(0.5, tp=367, fp=115, tn=119, fn=23)
    normal, ill = classification_report([[119, 115], [23, 367]], TWO).classes

    assert (ill.precision, ill.recall, ill.f1) == (point.ppv, point.sensitivity, point.f1)
    assert (normal.precision, normal.recall) == (point.npv, point.specificity)


def test_without_films_every_rate_is_nan():
    found = classification_report(np.zeros((2, 2), int), TWO)

    assert found.support == 0
    assert math.isnan(found.accuracy)
    for row in (*found.classes, found.micro, found.macro, found.weighted):
        assert np.isnan(rates(row)).all()
    assert found.macro.left_out == dict.fromkeys(RATES, TWO)


@pytest.mark.parametrize(
    ("matrix", "names", "said"),
    [
        ([[1, 2], [3, 4]], THREE, "for 3 classes"),
        ([[1, 2, 3], [3, 4, 5]], TWO, "for 2 classes"),
        ([[1, 2], [3, -4]], TWO, "not counts"),
        ([[0.5, 2], [3, 4]], TWO, "not counts"),
        ([[1, 2], [3, 4]], ("A", "A"), "names"),
        ([[1]], ("A",), "names"),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(matrix, names, said):
    with pytest.raises(ValueError, match=said):
        classification_report(matrix, names)


def films(n=300, digits=2):
    """Classes, probabilities of three, and patients."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, n)
    probabilities = rng.dirichlet([1, 1, 1], n) + 0.4 * np.eye(3)[labels]
    return labels, (probabilities / 1.4).round(digits), rng.integers(0, n // 3, n)


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_areas_of_each_class_against_the_rest_equal_scikit_learn(digits):
    labels, probabilities, patients = films(digits=digits)
    found = one_vs_rest(labels, probabilities, THREE, patients)

    expected = [metrics.roc_auc_score(labels == column, probabilities[:, column]) for column in range(3)]
    assert [each.auc for each in found] == pytest.approx(expected, abs=1e-12)
    for column, each in enumerate(found):
        assert each.auc_ci == auc_interval(labels == column, probabilities[:, column], patients)
        assert each.auc_ci[0] < each.auc < each.auc_ci[1]


def test_the_mean_of_the_areas_is_scikit_learns_for_several_classes():
    labels, probabilities, _ = films(digits=9)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    areas = [each.auc for each in one_vs_rest(labels, probabilities, THREE)]

    assert np.mean(areas) == pytest.approx(
        metrics.roc_auc_score(labels, probabilities, multi_class="ovr"), abs=1e-12
    )


def test_tables_of_each_class_count_as_scikit_learns_matrices_do():
    labels, probabilities, patients = films()
    found = one_vs_rest(labels, probabilities, THREE, patients)
    matrices = metrics.multilabel_confusion_matrix(np.eye(3)[labels], probabilities >= 0.4)

    assert [each.name for each in found] == list(THREE)
    for each, ((tn, fp), (fn, tp)) in zip(found, matrices, strict=True):
        assert each.table.at(0.4) == OperatingPoint(0.4, tp, fp, tn, fn)
        assert each.table.n_groups == np.unique(patients).size


def test_a_class_without_films_has_a_table_and_no_area():
    *_, virus = one_vs_rest([0, 1, 1], [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]], THREE)

    assert (virus.table.positives, virus.table.negatives) == (0, 3)
    assert np.isnan([virus.auc, *virus.auc_ci]).all()


@pytest.mark.parametrize(
    ("labels", "probabilities", "said"),
    [
        ([0, 1], [[0.5, 0.5], [0.5, 0.5]], "of 3 classes"),
        ([0], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], "of 3 classes"),
        ([3], [[0.5, 0.3, 0.2]], "labels must be 0 to 2"),
        ([0.5], [[0.5, 0.3, 0.2]], "labels must be 0 to 2"),
        ([0], [[1.5, 0.3, 0.2]], r"in \[0, 1\]"),
        ([0], [[math.nan, 0.3, 0.2]], r"in \[0, 1\]"),
    ],
)
def test_what_are_no_probabilities_of_classes_is_refused(labels, probabilities, said):
    with pytest.raises(ValueError, match=said):
        one_vs_rest(labels, probabilities, THREE)


@pytest.mark.parametrize(
    ("matrix", "balanced", "printed", "accuracy"),
    [
        ([[119, 115], [23, 367]], "0.725", "0.723", "0.779"),
        ([[59, 175], [1, 389]], "0.625", "0.623", "0.718"),
    ],
)
def test_a_reports_own_matrices_say_what_the_guide_says_of_them(matrix, balanced, printed, accuracy):
    report = classification_report(matrix, TWO)
    assert f"{report.macro.recall:.3f}" == balanced  # the mean of the recalls of both classes
    assert f"{report.micro.f1:.3f}" == f"{report.accuracy:.3f}" == accuracy
    guide = (ROOT / "docs" / "how-to" / "compare-with-the-reports.md").read_text("utf-8")
    row = next(line for line in guide.splitlines() if str(matrix) in line)
    assert [cell.strip() for cell in row.split("|")[2:6]] == [
        printed,
        balanced,
        accuracy,
        f"{report.classes[1].f1:.3f}",
    ]
