"""Read: drop films, see score, decision at the lock, and where the score comes from."""

import hashlib
import html
import io
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from xraylab.app import choice, phantoms, widgets, wording
from xraylab.app.cache import table_of
from xraylab.app.components.film_viewer import film_viewer
from xraylab.evaluation.band import review_band
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.imaging import decode
from xraylab.models import Model
from xraylab.settings import load_settings

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from xraylab.reading.read import Reading

_READINGS, _OVERRIDDEN = "readings", "overridden readings"
_IN_THE_LIST = {"positive": "above", "negative": "below", "review": "needs a reader"}
_MOST_KEPT = 64  # readings a session keeps; the films themselves stay with the uploader


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    if choice.model_in_use(settings) is None:
        phantoms.offer(settings, "There is no model yet that could read a film.", key="read phantoms")
        return
    left, middle, right = st.columns([1.1, 2.6, 1.3], gap="medium")
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
        _draw_film(model, reading, data, uploads[chosen].name)
    with right:
        _draw_reading(model, reading, data)


def _draw_waiting(place: "st.delta_generator.DeltaGenerator", model: Model | None) -> None:
    with place, st.container(key="xl-empty-read"):
        st.markdown(
            "Drop one or more films on the left. They stay in memory and are gone when the page is closed."
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
            kept[key] = read_film(network, upload.getvalue(), upload.name)
            bar.progress(done / len(missing), text=f"Reading films: {done} of {len(missing)}")
        bar.empty()
    overridden = st.session_state.get(_OVERRIDDEN, set())
    readings = [kept[key].decided_anyway() if key in overridden else kept[key] for key in keys]
    for key in [key for key in kept if key not in keys][: max(0, len(kept) - _MOST_KEPT)]:
        del kept[key]
    return readings


def _key(model: Model, data: bytes) -> str:
    """What a reading depends on: the film, the model and its lock."""
    lock = model.lock
    locked = f"{lock.threshold!r}{lock.review_from!r}{lock.locked_at.isoformat()}" if lock else ""
    return f"{model.card.model_sha256} {locked} {hashlib.sha256(data).hexdigest()}"


def _short(reading: "Reading") -> str:
    """A reading in a few words, for the list of films."""
    if reading.score is None:
        return f"{wording.DASH} unreadable"
    said = _IN_THE_LIST.get(reading.decision or "", "")
    return f"{wording.score(reading.score)} {said or ('check' if reading.warnings else '')}".strip()


def _draw_film(model: Model, reading: "Reading", data: bytes, name: str) -> None:
    if reading.refused is not None or reading.pixels is None:
        st.error(f"{wording.plain(name)}: {wording.plain(reading.refused or 'not read')}")
        return
    from xraylab.reading.heatmap import COLOURS

    film_sha256 = hashlib.sha256(data).hexdigest()
    overlay = _overlay(model.card.model_sha256, film_sha256, model, reading.pixels)
    film_viewer(_png(data), overlay, key="film", caption=name, synthetic=reading.synthetic, scale=COLOURS)
    st.caption(
        "The heatmap (overlay, key o) shows which regions raised the pneumonia score, on a coarse grid. It "
        "is about the model, not about the child."
    )


@st.cache_data(max_entries=8, scope="session", show_spinner="Drawing the heatmap")
def _overlay(model_sha256: str, film_sha256: str, _model: Model, _pixels: NDArray[np.uint8]) -> bytes:
    """The heatmap of a film, drawn once for each model; it goes with the session."""
    from xraylab.app.loaded import loaded
    from xraylab.reading.heatmap import heatmap, overlay_png

    return overlay_png(heatmap(loaded(_model), _pixels))


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
    validation = table_of(model, "validation")
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
    if reading.threshold is None:
        return "No decision<small>This model's threshold is not locked yet.</small>"
    thresholds = "the threshold" if reading.review_from is None else "both thresholds"
    if reading.decision == "positive":
        return f"Pneumonia score above {thresholds}"
    if reading.decision == "negative":
        return f"Pneumonia score below {thresholds}<small>No other finding was looked for.</small>"
    if reading.decision == "review" and reading.review_from is not None:
        low, high = wording.score(reading.review_from), wording.score(reading.threshold)
        return (
            f"Needs a reader<small>Pneumonia score between the two thresholds, {html.escape(low)} and "
            f"{html.escape(high)}. No other finding was looked for.</small>"
        )
    return "No decision<small>The film is unusual for this model.</small>"


def _standing_words(validation: ThresholdTable, score: float) -> str:
    """Where a score stands among the validation films: "2 of 100 normals score this high"."""
    point = validation.at(score)
    normals = wording.DASH if not validation.negatives else f"{100 * point.fp / validation.negatives:.0f}"
    ill = wording.DASH if not validation.positives else f"{100 * point.fn / validation.positives:.0f}"
    return f"{normals} of 100 normals score this high or higher; {ill} of 100 pneumonias score lower."
