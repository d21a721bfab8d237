"""
Save and report a reading: the user's own call, a case in the log, and documents to pass on.

- no document is made or written until its button is pressed
- a person confirms first whatever can't be undone or identifies the patient
- a session remembers the number of a saved case, so that a later change doesn't make a second case
"""

import hashlib
from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from xraylab import actions, formats, records
from xraylab.app.ahead import Wanted
from xraylab.app.faults import guard
from xraylab.app.screens.read import blind, this_film
from xraylab.app.screens.read.readings import ACTOR
from xraylab.errors import NotFoundError
from xraylab.findings import capital
from xraylab.imaging import Film, Refused
from xraylab.models import Model
from xraylab.reports.film import DrawnHeatmap, FilmReport
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.read import Reading

_KEPT = "kept cases"  # of this session: from a reading's key to the number of its case
_CONFIRMED = "study confirmed"
_TYPED = "typed"  # calls and notes of this session, by film and then by the key of the field
_AGREES = {
    True: "Your call and the model agree.",
    False: "Your call and the model differ.",
    None: "",
}
_NAMELESS = "No names, numbers or dates of birth: it is stored unchanged."
_LOOKED = "I checked: the picture shows no name or number"


def known_by(model: Model, reading: "Reading", film_sha256: str) -> str:
    """Return the key of a reading in this session, from the film, the model and the cuts that decided it."""
    decided_by = (model.card.model_sha256, reading.threshold, reading.review_from, reading.overridden)
    return hashlib.sha256(repr((film_sha256, *decided_by)).encode()).hexdigest()[:16]


def is_called(wants: Wanted, reading: "Reading") -> bool:
    """Return whether the reader made a call on a film in this session."""
    if isinstance(wants.film, Refused):
        return False
    if blind.call_on(wants) is not None:
        return True
    typed = st.session_state.get(_TYPED, {}).get(wants.film.sha256)
    # Asked of every film in the list, and most have nothing typed.
    return bool(typed) and typed.get(f"call {known_by(wants.model, reading, wants.film.sha256)}") is not None


def draw_call(
    settings: Settings, wants: Wanted, reading: "Reading", film: Film
) -> tuple[records.Call | None, str, bool]:
    """Draw the reader's call and note with the button that keeps them.

    Parameters
    ----------
    reading : Reading
        With a score.

    Returns
    -------
    call, note
        As they are now.
    bool
        Whether the call was made before the score was shown.
    """
    model, key = wants.model, known_by(wants.model, reading, film.sha256)
    finding = model.card.finding.name
    given = blind.call_on(wants)
    made_blind = given is not None and given.blind
    call: records.Call | None
    if given is not None:
        call = given.call
        said = _AGREES[records.agrees(call, reading.decision)]
        yours = "Your call, before you saw the score" if made_blind else "Your call"
        st.markdown(f"{yours}: **{records.call_words(call, finding)}**. {said}")
        back = partial(blind.take_back, wants)
        st.button("Change my call", key=f"change {key}", type="tertiary", on_click=back)
    else:
        # The keys contain the reading: after another decision or model, a film needs a new call.
        call = st.radio(
            "Your call",
            records.CALLS,
            index=None,
            horizontal=True,
            format_func=lambda call: capital(records.call_words(call, finding)),
            **_typed(film, f"call {key}"),
        )
    note = st.text_area(
        "Note",
        max_chars=records.LONGEST_NOTE,
        height=68,
        placeholder=_NAMELESS,
        **_typed(film, f"note {key}"),
    )
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
                    blind=made_blind,
                    film=film if looked else None,
                    looked=looked,
                )
                st.session_state.setdefault(_KEPT, {})[key] = kept
                st.rerun()  # the log below the columns was drawn before
        else:
            _draw_kept(settings, number, call, note)
    return call, note, made_blind


def _typed(film: Film, key: str) -> dict[str, Any]:
    """Return the arguments of a field that keeps what was typed while another film or screen is shown."""
    typed: dict[str, Any] = st.session_state.get(_TYPED, {}).get(film.sha256, {})
    if key in typed:
        st.session_state.setdefault(key, typed[key])  # Streamlit has dropped it
    return {"key": key, "on_change": _keep_typed, "args": (film.sha256, key)}


def _keep_typed(film_sha256: str, key: str) -> None:
    # Called before the screen is drawn, and also if a click on another screen ended the typing.
    typed = st.session_state.setdefault(_TYPED, {}).setdefault(film_sha256, {})
    typed[key] = st.session_state[key]


def forget_typed(films: Container[str]) -> None:
    """Forget what was typed about films that were removed.

    Parameters
    ----------
    films : container of str
        The hashes of the films that are here.
    """
    typed: dict[str, dict[str, Any]] = st.session_state.get(_TYPED, {})
    st.session_state[_TYPED] = {film: fields for film, fields in typed.items() if film in films}


