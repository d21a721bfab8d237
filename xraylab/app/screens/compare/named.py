"""Pairs for the test films: name one before anybody has looked, and see what the named ones came to."""

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
    "Written down for good. Both models are tested against each other once the test split has been opened "
    "for each of them, on Threshold."
)


def draw(settings: Settings, models: Sequence[Model]) -> None:
    """Draw the named pairs of these models' films, and the button that names one of theirs.

    Parameters
    ----------
    models : sequence of Model
        Those that are compared, two or more, of the same films.
    """
    st.subheader("On the test films", anchor=False)
    rows = actions.test_pairs(settings, models[0].card.dataset.pixel_hash)
    if rows:
        _draw_rows(rows)
    _draw_naming(settings, models, any_named=bool(rows))


def _draw_rows(rows: Sequence[NamedPair]) -> None:
    table(
        ("Named beforehand", "When", "State", "AUC", "p", "by Holm", "McNemar p", "by Holm"),
        [
            (f"{row.first} less {row.second}", wording.when(row.named_at), row.state, *_result(row))
            for row in rows
        ],
    )
    n = len(rows)
    st.caption(
        f"p is adjusted by Holm’s method for all {formats.count(n)} {'pair' if n == 1 else 'pairs'} ever "
        "named for these films. One that waits, is void or can’t be tested counts as if its p were 1: "
        "whatever it comes to can’t make the others’ p larger."
    )
    notes([sentence for row in rows for sentence in _said_of(row)])


def _result(row: NamedPair) -> tuple[str | tuple[str, str], ...]:
    found = row.result
    if found is None:
        return tuple([formats.DASH] * 5)
    p_values = (found.auc_p, found.auc_p_holm, found.mcnemar_p, found.mcnemar_p_holm)
    return apart("auc", found.auc), *map(formats.p_value, p_values)


def _said_of(row: NamedPair) -> list[str]:
    """What is worth saying of a named pair, in sentences."""
    said = [row.result.verdict] if row.result else []
    if row.reason:
        said.append(f"{row.first} less {row.second} is {row.state}. {row.reason}")
    return [*said, *row.notes]


def _draw_naming(settings: Settings, models: Sequence[Model], *, any_named: bool) -> None:
    if not any_named:
        st.caption(
            "Test films are for pairs that were named before either model was tested. Chosen here on "
            "validation, a pair is named once and tested later."
        )
    pairs = list(combinations([model.name for model in models], 2))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair = pairs[0]
        if len(pairs) > 1:
            pair = st.selectbox("Pair", pairs, format_func=" and ".join, key=f"name pair {pairs}", width=420)
        try:
            actions.check_pair(settings, *pair)
        except XRayLabError as why:
            st.caption(wording.plain(str(why)))
            return
        if st.button("Name this pair for the test", key="name pair", help=_HELP):
            actions.name_pair(settings, *pair, actor=_ACTOR)
            status.remember("compare", f"{wording.plain(' and '.join(pair))} are named for the test.")
            st.rerun()
