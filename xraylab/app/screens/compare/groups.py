"""Groups of the compared films: the rates of each model at its own lock, in every group."""

import html
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from xraylab import formats
from xraylab.app import grouping, wording
from xraylab.app.widgets import SCROLLED, hover, notes
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.subgroup_columns import cut
from xraylab.evaluation.subgroups import GroupFigure, GroupResult, Subgroups, differences_by_model
from xraylab.models import Model
from xraylab.settings import Settings

Rate = Literal["sensitivity", "specificity"]

_RATES: tuple[Rate, ...] = ("sensitivity", "specificity")
_WIDGET = "compare split by"
_NONE = "none"
_LOWEST = (0.9, 0.8, 0.5, 0.0)  # possible beginnings of the strips, as in the cockpit
_HELP = "The films are divided by this column, and each model decides by its own lock in every group."


@dataclass(frozen=True)
class _Of:
    """One model on the divided films."""

    words: str
    threshold: float
    groups: Subgroups
    whole: OperatingPoint  # of all films

    def results(self) -> tuple[GroupResult, ...]:
        return self.groups.at(self.threshold)


def draw(
    settings: Settings, models: Mapping[str, Model], seen: frozenset[str], *, left_out: Sequence[str] = ()
) -> None:
    """Draw the choice of a column, and the rates of each group for each model.

    Parameters
    ----------
    models : mapping of str to Model
        Locked models of the same films, by their names on the screen.
    seen : frozenset of str
        Films to leave out, by ``image_id``.
    left_out : sequence of str
        Compared entries that aren't single models, by their names on the screen.
    """
    first = next(iter(models.values()))
    films = _films(first, seen)
    offered = grouping.offered(settings, first, films, ("compared", seen))
    if not offered.columns.values and not offered.columns.why:
        return
    st.header("By group", anchor=False)
    column = _pick(offered)
    if offered.columns.why:
        st.caption(wording.plain(offered.columns.why))
    if column is not None:
        _draw_groups([_of(offered, column, words, model, seen) for words, model in models.items()], left_out)


def _pick(offered: grouping.Offered) -> str | None:
    options = [None, *offered.columns.values]

    def keep() -> None:
        st.session_state[grouping.COLUMN] = st.session_state[_WIDGET]

    # What was kept is newer than the widget, if the column was chosen on Threshold.
    st.session_state[_WIDGET] = offered.chosen
    return st.selectbox(
        "Split by",
        options,
        format_func=lambda name: _NONE if name is None else cut(name),
        key=_WIDGET,
        on_change=keep,
        width=320,
        help=_HELP,
    )


def _films(model: Model, seen: frozenset[str]) -> pd.DataFrame:
    """Return a model's scored validation films in the order of their names, the same for all models."""
    frame = model.films("validation").scored.frame
    return frame[~frame["image_id"].isin(seen)].sort_values("image_id", ignore_index=True)


def _of(offered: grouping.Offered, column: str, words: str, model: Model, seen: frozenset[str]) -> _Of:
    films, threshold = _films(model, seen), model.require_lock().threshold
    which: Hashable = (str(model.folder), model.card.model_sha256)
    groups = grouping.divided(offered, column, films, model.card.finding, which)
    called, ill = films["score"] >= threshold, films["label"] == 1
    whole = OperatingPoint(
        threshold,
        tp=int((called & ill).sum()),
        fp=int((called & ~ill).sum()),
        tn=int((~called & ~ill).sum()),
        fn=int((~called & ill).sum()),
    )
    return _Of(words, threshold, groups, whole)


def _draw_groups(models: Sequence[_Of], left_out: Sequence[str]) -> None:
    rates: tuple[Rate, ...] = ("sensitivity", "specificity")
    for rate in rates:
        if any(
            rate in group.rates or _of_class(group.table.at(0), rate) for group in models[0].groups.groups
        ):
            st.html(_table(models, rate))
    notes(differences_by_model({model.words: (model.groups, model.threshold) for model in models}))
    st.caption(" ".join(_how(models[0].groups, left_out)))


