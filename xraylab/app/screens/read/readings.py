"""
The readings of this session's films: read in the background, decided anyway, or at an age that was typed.

- each film is scored once per model, whatever its name; an age changes the decision and not the score
- the next film is prepared while the reader looks at the present one
"""

import contextlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from xraylab import actions
from xraylab.app import waiting
from xraylab.app.ahead import Ahead, Wanted
from xraylab.app.components.film_list import thumbnail_url
from xraylab.app.once import Once
from xraylab.app.samples import reader_of_samples
from xraylab.app.session_films import Item
from xraylab.app.thumbnails import ratio, stretched
from xraylab.errors import UnreadableImageError, XRayLabError
from xraylab.imaging import Film, Refused
from xraylab.imaging.picture import png
from xraylab.models import Model
from xraylab.reading.turns import OnPlace
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.heatmap import Heatmap
    from xraylab.reading.read import Reading

ACTOR = "app"
_AHEAD, _OVERRIDDEN, _AGES = "readings", "overridden readings", "ages"  # session keys
_MAPS, _PICTURES, _THUMBNAILS, _COPIES = "heatmaps", "pictures", "thumbnails", "thumbnails of copies"
_MOST_MAPS, _MOST_PICTURES, _MOST_THUMBNAILS = 24, 4, 500
_MADE = {  # of films, by the hash in their keys
    _MAPS: _MOST_MAPS,
    _PICTURES: _MOST_PICTURES,
    _THUMBNAILS: _MOST_THUMBNAILS,
    _COPIES: _MOST_THUMBNAILS,
}
_PLACE_OF_HASH = 1  # in a key of several parts
MOST_STANDARD = 64  # films that keep their 256 × 256 pixels, 4 MB; the others are decoded again if chosen
_OLDEST = 120  # years; the field accepts no more


def wanted(settings: Settings, model: Model, items: Sequence[Item]) -> list[Wanted]:
    """Return what is to be read: each film with its model and its age.

    Parameters
    ----------
    model : Model
        The model in use; sample films have a model of their own.
    """
    of_samples = reader_of_samples(settings) if any(item.sample for item in items) else None
    # The lock is on disk, so it is looked up once per model and not once per film.
    scored_by = {of.name: f"{of.card.model_sha256} {_lock_words(of)}" for of in (model, of_samples) if of}
    films = []
    for item in items:
        of = of_samples if item.sample is not None and of_samples is not None else model
        films.append(Wanted(f"{scored_by[of.name]} {item.identity}", item.film, of, _age(item.identity)))
    return films


def _lock_words(model: Model) -> str:
    lock = model.lock
    return f"{lock.threshold!r}{lock.review_from!r}{lock.locked_at.isoformat()}" if lock else ""


def read(settings: Settings, films: Sequence[Wanted], chosen: int) -> Ahead:
    """Have films read in the background, from the chosen one on; one whose age was typed needs no network.

    Returns
    -------
    Ahead
        Has the readings, as they come.
    """
    ahead = _ahead(settings)
    for wants in films:
        if isinstance(wants.film, Film) and ahead.reading(wants.key) is None:
            known = ahead.at_another_age(wants)
            if known is not None and known.score is not None:
                again = actions.read_at_age(
                    settings, wants.model, wants.film, known, age=wants.age, actor=ACTOR
                )
                ahead.put(wants, again)
    ahead.want(films, chosen)
    return ahead


def forget_removed(items: Sequence[Item]) -> None:
    """Forget what was made of films that were removed; their readings hold no pixels.

    Parameters
    ----------
    items : sequence of Item
        The films that are here.
    """
    present = {item.identity for item in items}
    for name, most in _MADE.items():
        waiting.results(name, most).keep_only(lambda key: _hash_in(key) in present)
    ahead: Ahead | None = st.session_state.get(_AHEAD)
    if ahead is not None and not items:
        ahead.want([], 0)


def _hash_in(key: Hashable) -> Hashable:
    """Return the film's hash in the key of a result: the key itself, or a part of it."""
    return key[_PLACE_OF_HASH] if isinstance(key, tuple) else key


def shown(ahead: Ahead, wants: Wanted, item: Item) -> "Reading | None":
    """Return a film's reading under the film's own name; None if it isn't read yet."""
    reading = ahead.reading(wants.key)
    if reading is None:
        return None
    decided = reading.decided_anyway() if wants.key in st.session_state.get(_OVERRIDDEN, ()) else reading
    # The readings are kept by content, and the same film may be here under two names.
    return replace(decided, name=item.film.name)


def decide_anyway(settings: Settings, wants: Wanted, film: Film, reading: "Reading") -> None:
    """Decide a film in spite of its warnings, as a person asked."""
    actions.note_override(settings, wants.model, film, reading, actor=ACTOR)
    st.session_state.setdefault(_OVERRIDDEN, set()).add(wants.key)
    st.rerun()  # the list of films shows the decision too


