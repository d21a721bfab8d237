"""
Manage a model, dataset, run or case on a screen: its name, note and size, its deletion, and the way back.

- one dialog for all kinds; a screen draws ``button`` beside an object and ``draw`` once, outside of fragments
- a deletion says what depends on the object, and can be undone: by *Undo* at once, and in a list for a day
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from xraylab import actions, documents, formats, marks
from xraylab.app import choice, status, wording
from xraylab.app.faults import guard
from xraylab.errors import NameTakenError, XRayLabError
from xraylab.settings import Settings

_ACTOR = "app"
_OPEN, _SURE, _UNDO = "manage open", "manage sure", "manage undo"  # session keys
_RENAME = "manage restore under"  # id of what asks for another name to be restored
_FAILED = "failed"  # in place of the name of a run: all that failed
_NOTE = "manage"


@dataclass(frozen=True)
class _Undo:
    """What the last deletion of this session was."""

    title: str  # as Markdown
    ids: tuple[str, ...] = field(default=())


def button(kind: str, name: str, title: str, *, key: str, wide: bool = False) -> None:
    """Draw the button that opens the dialog for an object."""
    st.button(
        "Rename, note, delete …",
        key=key,
        icon=":material/more_horiz:",
        type="tertiary",
        help=None if wide else f"Manage {wording.plain(title)}",
        on_click=partial(ask, kind, name),
        width="stretch" if wide else "content",
    )


def ask(kind: str, name: str) -> None:
    """Open the dialog for an object on the next run of the page."""
    st.session_state[_OPEN], st.session_state[_SURE] = (kind, name), False


def ask_failed_runs() -> None:
    """Open the dialog at the question whether to delete all failed runs."""
    st.session_state[_OPEN], st.session_state[_SURE] = ("run", _FAILED), True


def recall(settings: Settings) -> None:
    """Show what the dialog did, with *Undo* after a deletion."""
    status.recall(_NOTE)
    undo: _Undo | None = st.session_state.get(_UNDO)
    if undo is None:
        return
    here = {row.id for row in actions.list_deleted(settings)}
    if not here.issuperset(undo.ids):  # restored, or removed for good, here or in another session
        st.session_state.pop(_UNDO, None)
        return
    with st.container(key="xl-undo", horizontal=True, vertical_alignment="center"):
        st.markdown(f"Deleted {undo.title}. You can undo this for a day.")
        if st.button("Undo", key="manage undo button"):
            st.session_state.pop(_UNDO, None)
            for deleted_id in undo.ids:
                actions.restore_object(settings, deleted_id, actor=_ACTOR)
            status.remember(_NOTE, f"Restored {undo.title}.")
            st.rerun()
        if st.button("Close", key="manage undo close", type="tertiary"):
            st.session_state.pop(_UNDO, None)
            st.rerun()


def total(settings: Settings, rows: Sequence[documents.ObjectRow]) -> str:
    """Say how much the objects of a kind take on the disk, and what was deleted in the last day."""
    own = [row for row in rows if row.fixed is None]
    gone = sum(row.bytes for row in actions.list_deleted(settings))
    words = f"On the disk: {wording.bytes_size(sum(row.bytes for row in own))}"
    if len(own) < len(rows):
        words += ", without what comes with XRayLab"
    return f"{words}." + (f" Deleted in the last day: {wording.bytes_size(gone)}." if gone else "")


def draw(settings: Settings, kind: str) -> None:
    """Draw the dialog if it is open, and what was deleted of a kind in the last day."""
    _draw_deleted(settings, kind)
    opened = st.session_state.get(_OPEN)
    if opened is None or opened[0] != kind:
        return
    # By a session key, because a dialog must be opened again on each rerun while it is shown.
    title = "Delete failed runs" if opened[1] == _FAILED else f"Manage a {kind}"
    st.dialog(title, on_dismiss=close)(_draw_dialog)(settings, *opened)


def close() -> None:
    """Close the dialog."""
    st.session_state.pop(_OPEN, None)


def _draw_dialog(settings: Settings, kind: str, name: str) -> None:
    with guard():
        if name == _FAILED:
            _draw_failed(settings)
            return
        row = next((row for row in actions.list_objects(settings, kind) if row.name == name), None)
        if row is None:
            st.markdown("It is gone: another session deleted or renamed it.")
            return
        made = wording.when(row.made_at)
        st.markdown(
            f"**{wording.plain(row.title)}** · {wording.bytes_size(row.bytes)} on the disk · made {made}"
        )
        if st.session_state.get(_SURE):
            _draw_deletion(settings, row)
        else:
            _draw_fields(settings, row)


def _draw_fields(settings: Settings, row: documents.ObjectRow) -> None:
    if row.fixed is not None:
        st.caption(wording.plain(row.fixed))
    with st.form(f"manage {row.kind} {row.name}", border=False):
        new = row.title
        if row.fixed is None:
            new = st.text_input("Name", row.title, key=f"manage name {row.name}", max_chars=64).strip()
        note = st.text_input(
            "Note", row.note, key=f"manage note {row.name}", max_chars=marks.LONGEST_NOTE, placeholder="None"
        )
        saved = st.form_submit_button("Save", type="primary")
    if saved:
        actions.note_object(settings, row.kind, row.name, note, actor=_ACTOR)
        if new != row.title:
            actions.rename_object(settings, row.kind, row.name, new, actor=_ACTOR)
            choice.follow(row.title, new)
        close()
        status.remember(_NOTE, f"Saved {wording.plain(new)}.")
        st.rerun()
    if row.fixed is None:
        st.button("Delete …", key="manage delete", on_click=partial(_set_sure, True))


def _set_sure(sure: bool) -> None:
    st.session_state[_SURE] = sure


def _draw_deletion(settings: Settings, row: documents.ObjectRow) -> None:
    """Ask whether to delete an object, after saying what depends on it."""
    uses = actions.dependants(settings, row.kind, row.name)
    if uses.refused is not None:
        st.warning(wording.plain(uses.refused))
        st.button("Back", key="manage back", on_click=partial(_set_sure, False))
        return
    _draw_follows([f"{row.title} will be deleted.", *uses.follows])
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="manage delete now"):
            close()  # first, so that a failed deletion isn't asked again on every rerun
            deleted([actions.delete_object(settings, row.kind, row.name, actor=_ACTOR)], row.title)
            st.rerun()
        st.button("Back", key="manage back", on_click=partial(_set_sure, False))


def _draw_follows(sentences: Sequence[str]) -> None:
    told = [*sentences, "You can undo this for a day. After that it is gone."]
    st.markdown("\n".join(f"- {wording.plain(sentence)}" for sentence in told))


def _draw_failed(settings: Settings) -> None:
    _draw_follows(["Every run that failed goes, with its log and its learning curve."])
    if st.button("Delete failed runs", type="primary", key="manage delete failed"):
        close()
        gone = actions.delete_failed_runs(settings, actor=_ACTOR)
        deleted(gone, formats.counted(len(gone), "failed run"))
        st.rerun()


def deleted(gone: Sequence[documents.Removed], title: str) -> None:
    """Remember a deletion, so that ``recall`` offers *Undo*."""
    ids = tuple(removed.id for removed in gone if removed.id is not None)
    st.session_state[_UNDO] = _Undo(wording.plain(title), ids)


def _draw_deleted(settings: Settings, kind: str) -> None:
    """Draw what was deleted of a kind in the last day, each with the way back."""
    rows = [row for row in actions.list_deleted(settings) if row.kind == kind]
    if not rows:
        return
    with st.expander(f"Deleted in the last day: {len(rows)}", key=f"deleted {kind}"):
        for row in rows:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"{wording.plain(row.title)} · {wording.bytes_size(row.bytes)} · "
                    f"gone for good on {wording.when(row.until)}"
                )
                if st.session_state.get(_RENAME) == row.id:
                    st.text_input(
                        "Another name",
                        f"{row.name}-restored"[:64],
                        key=f"restore as {row.id}",
                        label_visibility="collapsed",
                        width=220,
                    )
                _act("Restore", _restore, settings, row)
                _act("Remove for good", _remove, settings, row)


def _act(
    label: str,
    action: Callable[[Settings, documents.DeletedRow], str],
    settings: Settings,
    row: documents.DeletedRow,
) -> None:
    if st.button(label, key=f"{label} {row.id}"):
        with guard():
            status.remember(_NOTE, action(settings, row))
            st.rerun()


def _restore(settings: Settings, row: documents.DeletedRow) -> str:
    asked = st.session_state.get(f"restore as {row.id}")
    try:
        back = actions.restore_object(settings, row.id, name=asked, actor=_ACTOR)
    except NameTakenError as error:
        if asked is not None:
            raise
        st.session_state[_RENAME] = row.id
        raise XRayLabError(f"{error} Then press Restore again.") from error
    st.session_state.pop(_RENAME, None)
    name = row.title if back.name == row.name else back.name
    return f"Restored {wording.plain(name)}."


def _remove(settings: Settings, row: documents.DeletedRow) -> str:
    actions.remove_deleted(settings, row.id, actor=_ACTOR)
    return f"Removed {wording.plain(row.title)} for good."
