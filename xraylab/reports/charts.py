"""
Charts as vector drawings: curves of an evaluation, and one film's score among others.

- axes show their first and last number; nothing is shown by colour alone
- the lock is marked on every chart where it has a position
- if a class is missing, the chart says so instead of drawing a curve
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String

from xraylab.documents import SplitReport
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.formats import auc, count, percent, score
from xraylab.reports.typeset import (
    ACCENT,
    BOLD,
    BORDER,
    MUTED,
    NEGATIVE,
    POSITIVE,
    REGULAR,
    SURFACE,
    TEXT,
    WIDTH,
    fonts,
    visible,
)

HALF = (WIDTH - 16) / 2
_TALL, _LOW, _FLAT = 172, 132, 104  # heights of a chart, in points
_BINS = 25  # of a histogram of scores
_SMALL = 6.6
_DOTTED, _DASHED = (1, 2), (4, 2)
_FAR = 8.5  # ends of the logit axis, which lie at scores of 0.0002 and 0.9998
_SCORES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)  # marked on it
_CLOSE = 0.8  # share of the width from which words stand to the left of a mark, or they would leave the chart

Point = tuple[float, float]


@dataclass(frozen=True)
class _Axes:
    """A frame on a drawing, and the numbers at its ends."""

    drawing: Any
    x: float
    y: float
    width: float
    height: float
    x_range: Point = (0.0, 1.0)
    y_range: Point = (0.0, 1.0)

    def at(self, x: float, y: float) -> Point:
        """Return the position of a pair of numbers on the drawing."""
        (left, right), (low, high) = self.x_range, self.y_range
        return (
            self.x + self.width * (x - left) / (right - left),
            self.y + self.height * (y - low) / (high - low),
        )

    def frame(self, x_label: str, y_label: str, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> None:
        """Draw the frame with labels and ticks."""
        self.drawing.add(
            Rect(self.x, self.y, self.width, self.height, strokeColor=BORDER, strokeWidth=0.6, fillColor=None)
        )
        for tick in x_ticks:
            place = self.at(tick, self.y_range[0])[0]
            self.drawing.add(Line(place, self.y, place, self.y - 2.5, strokeColor=MUTED, strokeWidth=0.5))
            self.words(place, self.y - 9.5, f"{tick:g}", anchor="middle")
        for tick in y_ticks:
            place = self.at(self.x_range[0], tick)[1]
            self.drawing.add(Line(self.x, place, self.x - 2.5, place, strokeColor=MUTED, strokeWidth=0.5))
            self.words(self.x - 4, place - 2.2, f"{tick:g}", anchor="end")
        self.words(self.x + self.width / 2, self.y - 19, x_label, anchor="middle")
        self.words(self.x, self.y + self.height + 4, y_label)

    def words(self, x: float, y: float, words: str, *, anchor: str = "start", colour: Any = MUTED) -> None:
        """Write text at a position of the drawing."""
        self.drawing.add(
            String(
                x, y, visible(words), fontName=REGULAR, fontSize=_SMALL, fillColor=colour, textAnchor=anchor
            )
        )

    def line(self, points: Sequence[Point], colour: Any, *, width: float = 1.2, dash: Any = None) -> None:
        """Draw a line through pairs of numbers."""
        # reportlab takes the coordinates of all points as one flat list
        flat = [coordinate for point in points for coordinate in self.at(*point)]
        if len(points) > 1:
            self.drawing.add(PolyLine(flat, strokeColor=colour, strokeWidth=width, strokeDashArray=dash))

    def mark(self, x: float, y: float, words: str, *, anchor: str = "start", down: bool = False) -> None:
        """Mark the lock."""
        place = self.at(x, y)
        self.drawing.add(Circle(*place, 3, fillColor=ACCENT, strokeColor=SURFACE, strokeWidth=0.8))
        shift = 6 if anchor == "start" else -6
        self.words(place[0] + shift, place[1] - (9 if down else 2), words, anchor=anchor, colour=ACCENT)

    def nothing(self, words: str) -> None:
        """Say why there is no curve."""
        self.words(self.x + self.width / 2, self.y + self.height / 2, words, anchor="middle")


def histogram(split: SplitReport, threshold: float) -> Any:
    """Draw the scores of both classes, mirrored, with the threshold across them."""
    drawing, axes = _started(
        "Films by score: share of each class, on a √ scale", WIDTH, _LOW, y_range=(-1.0, 1.0), left=3
    )
    negatives = split.n - split.positives
    well, ill = split.finding.classes
    _mirrored(axes, split.curves.negatives, split.curves.positives)
    axes.frame("Score", "", (0, 0.25, 0.5, 0.75, 1), ())
    end, top = axes.x + axes.width, drawing.height - 9
    axes.words(end - 110, top, f"above: {well}, {count(negatives)}", colour=NEGATIVE, anchor="end")
    axes.words(end, top, f"below: {ill}, {count(split.positives)}", colour=POSITIVE, anchor="end")
    axes.line([(threshold, -1), (threshold, 1)], ACCENT, width=1.4)
    cut = axes.at(threshold, 1)
    anchor = "end" if threshold > _CLOSE else "start"
    axes.words(cut[0], cut[1] + 4, f"locked {score(threshold)}", anchor=anchor, colour=ACCENT)
    return drawing


def standing(films: ThresholdTable, at: float, cuts: Sequence[float]) -> Any:
    """Draw one film's score among the validation films, with the cuts of the lock."""
    cut_words = {0: "", 1: "; dashed: threshold"}.get(len(cuts), "; dashed: both thresholds")
    title = f"Among the validation films{cut_words}"
    drawing, axes = _started(title, HALF, _FLAT, y_range=(-1.0, 1.0), left=3)
    well, ill = films.finding.classes
    _mirrored(axes, *(bins.tolist() for bins in films.histogram(_BINS)))
    axes.frame("Score", "", (0, 0.25, 0.5, 0.75, 1), ())
    legend = axes.y - 19
    axes.words(axes.x, legend, f"above: {well}, {count(films.negatives)}", colour=NEGATIVE)
    words = f"below: {ill}, {count(films.positives)}"
    axes.words(axes.x + axes.width, legend, words, anchor="end", colour=POSITIVE)
    for cut in cuts:
        axes.line([(cut, -1), (cut, 1)], ACCENT, width=1, dash=_DASHED)
    axes.line([(at, -1), (at, 1)], TEXT, width=1.4)
    place = axes.at(at, 1)
    axes.words(place[0], place[1] + 4, "this film", anchor="end" if at > _CLOSE else "start", colour=TEXT)
    return drawing