def _draw_pixels(key: str) -> bool:
    """Ask whether to save the picture too; return True once somebody has looked at it."""
    if not st.checkbox("Save the film's picture too", key=f"pixels {key}"):
        return False
    looked = st.checkbox(_LOOKED, key=f"looked before keeping {key}")
    if not looked:
        st.caption("Until this is ticked, the case is saved without its picture.")
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
        # Deleted in the log below, or in another session.
        st.caption(f"Case {kept.pop(key)} was deleted.")
        return None


def draw_documents(
    settings: Settings,
    model: Model,
    reading: "Reading",
    film: Film,
    overlay: DrawnHeatmap | None,
    *,
    call: records.Call | None,
    note: str,
    made_blind: bool,
) -> None:
    """Draw the documents that can be made of a reading.

    Parameters
    ----------
    overlay : DrawnHeatmap, optional
        The heatmap that is on the screen.
    made_blind : bool
        Whether the call was made before the score was shown.
    """
    key = known_by(model, reading, film.sha256)
    number = st.session_state.get(_KEPT, {}).get(key)
    words = None if call is None else records.call_words(call, model.card.finding.name)
    # Nothing is made yet: each download calls this for its own file.
    report = partial(_report, model, reading, film, overlay, words, note, made_blind)
    name = film.sha256[:12]  # as in the report: the file's own name may be a patient's
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
    _draw_deidentified(settings, number, report, film, f"film-{name}.dcm", key)
    _draw_study(settings, number, report, film, f"film-{name}-study.dcm")


def draw_table(
    settings: Settings, model: Model, batch: "Callable[[], Sequence[Reading]]", films: int
) -> None:
    """Draw the button for the table of all films.

    Parameters
    ----------
    batch : callable
        Returns the readings of all films, once all are there.
    """
    _offer(
        f"All films as CSV ({formats.count(films)})",
        partial(_table, settings, model, batch),
        "scores.csv",
        "text/csv",
        key="all films csv",
        text="The table contains the names of your files.",
    )


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
        text="Secondary Capture without patient, study, dates or the file's identifiers. Text inside the "
        "picture is not removed.",
    )


def _draw_study(
    settings: Settings,
    number: int | None,
    report: Callable[[], FilmReport],
    film: Film,
    name: str,
) -> None:
    why = (
        "Contains patient and study of the uploaded file."
        if film.is_dicom
        else "Only for a film read from a DICOM file."
    )
    if st.button("Export with patient identity …", key="dicom study", disabled=not film.is_dicom, help=why):
        st.session_state[_CONFIRMED] = False  # a tick for one film must not count for the next
        _confirm_study(settings, number, report, film, name)


@st.dialog("Export with patient identity")
def _confirm_study(
    settings: Settings,
    number: int | None,
    report: Callable[[], FilmReport],
    film: Film,
    name: str,
) -> None:
    """Ask first, because this file identifies the patient."""
    with guard():
        st.markdown(
            "This file is a new series in the study of your uploaded film, with the patient's name and "
            "identifiers. The picture says RESEARCH, NOT FOR DIAGNOSIS. Send it only to the archive the "
            "film came from, and only if you are allowed to."
        )
        sure = st.checkbox("I am allowed to send this to the patient's study", key=_CONFIRMED)
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
    # `make` is called only when the button is pressed; "ignore" saves a rerun of the whole page.
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
    """Make a document, and note the export in the trail: of the case if it was kept, else of the film."""
    about = report()
    made = make(about)
    if number is not None:
        actions.note_export(settings, kind, actor=ACTOR, number=number)
    else:
        actions.note_film(settings, about, kind, actor=ACTOR)
    return made


def _report(
    model: Model,
    reading: "Reading",
    film: Film,
    overlay: DrawnHeatmap | None,
    call: str | None,
    note: str,
    made_blind: bool,
) -> FilmReport:
    standing = actions.standing_of(model, model.lock if reading.threshold is not None else None)
    return actions.film_report(
        standing,
        reading,
        film,
        overlay=overlay,
        call=call,
        note=note,
        blind=made_blind,
        prevalence=this_film.prevalence(),
    )


def _deidentified(film: Film, looked: bool, report: FilmReport) -> bytes:
    return actions.deidentified_dicom(report, film, looked=looked)


def _study(film: Film, confirmed: bool, report: FilmReport) -> bytes:
    return actions.study_dicom(report, film, confirmed=confirmed)


def _table(settings: Settings, model: Model, batch: "Callable[[], Sequence[Reading]]") -> str:
    rows = batch()
    actions.note_scores(settings, model, len(rows), actor=ACTOR)
    return actions.scores_csv(model, map(actions.predicted, rows))
