"""Read: the film in the middle, the list of films on its left, and what the model says on its right."""

import html
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from xraylab.app import choice, phantoms, session_films, status, uploads, waiting, wording
from xraylab.app.components.folding_panels import folding_panels
from xraylab.app.faults import guard
from xraylab.app.loaded import is_loaded
from xraylab.app.sample_grid import draw_samples
from xraylab.app.screens.read import (
    alike,
    blind,
    case_log,
    explain,
    film,
    keep,
    listed,
    readings,
    this_film,
)
from xraylab.app.screens.read.batch import Batch
from xraylab.imaging import Film, prepare_to_decode
from xraylab.models import Model
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from xraylab.reading.read import Reading

_STATION = Path(__file__).parent / "station.css"
_LOOKS = 2  # in vain, before the film is shown without its score


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    if choice.model_in_use(settings) is None:
        phantoms.offer(settings, "There is no model yet to read a film with.", key="read phantoms")
        return
    st.html(_STATION)
    folds = st.container(key="xl-folds")
    with st.container(key="xl-station"):
        left, middle, right = (st.container(key=f"xl-station-{part}") for part in ("films", "film", "panel"))
    # Drawn before the places are filled, since the script may return early; it still lies below them.
    case_log.draw(settings)
    with middle:
        faults = st.container(key="xl-station-faults")
    with faults, guard():  # in sight: the page's own place for them is below the station
        _draw_station(settings, folds, left, middle, right)


def _draw_station(
    settings: Settings,
    folds: "DeltaGenerator",
    left: "DeltaGenerator",
    middle: "DeltaGenerator",
    right: "DeltaGenerator",
) -> None:
    """Draw list, film and panel, each in its place."""
    with left:
        place = st.container(key="xl-station-list")
        items = session_films.all_items(session_films.draw_uploader())
    keep.forget_typed({item.identity for item in items})
    readings.forget_removed(items)
    with right:
        model = _pick_model(settings)
    if model is None or not items:
        _draw_waiting(middle)
        return
    with folds:
        folding_panels(key="folds", left="list of films", right="panel")
    listed.follow(items)
    batch = _batch(settings, model, items)
    with left:
        owners = [item.owner for item in items]
        uploads.draw_removal(owners, batch.chosen, forget=session_films.remove)
    reading = _reading(middle, place, batch)
    _drop_pixels(batch)
    with right:
        _draw_panel(middle, batch, reading)


def _batch(settings: Settings, model: Model, items: list[session_films.Item]) -> Batch:
    chosen = session_films.chosen(items)
    films = readings.wanted(settings, model, items)
    ahead = readings.read(settings, films, chosen)
    return Batch(settings, model, items, films, ahead, chosen, session_films.beside(items))


def _pick_model(settings: Settings) -> Model | None:
    """Draw the choice of the model that reads, its lock, and whether films are read blind."""
    model = choice.pick_reading_model(settings, key="read model")
    if model is not None:
        st.html(_lock_line(model))
    blind.draw_toggle()
    return model


def _lock_line(model: Model) -> str:
    """Return the lock's cut as HTML, with its rule and time on hover."""
    lock = model.lock
    if lock is None:
        return '<p class="xl-cut">Not locked: films get no decision.</p>'
    # A lock that was chosen with knowledge of the test films says so wherever it stands.
    stamp = f" · {status.AFTER_OPENING}" if lock.after_opening else ""
    words = f"Locked {status.cut_words(lock.threshold, lock.review_from)}{stamp}"
    return f'<p class="xl-cut" title="{html.escape(status.lock_origin(lock))}">{html.escape(words)}</p>'


def _draw_waiting(place: "DeltaGenerator") -> None:
    prepare_to_decode()  # while the person still looks for a film
    with place, st.container(key="xl-empty-read"):
        st.markdown(
            "Drop films anywhere on this page: DICOM, PNG, JPEG, TIFF, BMP or WebP, or zip archives of them, "
            f"up to {session_films.MOST_BYTES // 2**20} MB a file. They stay in memory, also while you look "
            "at other screens. They are deleted when you remove them or close the page, unless you save a "
            "case with its picture."
        )
        st.markdown("Or read a sample film. Samples are synthetic.")
        draw_samples(key="read samples")


