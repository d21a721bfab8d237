"""Read films: from what a caller names to results."""

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from typing import Any, overload

from xraylab import trail
from xraylab.actions import read_films, reading_model
from xraylab.data.entries import printable
from xraylab.errors import NotFoundError, UnreadableImageError
from xraylab.front import films as films_of_caller
from xraylab.front.films import FilmSource
from xraylab.front.readings import FilmReading, Readings, film_reading
from xraylab.front.results import Named, name_of
from xraylab.front.weights import weights_of
from xraylab.settings import Settings, load_settings

OnFilm = Callable[[int], None]


@overload
def read(
    films: bytes,
    model: str | Named | None = ...,
    *,
    age: float | None = ...,
    on_progress: OnFilm | None = ...,
    settings: Settings | None = ...,
) -> FilmReading: ...
@overload
def read(  # type: ignore[overload-overlap]  # a str is an iterable of str, too
    films: str | PathLike[str],
    model: str | Named | None = ...,
    *,
    age: float | None = ...,
    on_progress: OnFilm | None = ...,
    settings: Settings | None = ...,
) -> FilmReading | Any: ...  # Any: Readings for a folder or an archive, which only the disk tells
@overload
def read(
    films: Iterable[FilmSource],
    model: str | Named | None = ...,
    *,
    age: float | None = ...,
    on_progress: OnFilm | None = ...,
    settings: Settings | None = ...,
) -> Readings: ...
def read(
    films: FilmSource | Iterable[FilmSource],
    model: str | Named | None = None,
    *,
    age: float | None = None,
    on_progress: OnFilm | None = None,
    settings: Settings | None = None,
) -> FilmReading | Readings:
    """Read one film or several with a model: score, warnings, and the decision at the model's lock.

    Parameters
    ----------
    films : str, path-like, bytes, or an iterable of these
        A film as DICOM, PNG, JPEG, TIFF, BMP or WebP, by its path or as the bytes of its file. A folder is
        read whole, with the folders in it; a zip archive is opened.
    model : str or TrainedModel
        By default the model that was chosen to read films, else the ensemble that comes with XRayLab.
    age : float, optional
        Age of the patient in years, 0 to 120, the same for all films. The age in a file's tags is checked
        anyway.
    on_progress : callable, optional
        Called with the number of films read so far.
    settings : Settings, optional
        By default ``load_settings()``.

    Returns
    -------
    FilmReading or Readings
        ``FilmReading`` for one film. ``Readings``, a sequence in the order of the films, for a list, a
        folder or an archive. A file in a sequence that can't be read has a reading whose ``refused`` says
        why. Pass a list to get a sequence in any case.

    Raises
    ------
    UnreadableImageError
        If the only film can't be read, or an argument is no film at all, such as an array.
    NotFoundError
        If a path or the model doesn't exist, or there is no film: the list or the folder is empty.
    ValueError
        If ``age`` is outside [0, 120].

    Examples
    --------
    >>> reading = xraylab.read("film.png")  # doctest: +SKIP
    >>> reading.score, reading.decision, reading.heatmap()  # doctest: +SKIP
    >>> xraylab.read(["a.png", "b.dcm"]).frame()  # doctest: +SKIP
    """
    if age is not None and not 0 <= age <= 120:  # noqa: PLR2004 - years of a human life
        raise ValueError(f"age is {age}; it must lie in [0, 120] years")
    films_of_caller.check_films(films)
    known = settings or load_settings()
    name = reading_model(known) if model is None else name_of(model)
    readings = tuple(_readings(films, name, age, on_progress, known))
    if not readings:
        raise NotFoundError("There is no film to read: the folder or the list is empty.")
    # The files in a folder or an archive have names of their own, longer than what the caller gave.
    alone = films_of_caller.is_single(films) and readings[0].file == printable(
        films_of_caller.name_of_film(films)
    )
    if not alone:
        # One bad file among thousands must not end the reading, so it is a row that says why.
        return Readings(readings, name)
    if readings[0].refused is not None:
        raise UnreadableImageError(f"{readings[0].file} can't be read. {readings[0].refused}")
    return readings[0]


def _readings(
    films: FilmSource | Iterable[FilmSource],
    name: str,
    age: float | None,
    on_progress: OnFilm | None,
    settings: Settings,
) -> Iterator[FilmReading]:
    # Torch is loaded here, after every check that doesn't need it.
    from xraylab.reading.read import usable_lock

    weights = weights_of(settings, name)
    loaded = weights.loaded()
    lock = usable_lock(loaded)  # a lock that was made for other weights decides nothing
    readings = read_films(settings, loaded, films_of_caller.files_of(films), age=age, actor=trail.PYTHON)
    for done, reading in enumerate(readings, 1):
        yield film_reading(reading, loaded.model, lock, weights)
        if on_progress:
            on_progress(done)
