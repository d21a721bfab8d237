"""Compare: two models on the validation films that both held out, each at its lock; no test score."""

import html
import math
from collections.abc import Callable

import streamlit as st

from xraylab import actions
from xraylab.app import choice, shell, wording
from xraylab.app.cache import table_of
from xraylab.app.faults import guard
from xraylab.app.screens import cases
from xraylab.app.screens.curves import learning_curves, side_by_side
from xraylab.app.widgets import table
from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.comparison import Comparison, verdict
from xraylab.evaluation.paired import RateDifference
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.models import Model, list_models
from xraylab.settings import Settings, load_settings

_FEWEST = 2
_MINUS = "\N{MINUS SIGN}"
_SMALLEST_P = 0.001
_Estimate = tuple[str, str]  # a number and its interval
_Cell = Callable[[Model, Evaluation], str | _Estimate]


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    models = {model.name: model for model in list_models(settings)}
    if len(models) < _FEWEST:
        shell.empty_state(
            "There are not two models yet to compare.", "Train one", key="compare train", to="train"
        )
        return
    with st.container(horizontal=True):
        first = _pick("First model", list(models.values()), _in_use(settings), key="compare first")
        others = [model for model in models.values() if _on_the_same_films(model, first)]
        if others:
            second = _pick("Second model", others, _counterpart(first, others), key="compare second")
    if not others:
        shell.empty_state(
            f"No other model was trained on the films of {first.name} ({first.card.dataset.name}).",
            "Train one",
            key="compare train",
            to="train",
        )
        return
    with guard():
        _draw_comparison(settings, first, second)
    shell.next_step("Move the threshold", "threshold")


def _on_the_same_films(model: Model, first: Model) -> bool:
    return model.name != first.name and model.card.dataset.pixel_hash == first.card.dataset.pixel_hash


def _in_use(settings: Settings) -> str | None:
    model = choice.model_in_use(settings)
    return model.name if model else None


def _counterpart(first: Model, others: list[Model]) -> str | None:
    """Another network, none that the first averages or is averaged by; None if there isn't any."""
    for other in others:
        related = other.name in first.card.members or first.name in other.card.members
        if not related and other.card.arch != first.card.arch:
            return other.name
    return None


def _pick(label: str, models: list[Model], start: str | None, *, key: str) -> Model:
    """Draw a choice of model; what was chosen and is gone gives way to the start."""
    known = {model.name: model for model in models}
    if st.session_state.get(key) not in known:
        st.session_state[key] = start if start in known else models[0].name
    return known[
        str(
            st.selectbox(
                label, list(known), format_func=lambda name: choice.model_words(known[name]), key=key
            )
        )
    ]


def _draw_comparison(settings: Settings, first: Model, second: Model) -> None:
    found = actions.compare(settings, first.name, second.name)
    st.html(f'<p class="xl-verdict">{html.escape(verdict(found.comparison))}</p>')
    _draw_table(found.comparison, first, second)
    side_by_side(first, second, key="compare curves")
    _draw_flipped(settings, found, first, second)
    for model in (first, second):
        if history := model.history:
            with st.expander(f"How {model.name} was trained", key=f"compare history {model.name}"):
                learning_curves(history, key=f"compare curves {model.card.model_sha256}")


def _draw_table(found: Comparison, first: Model, second: Model) -> None:
    models = first, second
    figures = [_measured(model) for model in models]
    apart = {
        "AUC": _apart(found.auc.value, found.auc.low, found.auc.high, lambda value: f"{value:.4f}"),
        "Sensitivity": _points(found.sensitivity),
        "Specificity": _points(found.specificity),
    }
    rows: list[tuple[str, _Cell]] = [
        ("AUC", lambda _, said: (wording.auc(said.auc), wording.auc_interval(*said.auc_ci))),
        ("Sensitivity", lambda _, said: _rate(said, "sensitivity")),
        ("Specificity", lambda _, said: _rate(said, "specificity")),
        ("Balanced accuracy", _balanced),
        ("Accuracy", lambda _, said: _rate(said, "accuracy")),
        ("Brier score", lambda _, said: f"{said.brier:.3f}"),
        ("Locked at", lambda model, _: wording.score(model.require_lock().threshold)),
        ("Network", lambda model, _: model.card.arch),
        ("Parameters", lambda model, _: wording.count(model.card.parameters)),
        (
            "Training took",
            lambda model, _: wording.duration(model.card.seconds) if model.card.seconds else wording.DASH,
        ),
    ]
    table(
        ("", *map(choice.model_words, models), "First less second"),
        [(name, *map(cell, models, figures), apart.get(name, "")) for name, cell in rows],
    )
    st.caption(
        f"{wording.count(found.n)} validation films of {wording.count(found.patients)} patients, each model "
        f"at its own lock; intervals at 95{wording.NARROW_SPACE}% and tests clustered by patient. AUC: "
        f"DeLong, {_p(found.auc.p)}. Calls: McNemar, {_p(found.calls.p)}."
    )


def _measured(model: Model) -> Evaluation:
    films = model.validation.scored
    return summarise(films.labels, films.scores, films.groups, model.require_lock().threshold)


def _balanced(model: Model, said: Evaluation) -> _Estimate:
    bounds = balanced_accuracy_interval(table_of(model, "validation"), said.threshold)
    return wording.percent(said.point.balanced_accuracy), wording.interval(*bounds)


def _rate(said: Evaluation, name: str) -> _Estimate:
    return wording.percent(getattr(said.point, name)), wording.interval(*said.intervals[name])


def _points(found: RateDifference) -> _Estimate:
    """A difference of two rates, in percentage points."""
    return _apart(found.value, found.low, found.high, lambda value: f"{100 * value:.1f}")


def _apart(value: float, low: float, high: float, write: Callable[[float], str]) -> _Estimate:
    """A difference with its sign, and its interval; what is written like zero has no sign."""

    def signed(number: float) -> str:
        written = write(abs(number))
        sign = "" if written == write(0.0) else _MINUS if number < 0 else "+"
        return f"{sign}{written}"

    if math.isnan(low):
        return wording.DASH, ""
    return signed(value), f"{signed(low)} to {signed(high)}"


def _p(value: float) -> str:
    if math.isnan(value):
        return f"p {wording.DASH}"
    return f"p < {_SMALLEST_P}" if value < _SMALLEST_P else f"p = {value:.3f}"


def _draw_flipped(settings: Settings, found: actions.Compared, first: Model, second: Model) -> None:
    """The films that one model calls rightly and the other doesn't."""
    only = {
        f"{wording.count(len(rows))} right with {model.name} alone": rows
        for model, rows in ((first, found.comparison.first_only), (second, found.comparison.second_only))
    }
    chosen = st.segmented_control("Films that flip", list(only), key=f"flips {first.name} {second.name}")
    if chosen is None:
        return
    if not only[chosen].size:
        st.caption("There is no such film.")
        return
    cases.strip(settings, first, found.films.iloc[only[chosen]], key=f"flipped {chosen}")
    st.caption(f"Scores and heatmaps are those of {wording.plain(first.name)}.")