def _reading(place: "DeltaGenerator", place_of_list: "DeltaGenerator", batch: Batch) -> "Reading":
    """Return the chosen film's reading; while it is made, show the films and say what goes on."""
    wants, item = batch.wants, batch.item
    looks = 0
    if batch.ahead.reading(wants.key) is None:
        with place:
            words, picture = st.empty(), st.empty()

            def look(before: int) -> None:
                nonlocal looks
                looks += 1
                if looks == 1:
                    with place_of_list:
                        listed.draw(batch)
                ready = is_loaded(wants.model)
                doing = "Reading the film" if ready else "Loading the model, once after each start"
                words.html(f'<p class="xl-reading" role="status">{doing}. {waiting.place_words(before)}</p>')
                if looks == _LOOKS and isinstance(item.film, Film):
                    picture.image(readings.picture(item))

            batch.ahead.wait(wants.key, look)
            words.empty()
            picture.empty()
    if not looks:  # a list can be drawn once only, and now it has the film's score
        with place_of_list:
            listed.draw(batch)
    reading = readings.shown(batch.ahead, wants, item)
    if reading is None:
        raise AssertionError("a film that was waited for has a reading")
    return reading


def _drop_pixels(batch: Batch) -> None:
    """Free the pixels that the screen doesn't need: native resolution is kept for the chosen film alone."""
    for place, item in enumerate(batch.items):
        if not isinstance(item.film, Film) or place == batch.chosen:
            continue
        if place < readings.MOST_STANDARD:
            item.film.drop_picture()
        else:
            item.film.drop_pixels()


def _draw_panel(place: "DeltaGenerator", batch: Batch, reading: "Reading") -> None:
    """Draw what the model says of the chosen film, and the film in its place."""
    item = batch.item
    if item.copy is not None:
        name = wording.plain(item.copy.dataset)
        st.caption(f"From the dataset {name}: its copy of 256 × 256 pixels, without its label.")
        blind.note_shown(batch.wants)  # by the screen that it comes from
    if reading.refused is not None or not isinstance(item.film, Film):
        with place:
            st.error(f"{wording.plain(item.film.name)}: {wording.plain(reading.refused or 'not read')}")
    elif blind.hides(batch.wants):
        blind.draw_call(batch.wants)
        with place:
            film.draw(batch, item.film)
    else:
        _draw_reading(place, batch, reading, item.film)
    if blind.is_on():
        blind.draw_count(batch.ahead, batch.films)
    else:
        keep.draw_table(batch.settings, batch.model, batch.all_readings, len(batch.items))


def _draw_reading(place: "DeltaGenerator", batch: Batch, reading: "Reading", chosen: Film) -> None:
    settings, wants, sample, model = batch.settings, batch.wants, batch.item.sample, batch.wants.model
    blind.note_shown(wants)
    if sample is not None:
        st.caption(f"Read by {wording.plain(choice.model_words(model))}. {sample.truth}")
    decide = partial(readings.decide_anyway, settings, wants, chosen, reading)
    this_film.draw_decision(model, reading, decide=decide)
    asked, meaning = st.container(), st.expander("What the score means", key="read meaning")
    # Filled before what stands above it: the next film should be there first.
    with st.expander("Heatmap", key="read heatmap"):
        drawn, grid = explain.draw_heatmaps(model, chosen)
    with place:
        film.draw(batch, chosen, drawn, grid)
    with asked:
        call, note, made_blind = keep.draw_call(settings, wants, reading, chosen)
        if model.card.dataset.kind == "radiographs" and not reading.synthetic:
            readings.ask_age(chosen, children=model.card.dataset.of_children)
    with meaning, guard():
        this_film.draw_meaning(model, reading)
    alike.draw(settings, chosen)
    with st.expander("Report and export", key="read documents"):
        overlay = drawn[0] if drawn else None
        keep.draw_documents(
            settings, model, reading, chosen, overlay, call=call, note=note, made_blind=made_blind
        )
