"""The case log: what was kept, whether reader and model say the same, export and deletion."""

from functools import partial

import streamlit as st

from xraylab import actions, formats
from xraylab.app import widgets, wording
from xraylab.app.faults import guard
from xraylab.records import Case
from xraylab.settings import Settings

_ACTOR = "app"
_ASKED = "case asked to delete"  # not confirmed yet
_MOST = 200  # rows shown; an export has them all
_SAID = {"positive": "above", "negative": "below", "review": "needs a reader", None: formats.DASH}
_AGREES = {True: "agree", False: "differ", None: formats.DASH}
_HEAD = (
    "Case",
    "Kept",
    "Model",
    "Score",
    "Threshold",
    "Model says",
    "Your call",
    "Reader and model",
    "Film",
    "Note",
)


def draw(settings: Settings) -> None:
    """Draw the log behind a line that opens; it is read when it is opened."""
    with st.expander("Cases kept", key="cases kept", on_change="rerun") as part:
        if not part.open:
            return
        with guard():
            cases = actions.list_cases(settings)
            if not cases:
                st.caption("No case has been kept yet. Save case, beside a film, keeps one.")
                return
            there = [case for case in cases if case.content is not None]
            st.caption(_summary(there, deleted=len(cases) - len(there)))
            widgets.table(_HEAD, [_row(case) for case in reversed(cases[-_MOST:])])
            if len(cases) > _MOST:
                st.caption(f"The {_MOST} latest are shown; the exports have all of them.")
            _draw_exports(settings)
            _draw_deletion(settings, there)


def _summary(cases: list[Case], *, deleted: int) -> str:
    agreed = [case.agrees for case in cases if case.agrees is not None]
    words = f"{_count(len(cases), 'case')}."
    if agreed:
        words += f" Where both say something, reader and model agree on {sum(agreed)} of {len(agreed)}."
    if deleted:
        words += f" {deleted} deleted."
    return f"{words} A call made after seeing the score is no independent reading."


def _count(number: int, what: str) -> str:
    return f"{formats.count(number)} {what}{'' if number == 1 else 's'}"


def _row(case: Case) -> tuple[str, ...]:
    told = case.content
    if told is None:
        gone = f"deleted {wording.when(case.deleted_at)}" if case.deleted_at else "deleted"
        return (str(case.number), wording.when(case.made_at), *[formats.DASH] * (len(_HEAD) - 3), gone)
    said = _SAID[told.decision] + (", decided anyway" if told.overridden else "")
    return (
        str(case.number),
        wording.when(case.made_at),
        told.model,
        formats.score(told.score),
        formats.DASH if told.threshold is None else formats.score(told.threshold),
        said,
        told.call or formats.DASH,
        _AGREES[case.agrees],
        "kept" if case.pixels_kept else formats.DASH,
        told.note,
    )


def _draw_exports(settings: Settings) -> None:
    with st.container(horizontal=True):
        for kind, make, mime in (
            ("CSV", actions.cases_csv, "text/csv"),
            ("JSON", actions.cases_json, "application/json"),
        ):
            st.download_button(
                f"Log as {kind}",
                partial(make, settings, actor=_ACTOR),
                file_name=f"cases.{kind.lower()}",
                mime=mime,
                key=f"log {kind}",
                on_click="ignore",
            )


def _draw_deletion(settings: Settings, cases: list[Case]) -> None:
    if not cases:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Case to delete", [case.number for case in reversed(cases)], key="case to delete", width=160
        )
        if st.button("Delete …", key="delete case"):
            st.session_state[_ASKED] = number
    asked = st.session_state.get(_ASKED)
    if asked in [case.number for case in cases]:
        _confirm_deletion(settings, asked)


def _think_again() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Delete a case", on_dismiss=_think_again)
def _confirm_deletion(settings: Settings, number: int) -> None:
    """Ask first: what is wiped doesn't come back."""
    with guard():
        st.markdown(
            f"Case {number} will be wiped, with its note and picture. Its number and times stay in the log, "
            "and the trail says that it was deleted."
        )
        if st.button(f"Delete case {number}", type="primary", key="delete case for good"):
            _think_again()
            actions.delete_case(settings, number, actor=_ACTOR)
            st.rerun()
