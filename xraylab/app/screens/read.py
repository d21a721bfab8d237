"""Read: drop films, see score, decision at the lock, and where the score comes from."""

import hashlib
import html
import io
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from xraylab.app import choice, phantoms, widgets, wording
from xraylab.app.cache import table_of
from xraylab.app.screens import cases_log, explain, keep
from xraylab.evaluation.band import review_band
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.imaging import decode
from xraylab.models import Model
from xraylab.settings import load_settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from xraylab.reading.read import Reading

_READINGS, _OVERRIDDEN, _AGES = "readings", "overridden readings", "ages"
_OLDEST = 120  # years
_IN_THE_LIST = {"positive": "above", "negative": "below", "review": "needs a reader"}
_MOST_KEPT = 64  # readings a session keeps; the films themselves stay with the uploader


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    if choice.model_in_use(settings) is None:
        phantoms.offer(settings, "There is no model yet that could read a film.", key="read phantoms")
        return
    left, middle, right = st.columns([1.1, 2.6, 1.3], gap="medium")
    cases_log.draw(settings)  # below the three columns, whichever of them is filled
    with left:
        model = choice.pick_model(settings, key="read model")
        uploads = st.file_uploader(
            "Films (DICOM, PNG, JPEG, TIFF, BMP, WebP)", type=None, accept_multiple_files=True, key="films"
        )
        if model is None or not uploads:
            _draw_waiting(middle, model)
            return
        readings = _read_all(model, uploads)
        chosen = st.radio(
            "This film",
            range(len(uploads)),
            format_func=lambda i: f"{_short(readings[i])} · {wording.plain(uploads[i].name)}",
            key="film chosen",
        )
    reading, data = readings[chosen], uploads[chosen].getvalue()
    with middle:
        overlay = _draw_film(model, reading, data, uploads[chosen].name)
    with right:
        _draw_reading(model, reading, data)
        keep.draw(settings, model, reading, data, overlay, batch=readings)


def _draw_waiting(place: "st.delta_generator.DeltaGenerator", model: Model | None) -> None:
    with place, st.container(key="xl-empty-read"):
        st.markdown(
            "Drop one or more films on the left. They stay in memory and are gone when the page is closed, "
            "unless you keep one."
        )
        if model is not None and model.card.dataset.kind == "phantoms":
            st.markdown("This model was trained on teaching phantoms; a fresh one to read is here:")
            film = phantoms.fresh_phantom_png()
            st.download_button(
                "Save a teaching phantom", film, "phantom.png", "image/png", key="save phantom"
            )


def _read_all(model: Model, uploads: "list[UploadedFile]") -> "list[Reading]":
    """Readings of all uploads; a film is scored once a model, whatever is clicked."""
    from xraylab.app.loaded import loaded
    from xraylab.reading.read import read_film

    kept: dict[str, Reading] = st.session_state.setdefault(_READINGS, {})
    keys = [_key(model, upload.getvalue()) for upload in uploads]
    missing = [(key, upload) for key, upload in zip(keys, uploads, strict=True) if key not in kept]
    if missing:
        bar = st.progress(0.0, text="Reading films")
        network = loaded(model)
        for done, (key, upload) in enumerate(missing, 1):
            kept[key] = read_film(network, upload.getvalue(), upload.name, age=_age(upload.getvalue()))
            bar.progress(done / len(missing), text=f"Reading films: {done} of {len(missing)}")
        bar.empty()
    overridden = st.session_state.get(_OVERRIDDEN, set())
    readings = [kept[key].decided_anyway() if key in overridden else kept[key] for key in keys]
    for key in [key for key in kept if key not in keys][: max(0, len(kept) - _MOST_KEPT)]:
        del kept[key]
    return readings


def _key(model: Model, data: bytes) -> str:
    """What a reading depends on: the film with the age that was typed, the model and its lock."""
    lock = model.lock
    locked = f"{lock.threshold!r}{lock.review_from!r}{lock.locked_at.isoformat()}" if lock else ""
    return f"{model.card.model_sha256} {locked} {hashlib.sha256(data).hexdigest()} {_age(data)}"


def _age(data: bytes) -> float | None:
    """The age in years that a person typed for a film; None if nobody has."""
    ages: dict[str, float | None] = st.session_state.get(_AGES, {})
    return ages.get(hashlib.sha256(data).hexdigest())


def _ask_age(data: bytes) -> None:
    """Ask for the age of the child on a film; the reading is made again if it is another now."""
    film = hashlib.sha256(data).hexdigest()
    known, key = _age(data), f"age {film}"
    st.session_state.setdefault(key, known)  # streamlit forgets it while another film is chosen
    age = st.number_input(
        "Age of the child in years, if known",
        min_value=0.0,
        max_value=float(_OLDEST),
        value=None,
        step=1.0,
        format="%g",
        placeholder="unknown",
        key=key,
    )
    if age != known:
        st.session_state.setdefault(_AGES, {})[film] = age
        st.rerun()


