"""Reading films: load a model, score files, write heatmaps and reports."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from xraylab import database, documents, trail
from xraylab.actions import film_reports
from xraylab.data.intake import films_at
from xraylab.errors import NotFoundError, StorageError
from xraylab.files import write_bytes, write_text
from xraylab.imaging import Film, Refused, prepare_to_decode
from xraylab.leftovers import sweep
from xraylab.models import Model, load_model
from xraylab.reports.film import DrawnHeatmap
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel
    from xraylab.reading.read import Reading

_LONGEST = 80  # bytes of a film's name that the name of its heatmap repeats
_log = logging.getLogger(__name__)
_NOT_IN_A_NAME = frozenset('<>:"/\\|?*')  # on Windows


def load_for_reading(settings: Settings, name: str) -> "LoadedModel":
    """Load a model's weights, ready to score.

    Raises
    ------
    NotFoundError
        If there is no such model.
    XRayLabError
        If its weights can't be used; see ``reading.loaded.load``.
    """
    prepare_to_decode()  # it takes less time than to load torch, which comes next
    from xraylab.reading.loaded import load
    from xraylab.training.device import use_threads

    use_threads(settings)
    return load(load_model(settings, name))


def read_films(
    settings: Settings,
    loaded: "LoadedModel",
    films: "Iterable[Film | Refused]",
    *,
    actor: str,
    age: float | None = None,
) -> "Iterator[Reading]":
    """Read films as ``reading.read_films`` does, each with its entry in the trail before it is shown.

    A home that may not be written keeps nothing, so it can't keep an entry either. Its films are read all the
    same, and the log says that they aren't in the trail.

    Yields
    ------
    Reading
        In order.

    Raises
    ------
    StorageError
        If an entry can't be written to a home that may be written.
    """
    from xraylab.reading.read import read_films as read

    kept = database.may_write(settings)
    if not kept:
        _log.warning("films are read without entries in the trail: the home may not be written")
    for reading in read(loaded, films, age=age):
        if kept and reading.film is not None:
            _enter(settings, loaded.model, reading.film, reading, "read", actor)
        yield reading


def read_at_age(
    settings: Settings, model: Model, film: Film, reading: "Reading", *, age: float | None, actor: str
) -> "Reading":
    """Read a film again at the age that a person stated, without the network, with an entry in the trail.

    Raises
    ------
    StorageError
        If an entry can't be written to a home that may be written.
    """
    from xraylab.reading.read import at_age

    again = at_age(model, film, reading, age)
    if database.may_write(settings):
        _enter(settings, model, film, again, "read", actor)
    return again


def note_override(settings: Settings, model: Model, film: Film, reading: "Reading", *, actor: str) -> None:
    """Write into the trail that a person decides a film in spite of its warnings.

    Raises
    ------
    StorageError
        If the entry can't be written; then the decision must not be shown.
    """
    _enter(settings, model, film, reading.decided_anyway(), "overridden", actor)


def _enter(settings: Settings, model: Model, film: Film, reading: "Reading", action: str, actor: str) -> None:
    threshold = "" if reading.threshold is None else f" at {reading.threshold!r}"
    trail.enter(
        settings,
        trail.FILM,
        action,
        actor=actor,
        name=model.name,
        # The film's hash alone: its name may be that of a patient.
        objects={"film": film.sha256, "model": model.card.model_sha256},
        changed=f"score {reading.score!r}, {reading.decision or 'no decision'}{threshold}",
    )


def predict(
    settings: Settings,
    name: str,
    paths: list[str],
    *,
    heatmaps: Path | None = None,
    age: float | None = None,
    report: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
    actor: str = trail.PYTHON,
) -> list[documents.Predicted]:
    """Score files, folders (with all below them) and archives.

    Parameters
    ----------
    name : str
        Of the model.
    paths : list of str
        Files, folders and zip archives.
    heatmaps : Path, optional
        Folder for an overlay of each film.
    age : float, optional
        Years, for all of the films; see ``read_films``.
    report : Path, optional
        Folder for a PDF of each film, named by the film's place in the list, and ``scores.csv``.
    on_progress : callable, optional
        Called with the number of files that are done.

    Returns
    -------
    list of Predicted
        One row per file, in order. A file that can't be read is a row with the reason.

    Raises
    ------
    NotFoundError
        If a path doesn't exist, or there is no such model.
    StorageError
        If heatmaps or reports can't be written.
    """
    _check_places(paths, heatmaps, report)
    loaded = load_for_reading(settings, name)  # a missing model is reported before any file is read
    reports = _Reports(loaded, report) if report is not None else None
    rows = []
    films = (film for path in paths for film in films_at(path))
    # Readings hold their files, so each is turned into its row before the next batch is read.
    for number, reading in enumerate(read_films(settings, loaded, films, age=age, actor=actor), 1):
        overlay = _overlay(loaded, reading) if heatmaps or reports else None
        drawn = _write_heatmap(overlay, reading, heatmaps, number) if heatmaps else None
        written = reports.write(overlay, reading, number) if reports else None
        rows.append(film_reports.predicted(reading, heatmap=drawn, report=written))
        if on_progress:
            on_progress(number)
    if report is not None:
        film_reports.note_scores(settings, loaded.model, len(rows), actor=actor)
        write_text(report / "scores.csv", film_reports.scores_csv(loaded.model, rows))
    return rows


def _check_places(paths: list[str], heatmaps: Path | None, report: Path | None) -> None:
    """Reject missing paths and folders that are files, before any film is scored."""
    for path in paths:
        if not Path(path).exists():
            raise NotFoundError(f"{path} doesn't exist. Check the path.")
    for folder, what in ((heatmaps, "heatmaps"), (report, "reports")):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise StorageError(f"{folder} is not a folder, so no {what} can go there. Name a folder.")
        if folder is not None:
            sweep(folder)  # it lies outside of the home, so no start sweeps it


class _Reports:
    """Writes a PDF per film."""

    def __init__(self, loaded: "LoadedModel", folder: Path) -> None:
        from xraylab.reading.read import usable_lock

        self._folder = folder
        # Computed once, since it is the same for every film.
        self._standing = film_reports.standing_of(loaded.model, usable_lock(loaded))

    def write(self, overlay: DrawnHeatmap | None, reading: "Reading", number: int) -> str | None:
        """Write a film's report; return its path, or None if the film was refused."""
        if reading.film is None:
            return None
        report = film_reports.film_report(self._standing, reading, reading.film, overlay=overlay)
        file = self._folder / f"{number:05d}.pdf"
        write_bytes(file, film_reports.film_pdf(report))
        return str(file)


def _overlay(loaded: "LoadedModel", reading: "Reading") -> DrawnHeatmap | None:
    """Draw a film's heatmap; return None if the film was refused."""
    if reading.film is None:
        return None
    from xraylab.reading.heatmap import heatmaps

    return film_reports.drawn_heatmap(
        heatmaps(loaded, reading.film.standard.pixels)[0], loaded.model.card.finding
    )


def _write_heatmap(overlay: DrawnHeatmap | None, reading: "Reading", target: Path, number: int) -> str | None:
    if overlay is None:
        return None
    # Numbered, since two films in different folders may have the same name.
    file = target / f"{number:05d}-{_in_a_name(Path(reading.name.rpartition('::')[2]).stem)}.png"
    write_bytes(file, overlay.png)
    return str(file)


def _in_a_name(stem: str) -> str:
    """Return as much of a film's name as can stand in a file's name on every system."""
    signs = (sign if sign.isprintable() and sign not in _NOT_IN_A_NAME else "_" for sign in stem)
    return "".join(signs).encode()[:_LONGEST].decode(errors="ignore")
