"""
Films that a caller names: a path, bytes, or several of them.

- a folder is read whole and an archive is opened, as ``predict`` does it
- a wrong argument is rejected with a sentence before any weights are loaded
- films are handed on one by one, so that a generator of thousands of films needs little memory
"""

import os
from collections.abc import Iterable, Iterator, Sequence

from xraylab.data.intake import films_at, films_in
from xraylab.errors import NotFoundError, UnreadableImageError
from xraylab.imaging import Film, Refused

FilmSource = str | os.PathLike[str] | bytes  # the path of a file, folder or archive; or all bytes of a file

_BYTES = bytes | bytearray | memoryview
_WANTED = "Give the path of a film, folder or zip archive, the bytes of a file, or a list of these."


def is_single(films: object) -> bool:
    """Return whether the argument is one path or the bytes of one file, not a list."""
    return isinstance(films, str | os.PathLike | _BYTES)


def check_films(films: object) -> None:
    """Check all that can be checked before a model is loaded.

    Raises
    ------
    UnreadableImageError
        If the argument is neither a path, bytes nor an iterable, or an item of a list is no film.
    NotFoundError
        If a path doesn't exist, or the list is empty.
    """
    if is_single(films):
        _check(films, "This")
    elif isinstance(films, dict) or hasattr(films, "read") or not isinstance(films, Iterable):
        # An open file is iterable too, but by lines, which are no films.
        raise UnreadableImageError(
            f"A value of the type {type(films).__name__} can't be read as films. {_WANTED}"
        )
    elif isinstance(films, Sequence):
        # Only a sequence is looked through now: a generator would be used up.
        if not films:
            raise NotFoundError(f"The list of films is empty. {_WANTED}")
        for place, film in enumerate(films, 1):
            _check(film, f"Item {place} of the list")


def name_of_film(film: object, place: int | None = None) -> str:
    """Return what a film is called in its reading: its path, or ``<bytes>`` with its place in the list."""
    if isinstance(film, str | os.PathLike):
        return os.fsdecode(film)
    # Bytes have no name; the brackets keep this one from being taken for a file.
    return "<bytes>" if place is None else f"<bytes {place}>"


def files_of(films: object) -> Iterator[Film | Refused]:
    """Yield every file that the argument names, in order.

    Raises
    ------
    UnreadableImageError, NotFoundError
        As ``check_films``, when a generator comes to an item that is no film.
    """
    if is_single(films):
        yield from _files_of(films, name_of_film(films))
    elif isinstance(films, Iterable):
        for place, film in enumerate(films, 1):
            _check(film, f"Item {place} of the list")
            yield from _files_of(film, name_of_film(film, place))


def _files_of(film: object, name: str) -> Iterator[Film | Refused]:
    if isinstance(film, str | os.PathLike):
        yield from films_at(name)
    elif isinstance(film, _BYTES):
        yield from films_in(name, bytes(film))


def _check(film: object, subject: str) -> None:
    if not is_single(film):
        raise UnreadableImageError(f"{subject} is of the type {type(film).__name__}, not a film. {_WANTED}")
    # os.path, since Path.exists raises on a name that is too long for the disk, such as encoded bytes.
    if isinstance(film, str | os.PathLike) and not os.path.exists(film):  # noqa: PTH110
        raise NotFoundError(f"{name_of_film(film)} doesn't exist. Check the path.")
