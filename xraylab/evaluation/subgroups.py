"""
Subgroups: what a threshold does among the films of each age, sex, view, site or kind.

- tables of counts are made once for each group; a move of the threshold is a search in them
- a rate of fewer than 100 patients is NaN, a dash: it would say more about chance than about the group
- a difference is stated only if a test clustered by patient says so, adjusted for all groups shown
- the promise holds for one threshold that was fixed before; it is void for one moved until a group differs
- of many groups those with the fewest films are joined, never dropped
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xraylab.evaluation.comparison import holm
from xraylab.evaluation.few import FEWEST_PATIENTS
from xraylab.evaluation.intervals import auc_difference_apart, auc_estimate, wilson_interval
from xraylab.evaluation.labelled import checked
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.subgroup_columns import MOST_GROUPS, cut, named_groups
from xraylab.evaluation.subgroup_tests import fisher_p
from xraylab.evaluation.thresholds import ThresholdTable, threshold_table
from xraylab.findings import PNEUMONIA, Finding, capital
from xraylab.formats import auc, auc_interval, count, counted, interval, p_value, percent

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Metric = Literal["sensitivity", "specificity", "auc"]

METRICS: tuple[Metric, ...] = ("sensitivity", "specificity", "auc")
SIGNIFICANT = 0.05
_LABELS: Mapping[Metric, tuple[int, ...]] = {"sensitivity": (1,), "specificity": (0,), "auc": (0, 1)}
_CLASSES: tuple[Metric, ...] = METRICS[:2]  # the rates, each of the films of one class
_PAIR = 2  # two groups have only one difference


@dataclass(frozen=True)
class GroupFigure:
    """One figure of one group; NaN if the group has too few patients for it."""

    value: float  # in [0, 1]
    low: float  # 95 % interval, clustered by patient
    high: float
    others: float  # the same figure of all other groups of the column that aren't too few
    adjusted_p: float  # of no difference from them, by Holm's method over all tests shown; NaN if not tested

    @property
    def differs(self) -> bool:
        """Whether the difference from the other groups is certain enough to be stated."""
        return self.adjusted_p < SIGNIFICANT


@dataclass(frozen=True)
class GroupResult:
    """Figures of one group at a threshold."""

    column: str
    name: str
    patients: int
    point: OperatingPoint  # the counts of its films
    sensitivity: GroupFigure
    specificity: GroupFigure
    auc: GroupFigure  # doesn't depend on the threshold


@dataclass(frozen=True, eq=False)
class _Counts:
    """Correct calls among the films of one class, at every threshold that makes a difference."""

    table: ThresholdTable  # of these films
    correct: Ints  # (rows,)
    effective: Floats  # (rows,): films that count as independent

    def at(self, threshold: float) -> tuple[float, float]:
        """Return the rate and the effective number of films, by a search in O(log n)."""
        row = self.table.row(threshold)
        return float(self.correct[row]) / self.table.n, float(self.effective[row])


@dataclass(frozen=True, eq=False)
class Group:
    """Films of one group, counted once for all thresholds."""

    column: str
    name: str
    table: ThresholdTable
    rates: Mapping[Metric, _Counts]  # without a rate that has too few patients
    others: Mapping[Metric, _Counts]  # the other groups of the column that have this rate
    area: GroupFigure  # without its adjusted p
    area_p: float  # before it is adjusted


@dataclass(frozen=True, eq=False)
class Subgroups:
    """Groups of films by one or several columns."""

    groups: tuple[Group, ...]
    not_stated: Mapping[str, int]  # films without a value, by column; they belong to no group
    tests: tuple[tuple[Metric, tuple[int, ...]], ...]  # a figure, and the groups that its test speaks about
    fewest: int  # patients of a class that a figure needs
    finding: Finding = PNEUMONIA

    def p_values(self, threshold: float) -> list[float]:
        """Return p of each test at a threshold, before it is adjusted."""
        return [self._p(metric, members[0], threshold) for metric, members in self.tests]

    def at(self, threshold: float, *, beside: Sequence[float] = ()) -> tuple[GroupResult, ...]:
        """Return the figures of all groups at a threshold.

        The counts take a search in each group's table. So a handle that moves over 25,000 films in six groups
        gets them many times between two pictures of a screen.

        Parameters
        ----------
        threshold : float
            A film is called positive when score >= threshold.
        beside : sequence of float
            p of other tests that are shown together with these, such as those of another model; p is then
            adjusted over all of them.

        Raises
        ------
        ValueError
            If the threshold is NaN.
        """
        if math.isnan(threshold):
            raise ValueError("a threshold cannot be NaN")
        adjusted: dict[tuple[Metric, int], float] = {}
        ps = holm([*self.p_values(threshold), *beside]).tolist()[: len(self.tests)]
        for (metric, members), p in zip(self.tests, ps, strict=True):
            adjusted |= {(metric, member): p for member in members}
        return tuple(
            _result(group, threshold, [adjusted.get((metric, number), math.nan) for metric in METRICS])
            for number, group in enumerate(self.groups)
        )

    def _p(self, metric: Metric, number: int, threshold: float) -> float:
        group = self.groups[number]
        if metric == "auc":
            return group.area_p
        return fisher_p(*group.rates[metric].at(threshold), *group.others[metric].at(threshold))


def subgroups(
    labels: ArrayLike,
    scores: ArrayLike,
    patients: Sequence[Any] | NDArray[Any] | None,
    columns: Mapping[str, Sequence[Any] | NDArray[Any]],
    *,
    fewest: int = FEWEST_PATIENTS,
    most: int = MOST_GROUPS,
    finding: Finding = PNEUMONIA,
) -> Subgroups:
    """Divide films into groups by each column, and count every group once for all thresholds.

    In each column, each group is compared with all its other groups together, by sensitivity, specificity and
    AUC; of two groups this is one comparison. Rates are compared by Fisher's exact test on effective numbers
    of films, see ``fisher_p``; areas by the interval of their difference. A patient with films in two groups
    counts in both, which makes a difference rather harder to show. p is adjusted by Holm's method over all
    comparisons of all columns. So if nothing differs, even one difference is stated at no more than 5 % of
    the thresholds that were fixed before.

    Parameters
    ----------
    labels, scores, patients
        As in ``threshold_table``, (n,) each.
    columns : mapping of str to sequence, (n,) each
        A value per film, by the column's name in words; None, NaN and an empty text count as not stated.
        Make bands of ages by ``subgroup_columns.age_bands``.
    fewest : int
        Patients with films of a class that a figure of this class needs; others are NaN and aren't tested.
    most : int
        Groups of a column; if there are more, those with fewer films are joined into one more group.
    finding : Finding
        What the labels are about, for the sentences.

    Raises
    ------
    ValueError
        As ``threshold_table`` does, and if a column has another length.

    References
    ----------
    Holm S (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    films = checked(labels, scores, patients)
    groups: list[Group] = []
    tests: list[tuple[Metric, tuple[int, ...]]] = []
    not_stated = {}
    for column, values in columns.items():
        names, present = named_groups(values, most)
        if names.size != films[0].size:
            raise ValueError(f"{names.size} values of {column} for {films[0].size} films")
        not_stated[column] = int((names == "").sum())
        found = _groups_of(column, names, present, films, fewest, finding)
        tests += _tests_of(found, first=len(groups))
        groups += found
    return Subgroups(tuple(groups), not_stated, tuple(tests), fewest, finding)


def sentences(divided: Subgroups, threshold: float) -> list[str]:
    """Return a sentence for each difference between groups, or one that none was shown, and one of dashes.

    Parameters
    ----------
    divided : Subgroups
    threshold : float
        A film is called positive when score >= threshold.
    """
    return differences(divided, threshold) + dashes(divided)


def differences(divided: Subgroups, threshold: float, *, beside: Sequence[float] = ()) -> list[str]:
    """Return a sentence for each difference between groups, or one that none was shown.

    Parameters
    ----------
    divided : Subgroups
    threshold : float
        One that was fixed before anybody looked at the groups.
    beside : sequence of float
        As in ``Subgroups.at``.
    """
    tests = len(divided.tests) + len(beside)
    stated = _stated(divided, threshold, beside)
    return stated if stated or not tests else [_none_shown(tests)]


def differences_by_model(models: Mapping[str, tuple[Subgroups, float]]) -> list[str]:
    """Return the sentences about differences between groups within each of several models.

    Parameters
    ----------
    models : mapping
        By name, the same films divided by the same column, and the threshold that was fixed for the model.
        p is adjusted for the comparisons of all models together.
    """
    ps = {name: divided.p_values(threshold) for name, (divided, threshold) in models.items()}
    stated = []
    for name, (divided, threshold) in models.items():
        beside = [p for other, others in ps.items() if other != name for p in others]
        stated += [f"{name}: {sentence}" for sentence in _stated(divided, threshold, beside)]
    tests = sum(map(len, ps.values()))
    return stated if stated or not tests else [_none_shown(tests)]


def _stated(divided: Subgroups, threshold: float, beside: Sequence[float]) -> list[str]:
    """Return a sentence for each difference that is certain enough."""
    results = divided.at(threshold, beside=beside)
    tests = len(divided.tests) + len(beside)
    stated = []
    for metric, members in divided.tests:
        compared = [results[member] for member in members]
        lower = min(compared, key=lambda result: _figure(result, metric).value)
        if _figure(lower, metric).differs:
            others = [result.name for result in compared if result is not lower] or ["the other groups"]
            stated.append(_difference(lower, metric, others[0], divided.finding, tests))
    return stated


def _none_shown(tests: int) -> str:
    return (
        f"No difference between the groups was shown by {counted(tests, 'comparison')}; "
        "a small one may need more patients."
    )


def dashes(divided: Subgroups) -> list[str]:
    """Return a sentence that names the groups with too few patients for a figure, if there are any."""
    few = [
        f"{cut(group.column)} {cut(group.name)}"
        for group in divided.groups
        if len(group.rates) < len(_CLASSES)
    ]
    if not few:
        return []
    finding = divided.finding
    return [
        f"Figures that would rest on fewer than {count(divided.fewest)} patients {finding.ill} or "
        f"{finding.well} are left out: {', '.join(few)}."
    ]


def _groups_of(
    column: str,
    names: NDArray[np.object_],
    present: Sequence[str],
    films: tuple[Ints, Floats, Ints],
    fewest: int,
    finding: Finding,
) -> list[Group]:
    rows = {name: names == name for name in present}
    shown = {
        metric: [name for name in present if _enough(films, rows[name], _LABELS[metric], fewest)]
        for metric in METRICS
    }
    return [_group(column, name, rows, shown, films, finding) for name in present]


def _enough(
    films: tuple[Ints, Floats, Ints], rows: NDArray[np.bool_], labels: Sequence[int], fewest: int
) -> bool:
    truth, _, patients = films
    return all(np.unique(patients[rows & (truth == label)]).size >= max(1, fewest) for label in labels)


def _group(
    column: str,
    name: str,
    rows: Mapping[str, NDArray[np.bool_]],
    shown: Mapping[Metric, Sequence[str]],
    films: tuple[Ints, Floats, Ints],
    finding: Finding,
) -> Group:
    table = threshold_table(*_of(films, rows[name]), finding=finding)
    others = {
        metric: np.any([rows[other] for other in names if other != name], axis=0)
        for metric, names in shown.items()
        if name in names and len(names) > 1
    }
    area, area_p = _areas(films, rows[name], others.get("auc"), shown=name in shown["auc"])
    return Group(
        column=column,
        name=name,
        table=table,
        rates={metric: _counts(films, rows[name], metric) for metric in _CLASSES if name in shown[metric]},
        others={
            metric: _counts(films, chosen, metric) for metric, chosen in others.items() if metric != "auc"
        },
        area=area,
        area_p=area_p,
    )


def _of(films: tuple[Ints, Floats, Ints], rows: NDArray[np.bool_]) -> tuple[Ints, Floats, Ints]:
    truth, scores, patients = films
    return truth[rows], scores[rows], patients[rows]


def _counts(films: tuple[Ints, Floats, Ints], rows: NDArray[np.bool_], metric: Metric) -> _Counts:
    """Count the correct calls among the films of one class, (rows of its own table,)."""
    [label] = _LABELS[metric]
    table = threshold_table(*_of(films, rows & (films[0] == label)))
    correct = table.tp if label else table.negatives - table.fp
    return _Counts(table, correct, table.effective[metric])


def _areas(
    films: tuple[Ints, Floats, Ints],
    rows: NDArray[np.bool_],
    others: NDArray[np.bool_] | None,
    *,
    shown: bool,
) -> tuple[GroupFigure, float]:
    if not shown:
        return GroupFigure(*[math.nan] * 5), math.nan
    own = _of(films, rows)
    area = auc_estimate(*own)
    if others is None:
        return GroupFigure(area.value, area.low, area.high, math.nan, math.nan), math.nan
    apart = auc_difference_apart(own, _of(films, others))
    return GroupFigure(area.value, area.low, area.high, area.value - apart.value, math.nan), apart.p


def _tests_of(groups: Sequence[Group], *, first: int) -> list[tuple[Metric, tuple[int, ...]]]:
    tests: list[tuple[Metric, tuple[int, ...]]] = []
    for metric in METRICS:
        compared = [
            first + number
            for number, group in enumerate(groups)
            if (not math.isnan(group.area_p) if metric == "auc" else metric in group.others)
        ]
        tests += [(metric, tuple(compared))] if len(compared) == _PAIR else [(metric, (n,)) for n in compared]
    return tests


def _result(group: Group, threshold: float, adjusted: Sequence[float]) -> GroupResult:
    area = group.area
    return GroupResult(
        column=group.column,
        name=group.name,
        patients=group.table.n_groups,
        point=group.table.at(threshold),
        sensitivity=_rate(group, "sensitivity", threshold, adjusted[0]),
        specificity=_rate(group, "specificity", threshold, adjusted[1]),
        auc=GroupFigure(area.value, area.low, area.high, area.others, adjusted[2]),
    )


def _rate(group: Group, metric: Metric, threshold: float, adjusted_p: float) -> GroupFigure:
    if metric not in group.rates:
        return GroupFigure(*[math.nan] * 5)
    rate, size = group.rates[metric].at(threshold)
    others = group.others[metric].at(threshold)[0] if metric in group.others else math.nan
    return GroupFigure(rate, *wilson_interval(rate * size, size), others, adjusted_p)


def _figure(result: GroupResult, metric: Metric) -> GroupFigure:
    figures: Mapping[Metric, GroupFigure] = {
        "sensitivity": result.sensitivity,
        "specificity": result.specificity,
        "auc": result.auc,
    }
    return figures[metric]


def _difference(result: GroupResult, metric: Metric, others: str, finding: Finding, tests: int) -> str:
    figure, point = _figure(result, metric), result.point
    if metric == "auc":
        own, other = f"{auc(figure.value)} ({auc_interval(figure.low, figure.high)})", auc(figure.others)
    else:
        own, other = f"{percent(figure.value)} ({interval(figure.low, figure.high)})", percent(figure.others)
    name, films = {
        "sensitivity": ("sensitivity", f"{counted(point.tp + point.fn, 'film')} {finding.ill}"),
        "specificity": ("specificity", f"{counted(point.tn + point.fp, 'film')} {finding.well}"),
        "auc": ("the AUC", counted(point.n, "film")),
    }[metric]
    direction = "lower" if figure.value < figure.others else "higher"
    group = f"{capital(cut(result.column))} {cut(result.name)}"
    return (
        f"{group}: {name} is {direction} than in {cut(others)}, {own} on {films} "
        f"against {other}; p is {p_value(figure.adjusted_p)}, adjusted for {counted(tests, 'comparison')}."
    )