def _mirrored(axes: _Axes, negatives: Sequence[int], positives: Sequence[int]) -> None:
    """Draw bars of both classes by the square root of their share: those with the finding downwards."""
    # The square root keeps bins with few films visible next to the crowded ends of the scale.
    shares = [[math.sqrt(films / max(sum(bins), 1)) for films in bins] for bins in (negatives, positives)]
    highest = max((*shares[0], *shares[1], 1e-9))  # not 0, which would divide by zero
    for values, sign, colour in ((shares[0], 1, NEGATIVE), (shares[1], -1, POSITIVE)):
        for place, share in enumerate(values):
            left, base = axes.at(place / len(values), 0)
            width, top = axes.width / len(values) - 0.8, axes.at(0, sign * 0.92 * share / highest)[1]
            bar = (left + 0.4, min(base, top), width, abs(top - base))
            axes.drawing.add(Rect(*bar, fillColor=colour, strokeColor=None))
    axes.line([(0, 0), (1, 0)], MUTED, width=0.5)


def roc(split: SplitReport) -> Any:
    """Draw the ROC curve with the lock."""
    drawing, axes = _started("ROC", HALF, _TALL)
    axes.frame("1 − specificity", "Sensitivity", (0, 0.5, 1), (0, 0.5, 1))
    negatives = split.n - split.positives
    if not negatives or not split.positives:
        axes.nothing("needs films of both classes")
        return drawing
    axes.line([(0, 0), (1, 1)], MUTED, width=0.6, dash=_DOTTED)  # a model that guesses
    curves = split.curves
    rows = zip(curves.tp, curves.fp, strict=True)
    axes.line([(fp / negatives, tp / split.positives) for tp, fp in rows], TEXT)
    (_, alarms), (_, detected) = split.confusion
    alarmed = alarms / negatives
    anchor = "end" if alarmed > _CLOSE else "start"
    axes.mark(alarmed, detected / split.positives, "lock", anchor=anchor, down=True)
    axes.words(
        axes.x + axes.width - 5,
        axes.y + 6,
        f"AUC {auc(split.estimates['auc'].value)}",
        anchor="end",
        colour=TEXT,
    )
    return drawing


def precision_recall(split: SplitReport) -> Any:
    """Draw the precision-recall curve with the lock."""
    drawing, axes = _started("Precision and recall", HALF, _TALL)
    axes.frame("Sensitivity (recall)", "PPV (precision)", (0, 0.5, 1), (0, 0.5, 1))
    if not split.positives:
        axes.nothing(f"needs films {split.finding.ill}")
        return drawing
    curves, share = split.curves, split.positives / split.n
    axes.line([(0, share), (1, share)], MUTED, width=0.6, dash=_DOTTED)  # a model that guesses
    pairs = [(tp, tp + fp) for tp, fp in zip(curves.tp, curves.fp, strict=True) if tp + fp]
    axes.line([(tp / split.positives, tp / called) for tp, called in pairs], TEXT)
    (_, alarms), (_, detected) = split.confusion
    if detected + alarms:
        recall = detected / split.positives
        anchor = "start" if recall < 1 - _CLOSE else "end"
        axes.mark(recall, detected / (detected + alarms), "lock", anchor=anchor, down=True)
    axes.words(
        axes.x + 5,
        axes.y + 6,
        f"average precision {auc(split.estimates['average_precision'].value)}",
        colour=TEXT,
    )
    return drawing