def thumbnail(item: Item, *, is_read: bool) -> str:
    """Return a film's thumbnail as a data URL; empty if the film isn't read yet, or can't be."""
    film = item.film
    if isinstance(film, Refused):
        return ""
    if item.copy is not None:
        make = partial(thumbnail_url, film.standard.pixels, item.copy.shape)
        return waiting.kept(_COPIES, (item.copy.shape, film.sha256), make, most=_MOST_THUMBNAILS)
    kept = waiting.results(_THUMBNAILS, _MOST_THUMBNAILS)
    if not is_read and not kept.has(film.sha256):
        return ""
    thumbnail: str = kept.take(film.sha256, partial(_thumbnail, film))
    return thumbnail


def picture(item: Item) -> bytes:
    """Return a film at its native resolution, as PNG for the browser.

    A dataset's copy is shown in the proportions of its film.

    Raises
    ------
    UnreadableImageError
        If the film can't be read.
    """
    film = item.film
    if isinstance(film, Refused):
        raise UnreadableImageError(film.why)
    if item.copy is not None:
        return stretched(film.standard.pixels, item.copy.shape)
    return waiting.kept(_PICTURES, film.sha256, partial(_as_png, film), most=_MOST_PICTURES)


def heatmaps(model: Model, film: Film, methods: tuple[str, ...]) -> "tuple[Heatmap, ...]":
    """Draw the heatmaps of a film, once per model; they are kept until the session ends.

    Raises
    ------
    HeatmapError
        If one can't be drawn.
    """
    with waiting.spinner("Drawing the heatmap") as place:
        make = partial(_drawn, waiting.reader(), model, film, methods, place)
        return waiting.kept(_MAPS, _map_key(model, film, methods), make, most=_MOST_MAPS)


def _ahead(settings: Settings) -> Ahead:
    if _AHEAD not in st.session_state:
        # The background knows no session, so it gets the places where the session keeps its results.
        reader, thumbnails = waiting.reader(), waiting.results(_THUMBNAILS, _MOST_THUMBNAILS)
        maps = waiting.results(_MAPS, _MOST_MAPS)
        pictures = waiting.results(_PICTURES, _MOST_PICTURES)
        st.session_state[_AHEAD] = Ahead(
            partial(_read, settings, reader, thumbnails), partial(_prepare, reader, maps, pictures)
        )
    ahead: Ahead = st.session_state[_AHEAD]
    return ahead


def _read(
    settings: Settings, reader: str, thumbnails: Once[str], films: Sequence[Wanted], on_place: OnPlace
) -> "Iterable[Reading]":
    """Read films of one model and one age, in the background."""
    from xraylab.app.loaded import loaded_for

    first = films[0]
    network = loaded_for(reader, first.model, on_place)
    batch = [wants.film for wants in films]
    for reading in actions.read_films(settings, network, batch, age=first.age, actor=ACTOR):
        if (film := reading.film) is not None:
            thumbnails.take(film.sha256, partial(_thumbnail, film))
            if len(thumbnails.keys()) > MOST_STANDARD:
                film.drop_pixels()
        yield replace(reading, film=None)  # the session keeps no film that was removed


def _prepare(
    reader: str, maps: "Once[tuple[Heatmap, ...]]", pictures: Once[bytes], wants: Wanted, reading: "Reading"
) -> None:
    """Prepare the next film's picture and heatmap, in the background."""
    film = wants.film
    if reading.refused is not None or isinstance(film, Refused):
        return
    from xraylab.reading.heatmap import DEFAULT

    # What fails here is said when the film is chosen.
    with contextlib.suppress(XRayLabError):
        pictures.take(film.sha256, partial(_as_png, film))
        methods = (DEFAULT,)
        maps.take(
            _map_key(wants.model, film, methods), partial(_drawn, reader, wants.model, film, methods, None)
        )
    film.drop_pixels()


def _drawn(
    reader: str, model: Model, film: Film, methods: tuple[str, ...], place: OnPlace | None
) -> "tuple[Heatmap, ...]":
    from xraylab.app.loaded import loaded_for
    from xraylab.reading.heatmap import heatmaps as draw

    return draw(loaded_for(reader, model, place), film.standard.pixels, methods)


def _map_key(model: Model, film: Film, methods: tuple[str, ...]) -> tuple[object, ...]:
    return model.card.model_sha256, film.sha256, methods


def _as_png(film: Film) -> bytes:
    return png(Image.fromarray(film.picture), compress_level=1)


def _thumbnail(film: Film) -> str:
    standard = film.standard
    return thumbnail_url(standard.pixels, ratio(standard.facts.width, standard.facts.height))


def _age(identity: str) -> float | None:
    """Return the age in years that the user typed for a film; None if unknown."""
    ages: dict[str, float | None] = st.session_state.get(_AGES, {})
    return ages.get(identity)


def ask_age(film: Film, *, children: bool) -> None:
    """Ask for the age of the child or adult on a film; a change has the film decided again."""
    key = f"age {film.sha256}"
    st.session_state.setdefault(key, _age(film.sha256))  # Streamlit drops it while another film is shown
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
