"""The case log: saved cases, agreement of reader and model, export and deletion."""

from functools import partial

import streamlit as st

from xraylab import actions, formats
from xraylab.app import manage, widgets, wording
from xraylab.app.faults import guard
from xraylab.app.screens.read import blind
from xraylab.records import Agreement, Case, agreements, all_agreements
from xraylab.settings import Settings

_ACTOR = "app"
_ASKED = "case asked to delete"  # number of the case whose deletion waits for confirmation
_MOST = 200  # rows shown; an export has all of them
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
    """Draw the log in an expander; read it only while it is open."""
    with st.expander("Cases kept", key="cases kept", on_change="rerun") as part:
        # Streamlit runs the content of a closed expander too.
        if not part.open:
            return
        with guard():
            manage.recall(settings)
            cases = actions.list_cases(settings)
            if not cases:
                st.caption("No case has been kept yet. Use Save case next to a film.")
                return
            present = [case for case in cases if case.content is not None]
            st.caption(_summary(present, deleted=len(cases) - len(present)))
            widgets.table(_HEAD, [_row(case) for case in reversed(cases[-_MOST:])])  # newest first
            if len(cases) > _MOST:
                st.caption(f"The latest {_MOST} are shown. The exports contain all cases.")
            made_blind = [case for case in present if case.content is not None and case.content.blind]
            blind.draw_agreement(
                "Calls made before the score was shown: reader and model", _agreed(made_blind)
            )
            _draw_exports(settings)
            _draw_deletion(settings, present)
            manage.draw(settings, "case")


def _summary(cases: list[Case], *, deleted: int) -> str:
    agreed = all_agreements(_agreed(cases).values())
    words = f"{formats.counted(len(cases), 'case')}."
    if agreed.n:
        words += f" If both made a call, reader and model agree on {agreed.agreed} of {agreed.n}."
    if deleted:
        words += f" {deleted} deleted."
    return f"{words} A call made after seeing the score is not an independent reading."


def _agreed(cases: list[Case]) -> dict[str, Agreement]:
    contents = [case.content for case in cases if case.content is not None]
    return agreements((content.call, content.decision, content.finding) for content in contents)


def _row(case: Case) -> tuple[str, ...]:
    content = case.content
    if content is None:  # a deleted case keeps only its number and times
        gone = f"deleted {wording.when(case.deleted_at)}" if case.deleted_at else "deleted"
        return (str(case.number), wording.when(case.made_at), *[formats.DASH] * (len(_HEAD) - 3), gone)
    decision = wording.DECISIONS[content.decision] + (", decided anyway" if content.overridden else "")
    return (
        str(case.number),
        wording.when(case.made_at),
        content.model,
        # A score without a decision would be read as one; the export has it.
        formats.DASH if content.decision is None else formats.score(content.score),
        formats.DASH if content.threshold is None else formats.score(content.threshold),
        decision,
        wording.call(content),
        _AGREES[case.agrees],
        "kept" if case.pixels_kept else formats.DASH,
        content.note,
    )


def _draw_exports(settings: Settings) -> None:
    with st.container(horizontal=True):
        for kind, make, mime in (
            ("CSV", actions.cases_csv, "text/csv"),
            ("JSON", actions.cases_json, "application/json"),
        ):
            st.download_button(
                f"Log as {kind}",
                partial(
                    make, settings, actor=_ACTOR
                ),  # called on press, since an export is noted in the trail
                file_name=f"cases.{kind.lower()}",
                mime=mime,
                key=f"log {kind}",
                on_click="ignore",
            )
        st.download_button(
            "Trail as CSV",
            partial(actions.export_trail, settings, "csv", actor=_ACTOR),
            file_name="trail.csv",
            mime="text/csv",
            key="trail CSV",
            on_click="ignore",
            help="What was done here, by whom and when: readings, locks, test results revealed, imports, "
            "exports.",
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
    # By a session key, because a dialog must be opened again on each rerun while it is shown.
    if asked in [case.number for case in cases]:
        _confirm_deletion(settings, asked)


def _think_again() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Delete a case", on_dismiss=_think_again)
def _confirm_deletion(settings: Settings, number: int) -> None:
    """Ask first, and say for how long the content of the case stays."""
    with guard():
        st.markdown(
            f"Case {number} will be deleted, with its note and picture. Its number and times stay in the "
            "log, which records the deletion.\n\n"
            "For a day its content stays on this machine, so that you can undo this. If it must go at once, "
            "as when a patient asks for it, delete it for good."
        )
        with st.container(horizontal=True):
            if st.button(f"Delete case {number}", type="primary", key="delete case for a day"):
                _delete(settings, number, for_good=False)
            if st.button("Delete now for good", key="delete case for good"):
                _delete(settings, number, for_good=True)


def _delete(settings: Settings, number: int, *, for_good: bool) -> None:
    _think_again()  # first, so that a failed deletion isn't asked again on every rerun
    gone = actions.delete_object(settings, "case", str(number), for_good=for_good, actor=_ACTOR)
    if not for_good:
        manage.deleted([gone], f"case {number}")
    st.rerun()
