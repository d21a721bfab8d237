"""
The things a person keeps here, all of one shape: models, datasets, runs and cases.

- a thing is known by its exact name: an earlier name finds a model to read with, never one to delete
- a folder that can't be read is a thing too, because it takes room and may be deleted
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from xraylab import records
from xraylab.data import datasets
from xraylab.data.datasets import DatasetInfo
from xraylab.errors import NotFoundError
from xraylab.marks import read_note
from xraylab.models import Model, list_models
from xraylab.runs import folder, table
from xraylab.runs.run import Run
from xraylab.settings import Settings
from xraylab.trash import KINDS, Kind, bytes_below

_SHIPPED = "“{}” comes with XRayLab, so it can be neither renamed nor deleted."


@dataclass(frozen=True)
class Thing:
    """A model, dataset, run or case."""

    kind: Kind
    name: str  # by which commands know it
    title: str  # as people call it
    made_at: datetime
    folder: Path | None  # None for a case without a picture
    note: str
    fixed: str | None = None  # why it can be neither renamed nor deleted
    hashes: Mapping[str, str] = field(default_factory=dict)  # for the trail
    originals: Path | None = None  # films that XRayLab drew for it
    of: Model | DatasetInfo | Run | records.Case | None = None  # None for a folder that can't be read

    @property
    def bytes(self) -> int:
        """Bytes that it takes on the disk."""
        return sum(bytes_below(place) for place in (self.folder, self.originals) if place is not None)


def things(settings: Settings, kind: Kind) -> list[Thing]:
    """Return all things of a kind, newest first."""
    return _LISTS[kind](settings)


def thing(settings: Settings, kind: str, name: str) -> Thing:
    """Return one thing.

    Raises
    ------
    NotFoundError
        If there is no such kind, or nothing of this name.
    """
    known = things(settings, kind_of(kind))
    match = next((each for each in known if each.name == name), None)
    if match is None:
        names = ", ".join(each.name for each in known[:20]) or "none yet"
        raise NotFoundError(f"There is no {kind} “{name}”. There are: {names}.")
    return match


def kind_of(word: str) -> Kind:
    """Return a kind by its name.

    Raises
    ------
    NotFoundError
        If there is no such kind.
    """
    for kind in KINDS:
        if word == kind:
            return kind
    raise NotFoundError(f"“{word}” is no kind of thing. Choose one of {', '.join(KINDS)}.")


def room_of(settings: Settings, kind: Kind) -> Path:
    """Return the folder in which things of a kind lie under their names."""
    return {"model": settings.models, "dataset": settings.datasets, "run": settings.runs}.get(
        kind, settings.cases
    )


def _models(settings: Settings) -> list[Thing]:
    found = [
        Thing(
            "model",
            model.name,
            model.name,
            model.card.created_at,
            model.folder,
            read_note(note_folder(model)),
            fixed=_SHIPPED.format(model.name) if model.shipped else None,
            hashes={"model": model.card.model_sha256},
            of=model,
        )
        for model in list_models(settings)
    ]
    return found + _unreadable(settings, "model", "card.json", found)


def note_folder(model: Model) -> Path:
    """Return the folder that keeps the note of a model: for a shipped one, where its lock is kept."""
    return model.kept or model.folder


def _datasets(settings: Settings) -> list[Thing]:
    found = [
        Thing(
            "dataset",
            info.name,
            info.name,
            info.created_at,
            settings.datasets / info.name,
            read_note(settings.datasets / info.name),
            hashes={"pixels": info.pixel_hash},
            originals=drawn_films(settings, info.source),
            of=info,
        )
        for info in datasets.list_datasets(settings)
    ]
    return found + _unreadable(settings, "dataset", "dataset.json", found)


def drawn_films(settings: Settings, source: str) -> Path | None:
    """Return the folder of the films that XRayLab drew for a dataset; None for films of other sources."""
    place = Path(source)
    drawn = settings.home / "phantoms"
    return place if place.parent == drawn and place.is_dir() and not place.is_symlink() else None


def folder_of(found: Thing) -> Path:
    """Return the folder of a thing that isn't a case.

    Raises
    ------
    NotFoundError
        If it has none.
    """
    if found.folder is None:
        raise NotFoundError(f"{found.title} has no folder.")
    return found.folder


def _unreadable(settings: Settings, kind: Kind, record: str, found: list[Thing]) -> list[Thing]:
    known = {each.folder for each in found}
    places = (file.parent for file in sorted(room_of(settings, kind).glob(f"*/{record}")))
    return [
        Thing(kind, place.name, place.name, _changed(place), place, read_note(place))
        for place in places
        if place not in known and not place.name.startswith(".")
    ]


def _changed(place: Path) -> datetime:
    return datetime.fromtimestamp(place.stat().st_mtime, UTC)


def _runs(settings: Settings) -> list[Thing]:
    return [
        Thing(
            "run",
            run.id,
            run.name,
            run.created_at,
            folder.path(settings, run.id),
            read_note(folder.path(settings, run.id)),
            of=run,
        )
        for run in table.list_runs(settings)
    ]


def _cases(settings: Settings) -> list[Thing]:
    return [
        Thing(
            "case",
            str(case.number),
            f"Case {case.number}",
            case.made_at,
            settings.cases / str(case.number) if case.pixels_kept else None,
            case.content.note,
            of=case,
        )
        for case in reversed(records.all_cases(settings))
        if case.content is not None
    ]


_LISTS: dict[Kind, Callable[[Settings], list[Thing]]] = {
    "model": _models,
    "dataset": _datasets,
    "run": _runs,
    "case": _cases,
}
