"""Pairs for the test films: name one before its test results are seen, and list the named ones."""

from collections.abc import Sequence
from itertools import combinations

import streamlit as st

from xraylab import actions, formats
from xraylab.app import status, wording
from xraylab.app.screens.compare.compared import apart
from xraylab.app.widgets import notes, table
from xraylab.documents import NamedPair
from xraylab.errors import XRayLabError
from xraylab.models import Model
from xraylab.settings import Settings

_ACTOR = "app"
_HELP = (
    "Recorded permanently. The two models are compared on the test films as soon as test results have been "
    "revealed for both, on Threshold."
)


def draw(settings: Settings, models: Sequence[Model]) -> None:
    """Draw the named pairs of these films, and the button that names a pair of these models.

    Parameters
    ----------
    models : sequence of Model
        Two or more models of the same films.
    """
    st.header("On the test films", anchor=False)
    rows = actions.test_pairs(settings, models[0].card.dataset.pixel_hash)
    if rows:
        _draw_rows(rows)
    _draw_naming(settings, models, any_named=bool(rows))


def _draw_rows(rows: Sequence[NamedPair]) -> None:
    table(
        ("Named beforehand", "When", "State", "AUC", "p", "by Holm", "McNemar p", "by Holm"),
        [
            (f"{row.first} − {row.second}", wording.when(row.named_at), row.state, *_result(row))
            for row in rows
        ],
    )
    n = len(rows)
    st.caption(
        f"Each p is adjusted by Holm’s method for all {formats.counted(n, 'pair')} ever named for these "
        "films. A pair that is waiting, void or can’t be tested counts with p = 1, so its result can’t make "
        "the other p larger."
    )
    notes([sentence for row in rows for sentence in _sentences_of(row)])


def _result(row: NamedPair) -> tuple[str | tuple[str, str], ...]:
    result = row.result
    if result is None:  # waiting or void
        return tuple([formats.DASH] * 5)
    p_values = (result.auc_p, result.auc_p_holm, result.mcnemar_p, result.mcnemar_p_holm)
    return apart("auc", result.auc), *map(formats.p_value, p_values)


def _sentences_of(row: NamedPair) -> list[str]:
    """Return verdict, state and notes of a named pair, in sentences."""
    sentences = [row.result.verdict] if row.result else []
    if row.reason:
        sentences.append(f"{row.first} − {row.second} is {row.state}. {row.reason}")
    return [*sentences, *row.notes]


def _draw_naming(settings: Settings, models: Sequence[Model], *, any_named: bool) -> None:
    if not any_named:
        st.caption(
            "Only pairs that are named before either model is tested are compared on test films. Choose a "
            "pair here by its validation results, name it, and test it later."
        )
    pairs = list(combinations([model.name for model in models], 2))  # first − second, in the order chosen
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair = pairs[0]
        if len(pairs) > 1:
            pair = st.selectbox("Pair", pairs, format_func=" and ".join, key=f"name pair {pairs}", width=420)
        try:
            actions.check_pair(settings, *pair)
        except XRayLabError as why:  # such as a pair with a model whose test results are known already
            st.caption(wording.plain(str(why)))
            return
        if st.button("Name this pair for the test", key="name pair", help=_HELP):
            actions.name_pair(settings, *pair, actor=_ACTOR)
            status.remember("compare", f"{wording.plain(' and '.join(pair))} are named for the test.")
            st.rerun()  # the list of pairs above was drawn before