def calibration(split: SplitReport) -> Any:
    """Draw the share of films with the finding against their mean score, on the scale of the logit."""
    drawing, axes = _started("Calibration", HALF, _TALL, x_range=(-_FAR, _FAR))
    axes.frame("Mean score, on a logit scale", f"Share {split.finding.ill}", (), (0, 0.5, 1))
    for tick in _SCORES:
        axes.words(axes.at(_place(tick), 0)[0], axes.y - 9.5, f"{tick:g}", anchor="middle")
    # Scores that are probabilities lie on this curve, the diagonal of a linear scale.
    steps = [_FAR * (step / 20 - 1) for step in range(41)]
    axes.line([(logit, 1 / (1 + math.exp(-logit))) for logit in steps], MUTED, width=0.6, dash=_DOTTED)
    bins = split.curves.bins
    if not bins:
        axes.nothing("needs films")
        return drawing
    for each in bins:
        place = _place(each.score)
        axes.line([(place, each.interval[0]), (place, each.interval[1])], BORDER, width=1)
    axes.line([(_place(each.score), each.share) for each in bins], BORDER, width=0.8)
    most = max(each.n for each in bins)
    for each in bins:
        dot = axes.at(_place(each.score), each.share)
        radius = 1.5 + 3 * math.sqrt(each.n / most)
        drawing.add(Circle(*dot, radius, fillColor=TEXT, strokeColor=SURFACE, strokeWidth=0.6))
    axes.words(axes.x + axes.width - 5, axes.y + 6, "larger dot: more films", anchor="end")
    return drawing


def _place(value: float) -> float:
    """Return the logit of a score, at most as far from 0 as the axis goes."""
    inside = min(max(value, 1e-12), 1 - 1e-12)  # 0 and 1 themselves have no logit
    return min(max(math.log(inside / (1 - inside)), -_FAR), _FAR)


def decision(split: SplitReport) -> Any:
    """Draw the net benefit of the model with its interval, and of calling all and no films positive."""
    curve = split.decision
    top = max(curve.prevalence, 0.01)  # no net benefit exceeds the prevalence
    last = curve.probability[-1]
    title = f"Decision curve at a prevalence of {percent(curve.prevalence)}"
    drawing, axes = _started(title, HALF, _TALL, x_range=(0, last), y_range=(-0.15 * top, 1.08 * top))
    ticks = [round(top * part, 3) for part in (0, 0.5, 1)]
    axes.frame("Threshold probability", "Net benefit", (0, last / 2, last), ticks)
    if math.isnan(curve.net_benefit[0]):
        axes.nothing("needs films of both classes")
        return drawing
    axes.line([(0, 0), (last, 0)], MUTED, width=0.6, dash=_DOTTED)
    for values, colour, dash in (
        (curve.net_benefit_of_all, MUTED, _DASHED),
        (curve.low, BORDER, None),
        (curve.high, BORDER, None),
        (curve.net_benefit, TEXT, None),
    ):
        axes.line(_above(curve.probability, values, axes.y_range[0]), colour, width=1, dash=dash)
    legend = "– model, with its 95 % interval   - - all positive   ··· none"
    axes.words(axes.x + axes.width - 5, axes.y + axes.height - 9, legend, anchor="end")
    return drawing


def _above(probabilities: Sequence[float], values: Sequence[float], floor: float) -> list[Point]:
    """Cut off a curve where it leaves the frame at the bottom."""
    points = list(zip(probabilities, values, strict=True))
    kept = points[:1]
    for (x, y), (next_x, next_y) in pairwise(points):
        if next_y < floor:
            if y > floor:  # interpolated, so that the line ends exactly on the frame
                kept.append((x + (next_x - x) * (y - floor) / (y - next_y), floor))
            break
        kept.append((next_x, next_y))
    return kept


def _started(
    title: str,
    width: float,
    height: float,
    *,
    x_range: Point = (0.0, 1.0),
    y_range: Point = (0.0, 1.0),
    left: float = 26,
) -> tuple[Any, _Axes]:
    fonts()
    drawing = Drawing(width, height)
    drawing.add(String(0, height - 9, visible(title), fontName=BOLD, fontSize=8, fillColor=TEXT))
    return drawing, _Axes(drawing, left, 24, width - left - 6, height - 24 - 26, x_range, y_range)
