"""Read: drop films, and see for each its score, its decision at the lock, and a heatmap."""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from xraylab import actions, formats
from xraylab.app import choice, phantoms, waiting, wording
from xraylab.app.screens.read import alike, case_log, explain, keep, this_film, uploads
from xraylab.data.intake import films_in
from xraylab.imaging import Film, Refused, prepare_to_decode
from xraylab.imaging.picture import png
from xraylab.models import Model
from xraylab.reports.film import DrawnHeatmap
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from xraylab.reading.loaded import LoadedModel
    from xraylab.reading.read import Reading

_LISTED, _LOOKED_AT = "films listed", "film looked at"
_READINGS, _OVERRIDDEN, _AGES = "readings", "overridden readings", "ages"
_OLDEST = 120  # years; the field accepts no more
_IN_THE_LIST = {"positive": "above", "negative": "below", "review": "needs a reader"}
_UNPACKED = "unpacked films"
_MOST_FILMS, _MOST_BYTES = 500, 512 * 2**20  # unpacked uploads of one session
_MOST_KEPT = 64  # readings that a session keeps; the uploader keeps the files themselves
_MOST_STANDARD = 64  # films that keep their 256 × 256 pixels, 4 MB; the others are decoded again if chosen


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    if choice.model_in_use(settings) is None:
        phantoms.offer(settings, "There is no model yet to read a film with.", key="read phantoms")
        return
    left, middle, right = st.columns([1.1, 2.6, 1.3], gap="medium")
    # Drawn before the columns are filled, since the script may return early; it still lies below them.
    case_log.draw(settings)
    with left:
        model = choice.pick_reading_model(settings, key="read model")
        unpacked = _unpacked(uploads.draw(most_megabytes=_MOST_BYTES // 2**20))
        films = [film for _, film in unpacked]
        keep.forget_typed({_identity(film) for film in films})
        if model is None or not films:
            _draw_waiting(middle, model)
            return
        readings = _read_all(settings, model, films)
        chosen = _choose(readings, films)
        uploads.draw_removal([upload for upload, _ in unpacked], chosen)
    reading, film = readings[chosen], films[chosen]
    _drop_pixels(films, chosen)
    with middle:
        overlay = _draw_film(model, reading, film)
        if isinstance(film, Film) and reading.refused is None:
            alike.draw(settings, film)
    with right:
        if reading.score is not None and isinstance(film, Film):
            age = partial(_ask_age, film, children=model.card.dataset.of_children)
            decide = partial(_decide, settings, model, film, reading)
            this_film.draw(model, reading, film, age=age, decide=decide)
        keep.draw(settings, model, reading, film, overlay, batch=readings)


def _draw_waiting(place: "st.delta_generator.DeltaGenerator", model: Model | None) -> None:
    prepare_to_decode()  # while the person still looks for a film
    with place, st.container(key="xl-empty-read"):
        st.markdown(
            "Drop one or more films on the left. They stay in memory, also while you look at other screens. "
            "They are deleted when you remove them or close the page, unless you save a case with its "
            "picture."
        )
        if model is not None and model.card.dataset.kind == "phantoms":
            st.markdown("This model was trained on teaching phantoms. Here is a new one to read:")
            film = phantoms.fresh_phantom_png()
            st.download_button(
                "Save a teaching phantom", film, "phantom.png", "image/png", key="save phantom"
            )


def _unpacked(given: "list[UploadedFile]") -> "list[tuple[UploadedFile, Film | Refused]]":
    """List the films of all uploads; unpack each archive once, and only as far as memory allows.

    The films of an upload are kept together with the limits at that time: if another upload is removed, there
    is more room, and the archive is unpacked again.
    """
    kept: dict[tuple[str, int, int], list[Film | Refused]] = st.session_state.get(_UNPACKED, {})
    now: dict[tuple[str, int, int], list[Film | Refused]] = {}
    films: list[tuple[UploadedFile, Film | Refused]] = []
    left, bytes_left = _MOST_FILMS, _MOST_BYTES
    for upload in given:
        if left <= 0 or bytes_left <= 0:
            break
        key = upload.file_id, left, bytes_left
        now[key] = kept[key] if key in kept else _films_of(upload, left, bytes_left)
        films += [(upload, film) for film in now[key]]
        left -= len(now[key])
        bytes_left -= sum(_bytes_of(film) for film in now[key])
    st.session_state[_UNPACKED] = now
    for key in kept.keys() - now.keys():
        # Buttons of the last run may still hold a film that was removed, but not its pixels.
        for film in kept[key]:
            if isinstance(film, Film):
                film.drop_pixels()
    if len(films) >= _MOST_FILMS or bytes_left <= 0:
        st.warning(
            f"This page reads {formats.count(len(films))} films at once. On the command line, predict reads "
            "any number of them."
        )
    return films


def _films_of(upload: "UploadedFile", most: int, most_bytes: int) -> list[Film | Refused]:
    films: list[Film | Refused] = []
    for film in films_in(upload.name, upload.getvalue()):
        if len(films) >= most or most_bytes <= 0:
            break
        films.append(film)
        most_bytes -= _bytes_of(film)
    return films


def _bytes_of(film: Film | Refused) -> int:
    return len(film.data) if isinstance(film, Film) else 0


def _drop_pixels(films: list[Film | Refused], chosen: int) -> None:
    """Free the pixels that the screen doesn't need: native resolution is kept for the chosen film alone."""
    for place, film in enumerate(films):
        if isinstance(film, Refused) or place == chosen:
            continue
        if place < _MOST_STANDARD:
            film.drop_picture()
        else:
            film.drop_pixels()


def _read_all(settings: Settings, model: Model, films: list[Film | Refused]) -> "list[Reading]":
    """Return the readings of all films; each film is scored once per model, whatever its name."""
    from xraylab.app.loaded import loaded  # loads torch, so not before there are films

    kept: dict[str, Reading] = st.session_state.setdefault(_READINGS, {})
    keys = [_key(model, film) for film in films]
    missing = {key: film for key, film in zip(keys, films, strict=True) if key not in kept}
    if missing:
        with waiting.progress("Reading films") as (move, place):
            for done, (key, reading) in enumerate(_read(settings, loaded(model, place), missing), 1):
                kept[key] = replace(reading, film=None)  # the session keeps no film that was removed
                if reading.film is not None and done > _MOST_STANDARD:
                    reading.film.drop_pixels()
                move(done / len(missing), f"Reading films: {done} of {len(missing)}")
    overridden = st.session_state.get(_OVERRIDDEN, set())
    decided = (kept[key].decided_anyway() if key in overridden else kept[key] for key in keys)
    # The readings are kept by content, and the same film may be here under two names.
    readings = [replace(reading, name=film.name) for reading, film in zip(decided, films, strict=True)]
    # The oldest go first, since a dict keeps its order; those of present films are never dropped.
    for key in [key for key in kept if key not in keys][: max(0, len(kept) - max(_MOST_KEPT, len(keys)))]:
        del kept[key]
    return readings


def _read(
    settings: Settings, network: "LoadedModel", films: "dict[str, Film | Refused]"
) -> "Iterator[tuple[str, Reading]]":
    """Read the films of each age together, since the network scores a batch faster than single films."""
    for age in {_age(film) for film in films.values()}:
        same_age = {key: film for key, film in films.items() if _age(film) == age}
        readings = actions.read_films(settings, network, same_age.values(), age=age, actor=keep.ACTOR)
        yield from zip(same_age, readings, strict=True)


def _identity(film: Film | Refused) -> str:
    """Return the key of a file in this session: its hash, or the reason if it was refused."""
    return film.why if isinstance(film, Refused) else film.sha256


def _key(model: Model, film: Film | Refused) -> str:
    """Return a key of all that a reading depends on: film, typed age, model and lock."""
    lock = model.lock
    locked = f"{lock.threshold!r}{lock.review_from!r}{lock.locked_at.isoformat()}" if lock else ""
    return f"{model.card.model_sha256} {locked} {_identity(film)} {_age(film)}"


def _age(film: Film | Refused) -> float | None:
    """Return the age in years that the user typed for a film; None if unknown."""
    ages: dict[str, float | None] = st.session_state.get(_AGES, {})
    return ages.get(_identity(film))


def _ask_age(film: Film, *, children: bool) -> None:
    """Ask for the age of the child or adult on a film; a change has the film read again."""
    key = f"age {film.sha256}"
    st.session_state.setdefault(key, _age(film))  # Streamlit drops it while another film or screen is shown
    st.number_input(
        f"Age{' of the child' if children else ''} in years, if known",
        min_value=0.0,
        max_value=float(_OLDEST),
        value=None,
        step=1.0,
        format="%g",
        placeholder="unknown",
        key=key,
        on_change=_keep_age,
        args=(film.sha256, key),
    )


def _keep_age(film_sha256: str, key: str) -> None:
    # Called before the screen is drawn, and also if a click on another screen ended the typing.
    st.session_state.setdefault(_AGES, {})[film_sha256] = st.session_state[key]


def _decide(settings: Settings, model: Model, film: Film, reading: "Reading") -> None:
    """Decide a film in spite of its warnings, as a person asked."""
    actions.note_override(settings, model, film, reading, actor=keep.ACTOR)
    st.session_state.setdefault(_OVERRIDDEN, set()).add(_key(model, film))
    st.rerun()  # the list of films on the left shows the decision too


def _choose(readings: "list[Reading]", films: list[Film | Refused]) -> int:
    """Draw the list of films and return the index of the chosen one.

    The browser identifies an option by its words, which change if a film is decided anyway or read by another
    model. Without a new value from here, the next click anywhere would show another film.
    """
    labels = [
        f"{_short(reading)} · {wording.plain(film.name)}"
        for reading, film in zip(readings, films, strict=True)
    ]
    times = Counter(labels)
    listed = [f"{words} ({place})" if times[words] > 1 else words for place, words in enumerate(labels, 1)]
    known = [(film.name, _identity(film)) for film in films]
    # Streamlit also forgets the choice when the screen is left.
    if st.session_state.get(_LISTED, listed) != listed or "film chosen" not in st.session_state:
        place, before = st.session_state.get(_LOOKED_AT, (0, None))
        st.session_state["film chosen"] = (
            known.index(before) if before in known else min(place, len(known) - 1)
        )
    st.session_state[_LISTED] = listed
    chosen = st.radio("This film", range(len(films)), format_func=listed.__getitem__, key="film chosen")
    st.session_state[_LOOKED_AT] = chosen, known[chosen]
    return chosen


def _short(reading: "Reading") -> str:
    """Write a reading in a few words, for the list of films."""
    if reading.score is None:
        return f"{formats.DASH} unreadable"
    if reading.decision is None:  # the score of a film that isn't decided would be read as a decision
        return "not decided"
    return f"{formats.score(reading.score)} {_IN_THE_LIST[reading.decision]}"


def _draw_film(model: Model, reading: "Reading", film: Film | Refused) -> DrawnHeatmap | None:
    """Draw the film in its viewer; return the heatmap that lies over it."""
    if reading.refused is not None or isinstance(film, Refused):
        st.error(f"{wording.plain(film.name)}: {wording.plain(reading.refused or 'not read')}")
        return None
    return explain.draw_film(model, film, _shown(film.sha256, film), synthetic=reading.synthetic)


# In the session's cache, which ends with it: a patient's film must not outlive the visit.
@st.cache_data(max_entries=4, scope="session", show_spinner=False)
def _shown(sha256: str, _film: Film) -> bytes:
    """Return a film at its native resolution, as PNG for the browser."""
    return png(Image.fromarray(_film.picture), compress_level=1)
