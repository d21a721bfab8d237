"""
Keep and report what was read: the reader's own call, a case in the log, and documents to hand on.

- nothing is drawn or written until its button is pressed
- a person confirms first whatever can't be undone or identifies the patient
- a session remembers under which number it kept a film, so that a later change is a change and no second case
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from xraylab import actions, formats, records
from xraylab.app.faults import guard
from xraylab.errors import NotFoundError
from xraylab.imaging import Film, Refused
from xraylab.models import Model
from xraylab.reports.film import DrawnHeatmap, FilmReport
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.read import Reading

ACTOR = "app"
_KEPT = "kept cases"  # of this session: the key of a reading, and its case's number
_CONFIRMED = "study confirmed"
_AGREES = {
    True: "Your call and the model say the same.",
    False: "Your call and the model differ.",
    None: "",
}
_NAMELESS = "No names, numbers or dates of birth in the note: it is kept as it is."
_LOOKED = "I looked: no name or number stands in the picture"


def draw(
    settings: Settings,
    model: Model,
    reading: "Reading",
    film: Film | Refused,
    overlay: DrawnHeatmap | None,
    *,
    batch: "Sequence[Reading]",
) -> None:
    """Draw the reader's call, the documents and the table of all films below a reading.

    Parameters
    ----------
    reading, film
        The film that is on the screen; for one that was refused only the table of all films is drawn.
    overlay : DrawnHeatmap, optional
        The heatmap that is on the screen.
    batch : sequence of Reading
        The readings of all films, for their table.
    """
    if reading.score is not None and isinstance(film, Film):
        key = known_by(model, reading, film.sha256)
        call, note = _draw_call(settings, model, reading, film, key)
        _draw_documents(settings, model, reading, film, overlay, key, call=call, note=note)
    _offer(
        f"All films as CSV ({formats.count(len(batch))})",
        partial(_table, model, tuple(batch)),
        "scores.csv",
        "text/csv",
        key="all films csv",
        text="The table names the files as they are called on your disk.",
    )


def known_by(model: Model, reading: "Reading", film_sha256: str) -> str:
    """Return the key of a reading in this session, from the film, the model and the cuts that decided it."""
    decided_by = (model.card.model_sha256, reading.threshold, reading.review_from, reading.overridden)
    return hashlib.sha256(repr((film_sha256, *decided_by)).encode()).hexdigest()[:16]


def _draw_call(
    settings: Settings, model: Model, reading: "Reading", film: Film, key: str
) -> tuple[records.Call | None, str]:
    """Draw the reader's call and note with the button that keeps them; return both as they are now."""
    call = st.radio(
        "Your call", records.CALLS, index=None, horizontal=True, format_func=str.capitalize, key=f"call {key}"
    )
    note = st.text_area("Note", max_chars=records.LONGEST_NOTE, height=68, key=f"note {key}")
    st.caption(_NAMELESS)
    with guard():
        number = _number(settings, key)
        if number is None:
            looked = _draw_pixels(key)
            if st.button("Save case", key="save case", width="stretch"):
                kept = actions.keep_case(
                    settings,
                    model,
                    reading,
                    actor=ACTOR,
                    call=call,
                    note=note,
                    film=film if looked else None,
                    looked=looked,
                )
                st.session_state.setdefault(_KEPT, {})[key] = kept
                st.rerun()
        else:
            _draw_kept(settings, number, call, note)
    return call, note


def _draw_pixels(key: str) -> bool:
    """Ask whether to keep the picture too; return True once somebody has looked at it."""
    if not st.checkbox("Keep the film's picture too", key=f"pixels {key}"):
        return False
    looked = st.checkbox(_LOOKED, key=f"looked before keeping {key}")
    if not looked:
        st.caption("Until that is ticked the case is kept without its picture.")
    return looked


def _draw_kept(settings: Settings, number: int, call: records.Call | None, note: str) -> None:
    case = records.find(settings, number)
    content = case.content
    unchanged = content is not None and (content.call, content.note) == (call, note.strip())
    if st.button("Save changes", key="save changes", disabled=unchanged, width="stretch"):
        actions.change_case(settings, number, call=call, note=note, actor=ACTOR)
        st.rerun()
    picture = "with its picture" if case.pixels_kept else "without its picture"
    st.caption(f"Kept as case {number}, {picture}. {_AGREES[case.agrees]}".strip())


def _number(settings: Settings, key: str) -> int | None:
    """Return the case's number in this session; None if it wasn't kept, or was deleted since."""
    kept: dict[str, int] = st.session_state.get(_KEPT, {})
    if key not in kept:
        return None
    try:
        return records.find(settings, kept[key]).number
    except NotFoundError:
        st.caption(f"Case {kept.pop(key)} was deleted.")
        return None