def _of_class(point: OperatingPoint, rate: Rate) -> int:
    """Return the films that a rate is about."""
    return point.tp + point.fn if rate == "sensitivity" else point.tn + point.fp


def _table(models: Sequence[_Of], rate: Rate) -> str:
    """Return a table with a row for each group and a column for each model."""
    results = [model.results() for model in models]
    ends = [getattr(result, rate).low for of_model in results for result in of_model]
    low = next(low for low in _LOWEST if all(not end < low for end in ends))  # NaN has no place
    heads = [rate.capitalize(), "Films", "Patients", *(model.words for model in models)]
    head = "".join(f'<th scope="col"{hover(name)}>{html.escape(name)}</th>' for name in heads)
    rows = "".join(
        _row(row, [getattr(model.whole, rate) for model in models], rate, low)
        for row in zip(*results, strict=True)
    )
    scale = f"Strips run from {100 * low:.0f} to 100{formats.NARROW_SPACE}%."
    return (
        f'{SCROLLED}<table class="xl-table xl-stub xl-groups"><caption>{scale}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(results: Sequence[GroupResult], whole: Sequence[float], rate: Rate, low: float) -> str:
    name = html.escape(results[0].name)
    cells = "".join(
        _cell(getattr(result, rate), result.point, all_films, rate, low)
        for result, all_films in zip(results, whole, strict=True)
    )
    films, patients = formats.count(results[0].point.n), formats.count(results[0].patients)
    return f'<tr><td title="{name}">{name}</td><td>{films}</td><td>{patients}</td>{cells}</tr>'


def _cell(figure: GroupFigure, point: OperatingPoint, whole: float, rate: Rate, low: float) -> str:
    right = point.tp if rate == "sensitivity" else point.tn
    bounds = "" if math.isnan(figure.value) else formats.interval(figure.low, figure.high)
    counts = f"{formats.count(right)} of {formats.count(_of_class(point, rate))}"
    return (
        f'<td class="xl-short">{formats.percent(figure.value)} <span class="xl-interval">{bounds}</span>'
        f'{_strip(figure, whole, low)}<span class="xl-interval">{counts}</span></td>'
    )


def _strip(figure: GroupFigure, whole: float, low: float) -> str:
    """Return the interval as a bar, the rate as a dot, and the rate of all films as a line."""
    marks = f'<i style="left:{_place(whole, low)}"></i>' if whole >= low else ""
    if not math.isnan(figure.value):
        start, end = _place(figure.low, low), _place(1 - figure.high + low, low)
        marks += f'<s style="left:{start};right:{end}"></s><b style="left:{_place(figure.value, low)}"></b>'
    return f'<span class="xl-strip" aria-hidden="true">{marks}</span>'


def _place(share: float, low: float) -> str:
    return f"{100 * (share - low) / (1 - low):.2f}%"


_HOW = (
    f"Bars are 95{formats.NARROW_SPACE}% intervals by patient, the line is the rate of all films. Each model "
    "decides by its own lock in all groups. Differences between groups are tested within each model, not "
    "between models. Each column is tested by itself: among twenty columns, expect one difference by chance."
)


def _how(groups: Subgroups, left_out: Sequence[str]) -> list[str]:
    sentences = [_HOW]
    if any(
        rate not in group.rates and _of_class(group.table.at(0), rate)
        for group in groups.groups
        for rate in _RATES
    ):
        sentences.append(
            f"A dash: the group has fewer than {formats.count(groups.fewest)} patients of that class."
        )
    if missing := sum(groups.not_stated.values()):
        films = formats.counted(missing + sum(group.table.n for group in groups.groups), "film")
        are, them = ("is", "it") if missing == 1 else ("are", "them")
        sentences.append(
            f"{formats.count(missing)} of {films} {are} in no group, because nothing is stated for {them}."
        )
    if left_out:
        sentences.append(f"Seeds aren’t divided: {wording.plain(formats.listed(left_out))}.")
    return sentences