def _short(reading: "Reading") -> str:
    """A reading in a few words, for the list of films."""
    if reading.score is None:
        return f"{wording.DASH} unreadable"
    said = _IN_THE_LIST.get(reading.decision or "", "")
    return f"{wording.score(reading.score)} {said or ('check' if reading.warnings else '')}".strip()


def _draw_film(model: Model, reading: "Reading", data: bytes, name: str) -> bytes | None:
    """The film in its viewer; gives the heatmap that lies over it."""
    if reading.refused is not None or reading.pixels is None:
        st.error(f"{wording.plain(name)}: {wording.plain(reading.refused or 'not read')}")
        return None
    return explain.draw_film(
        model,
        reading.pixels,
        _png(data),
        film_sha256=hashlib.sha256(data).hexdigest(),
        name=name,
        synthetic=reading.synthetic,
    )


@st.cache_data(max_entries=4, scope="session", show_spinner=False)
def _png(data: bytes) -> bytes:
    """A film at its native resolution, as PNG for the browser."""
    buffer = io.BytesIO()
    Image.fromarray(decode(data)).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _draw_reading(model: Model, reading: "Reading", data: bytes) -> None:
    if reading.score is None:
        return
    lock = model.lock
    widgets.figures([("Pneumonia score", wording.score(reading.score), "")])
    if reading.spread is not None:
        st.caption(_spread_words(reading.spread, len(model.card.members)))
    st.html(f'<p class="xl-decision">{_decision_words(reading)}</p>')
    if reading.subtype:
        widgets.figures([(name.capitalize(), wording.percent(share), "") for name, share in reading.subtype])
        st.caption(_SUBTYPE_CAVEAT)
    for warning in reading.warnings:
        st.warning(wording.plain(warning))
    if reading.warnings and not reading.overridden and reading.threshold is not None:
        if st.button("Decide anyway", key="decide anyway"):
            st.session_state.setdefault(_OVERRIDDEN, set()).add(_key(model, data))
            st.rerun()
    elif reading.overridden:
        st.caption("Decided in spite of the warning, on your word.")
    for note in reading.notes:
        st.caption(wording.plain(note))
    if model.card.dataset.kind == "radiographs" and not reading.synthetic:
        _ask_age(data)
    validation = table_of(model, "validation")
    explain.draw_standing(model, validation, reading.score, lock)
    st.markdown(_standing_words(validation, reading.score))
    if lock is not None:
        point = validation.at(lock.threshold)
        widgets.figures(
            [
                ("Threshold", wording.score(lock.threshold), ""),
                (
                    "Sensitivity there",
                    wording.percent(point.sensitivity),
                    wording.interval(*validation.interval("sensitivity", lock.threshold)),
                ),
                (
                    "Specificity there",
                    wording.percent(point.specificity),
                    wording.interval(*validation.interval("specificity", lock.threshold)),
                ),
            ]
        )
        if lock.review_from is not None:
            _draw_band(validation, lock.review_from, lock.threshold)
        st.caption(
            f"On {wording.count(validation.n)} validation films of {wording.count(validation.n_groups)} "
            f"patients ({wording.plain(model.card.dataset.name)})."
        )


def _draw_band(validation: ThresholdTable, review_from: float, threshold: float) -> None:
    """What the lock's review band does with the validation films."""
    band = review_band(validation, review_from, threshold)
    widgets.figures(
        [
            ("Needs a reader from", wording.score(review_from), ""),
            ("Films that need a reader", wording.percent(band.review.share), ""),
            (
                "Pneumonias below both",
                wording.percent(band.missed_rate),
                wording.interval(*band.missed_interval),
            ),
        ]
    )


_SUBTYPE_CAVEAT = (
    "Kind of pneumonia, if it is one, from file names; films don't reliably tell bacterial from viral."
)


def _spread_words(spread: float, models: int) -> str:
    """How far the models of an ensemble are apart, in words that nobody takes for an interval."""
    return (
        f"Disagreement between its {models} models: {wording.score(spread)} (standard deviation of their "
        "probabilities). It says how alike the models are, not how sure the score is."
    )


def _decision_words(reading: "Reading") -> str:
    said, beside = wording.decision(reading.decision, reading.threshold, reading.review_from)
    return f"{said}<small>{html.escape(beside)}</small>" if beside else said


def _standing_words(validation: ThresholdTable, score: float) -> str:
    """Where a score stands among the validation films: "2 of 100 normals score this high"."""
    point = validation.at(score)
    normals = wording.DASH if not validation.negatives else f"{100 * point.fp / validation.negatives:.0f}"
    ill = wording.DASH if not validation.positives else f"{100 * point.fn / validation.positives:.0f}"
    return f"{normals} of 100 normals score this high or higher; {ill} of 100 pneumonias score lower."