def _draw_documents(
    settings: Settings,
    model: Model,
    reading: "Reading",
    film: Film,
    overlay: DrawnHeatmap | None,
    key: str,
    *,
    call: str | None,
    note: str,
) -> None:
    number = st.session_state.get(_KEPT, {}).get(key)
    report = partial(_report, model, reading, film, overlay, call, note)
    name = film.sha256[:12]  # as the report calls the film
    with st.container(horizontal=True):
        for kind, make, mime in (
            ("PDF", actions.film_pdf, "application/pdf"),
            ("PNG", actions.film_png, "image/png"),
        ):
            _offer(
                f"Report as {kind}",
                partial(_made, settings, number, kind, report, make),
                f"film-{name}.{kind.lower()}",
                mime,
                key=f"report {kind}",
            )
    with st.expander("DICOM", key=f"dicom {key}"):
        _draw_deidentified(settings, number, report, film, f"film-{name}.dcm", key)
        _draw_study(settings, number, report, film, f"film-{name}-study.dcm")


def _draw_deidentified(
    settings: Settings,
    number: int | None,
    report: Callable[[], FilmReport],
    film: Film,
    name: str,
    key: str,
) -> None:
    looked = st.checkbox(_LOOKED, key=f"looked {key}")
    _offer(
        "De-identified",
        partial(
            _made, settings, number, "DICOM, de-identified", report, partial(_deidentified, film, looked)
        ),
        name,
        "application/dicom",
        key="dicom deidentified",
        disabled=not looked,
        text="Secondary Capture without patient, study, dates or the file's identifiers. Writing inside the "
        "film is not removed.",
    )


def _draw_study(
    settings: Settings,
    number: int | None,
    report: Callable[[], FilmReport],
    film: Film,
    name: str,
) -> None:
    why = (
        "Carries patient and study of the uploaded file."
        if film.is_dicom
        else "Only for a film read from a DICOM file."
    )
    if st.button("Back to the study …", key="dicom study", disabled=not film.is_dicom, help=why):
        st.session_state[_CONFIRMED] = False  # asked anew for every film
        _confirm_study(settings, number, report, film, name)


@st.dialog("Back to the study")
def _confirm_study(
    settings: Settings,
    number: int | None,
    report: Callable[[], FilmReport],
    film: Film,
    name: str,
) -> None:
    """Ask first: this file says whose film it is."""
    with guard():
        st.markdown(
            "This file carries the patient's name, identifiers and the study of the film you uploaded, as a "
            "new series. It says RESEARCH, NOT FOR DIAGNOSIS in the picture. Send it only to the archive the "
            "film came from, and only if you may."
        )
        sure = st.checkbox("I may send this to the patient's study", key=_CONFIRMED)
        _offer(
            "Save with patient and study",
            partial(_made, settings, number, "DICOM, back to the study", report, partial(_study, film, sure)),
            name,
            "application/dicom",
            key="dicom study confirmed",
            disabled=not sure,
        )


def _offer(
    label: str,
    make: Callable[[], str | bytes],
    name: str,
    mime: str,
    *,
    key: str,
    disabled: bool = False,
    text: str | None = None,
) -> None:
    st.download_button(
        label, make, file_name=name, mime=mime, key=key, on_click="ignore", disabled=disabled, help=text
    )


def _made(
    settings: Settings,
    number: int | None,
    kind: str,
    report: Callable[[], FilmReport],
    make: Callable[[FilmReport], bytes],
) -> bytes:
    """Make a document; if the case was kept, note the export in its trail."""
    made = make(report())
    if number is not None:
        actions.note_export(settings, kind, actor=ACTOR, number=number)
    return made


def _report(
    model: Model, reading: "Reading", film: Film, overlay: DrawnHeatmap | None, call: str | None, note: str
) -> FilmReport:
    standing = actions.standing_of(model, model.lock if reading.threshold is not None else None)
    return actions.film_report(standing, reading, film, overlay=overlay, call=call, note=note)


def _deidentified(film: Film, looked: bool, report: FilmReport) -> bytes:
    return actions.deidentified_dicom(report, film, looked=looked)


def _study(film: Film, confirmed: bool, report: FilmReport) -> bytes:
    return actions.study_dicom(report, film, confirmed=confirmed)


def _table(model: Model, batch: "tuple[Reading, ...]") -> str:
    return actions.scores_csv(model, map(actions.predicted, batch))
