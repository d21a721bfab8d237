"""
Delete models, datasets, runs and cases, and restore them within a day (``xraylab.trash``).

- the entry of the trail comes first, then the record in the trash, then the folder moves by one rename
- only a person who says so deletes for good at once
"""

from pathlib import Path

from xraylab import documents, marks, records, trail, trash
from xraylab.actions.dependants import uses_of
from xraylab.actions.objects import check_free
from xraylab.actions.things import Thing, drawn_films, folder_of, kind_of, room_of, thing, things
from xraylab.data import datasets
from xraylab.errors import InUseError, NotFoundError, StorageError
from xraylab.leftovers import Swept
from xraylab.runs import removing
from xraylab.settings import Settings
from xraylab.trash import Deleted

_KEPT, _FOR_GOOD = "kept for a day", "for good"


def delete_object(
    settings: Settings, kind: str, name: str, *, for_good: bool = False, actor: str = trail.PYTHON
) -> documents.Removed:
    """Delete an object; for a day it can be restored.

    Parameters
    ----------
    for_good : bool
        Whether it goes at once, with nothing to restore.

    Raises
    ------
    NotFoundError
        If there is no such object.
    InUseError
        If something needs it now, or it comes with XRayLab; the message says what to do.
    StorageError
        If it can't be moved or removed.
    """
    found = thing(settings, kind, name)
    uses = uses_of(settings, found)
    if uses.refused is not None:
        raise InUseError(uses.refused)
    size = found.bytes
    deleted = None
    if for_good:
        _delete_for_good(settings, found, actor)
    else:
        deleted = _delete(settings, found, actor)
    return documents.Removed(
        kind=found.kind,
        name=name,
        bytes=size,
        id=deleted.id if deleted else None,
        until=deleted.until if deleted else None,
        follows=list(uses.follows),
    )


def delete_failed_runs(settings: Settings, *, actor: str = trail.PYTHON) -> list[documents.Removed]:
    """Delete every run that failed; each can be restored for a day."""
    failed = [run.id for run in removing.over(settings) if run.state == "failed"]
    return [delete_object(settings, "run", run_id, actor=actor) for run_id in failed]


def _delete(settings: Settings, found: Thing, actor: str) -> Deleted:
    if isinstance(found.of, records.Case):
        deleted = trash.keep(settings, _new(settings, found, actor), copy_of=found.folder)
        try:
            records.delete(settings, found.of.number, actor=actor, changed=f"content {_KEPT}")
        except BaseException:
            trash.drop(settings, deleted)
            raise
        return deleted
    with trail.entered(
        settings, found.kind, "deleted", actor=actor, name=found.name, objects=found.hashes, changed=_KEPT
    ):
        deleted = trash.keep(settings, _new(settings, found, actor))
        _take(settings, found, lambda folder: trash.move_in(settings, deleted, folder))
    return deleted


def _new(settings: Settings, found: Thing, actor: str) -> trash.New:
    facts = {}
    if isinstance(found.of, records.Case):
        facts = records.facts_of(found.of)
    elif found.kind == "run":
        facts = removing.facts_of(settings, found.name)
    elif found.originals is not None:
        facts = {"source": str(found.originals)}
    name = found.name if found.kind in ("run", "case") else folder_of(found).name
    return trash.New(
        kind=found.kind,
        name=name,
        title=found.title,
        actor=actor,
        account=trail.account_of(settings),
        bytes=found.bytes,
        facts=facts,
    )


def _take(settings: Settings, found: Thing, move: removing.Move) -> None:
    if found.kind == "run":
        removing.remove(settings, found.name, move)
    else:
        move(folder_of(found))


def _delete_for_good(settings: Settings, found: Thing, actor: str) -> None:
    if isinstance(found.of, records.Case):
        records.delete(settings, found.of.number, actor=actor)
        for deleted in trash.listed(settings):  # of an earlier deletion that was undone or cut off
            if (deleted.kind, deleted.name) == ("case", found.name):
                trash.drop(settings, deleted)
        return
    with trail.entered(
        settings, found.kind, "deleted", actor=actor, name=found.name, objects=found.hashes, changed=_FOR_GOOD
    ):
        _take(settings, found, trash.remove_folder)
        _remove_drawn(settings, found.originals)


def list_deleted(settings: Settings) -> list[documents.DeletedRow]:
    """List what was deleted in the last day and can be restored, newest first; remove what is older."""
    sweep_trash(settings)
    return [
        documents.DeletedRow(
            id=deleted.id,
            kind=deleted.kind,
            name=deleted.name,
            title=deleted.title or deleted.name,
            bytes=deleted.bytes,
            deleted_at=deleted.deleted_at,
            until=deleted.until,
            actor=deleted.actor,
            account=deleted.account,
        )
        for deleted in _restorable(settings)
    ]


def _restorable(settings: Settings) -> list[Deleted]:
    listed, present = trash.listed(settings), set[str]()
    if any(deleted.kind == "case" for deleted in listed):
        # A kill between the copy and the deletion leaves the case where it was.
        present = {each.name for each in things(settings, "case")}
    newest = {deleted.name: deleted for deleted in reversed(listed) if deleted.kind == "case"}
    return [
        deleted
        for deleted in listed
        if deleted.kind != "case" or (deleted.name not in present and deleted == newest[deleted.name])
    ]


def restore_object(
    settings: Settings, deleted_id: str, *, name: str | None = None, actor: str = trail.PYTHON
) -> documents.Undeleted:
    """Put something back that was deleted in the last day.

    Parameters
    ----------
    deleted_id : str
        As ``list_deleted`` gives it.
    name : str, optional
        Another name, for a model or dataset whose name was taken meanwhile.

    Raises
    ------
    NotFoundError
        If it isn't there any more.
    NameTakenError
        If its name was taken meanwhile; give another one.
    StorageError
        If it can't be put back.
    """
    deleted = _deleted(settings, deleted_id)
    if deleted.kind == "case":
        picture = trash.content_of(settings, deleted)
        records.restore(settings, int(deleted.name), deleted.facts, picture=picture, actor=actor)
    else:
        new = name if name and deleted.kind != "run" else deleted.name
        if deleted.kind != "run":
            check_free(settings, deleted.kind, new)
        changed = f"as {new}" if new != deleted.name else ""
        with trail.entered(
            settings, deleted.kind, "restored", actor=actor, name=deleted.name, changed=changed
        ):
            _put_back(settings, deleted, new)
    trash.drop(settings, deleted)
    return documents.Undeleted(kind=deleted.kind, name=name or deleted.name)


def _put_back(settings: Settings, deleted: Deleted, new: str) -> None:
    if deleted.kind == "run":
        removing.put_back(settings, deleted.facts, lambda target: trash.move_out(settings, deleted, target))
        return
    if new != deleted.name:
        marks.write_names(trash.content_of(settings, deleted), deleted.name, new)
    trash.move_out(settings, deleted, room_of(settings, deleted.kind) / new)


def remove_deleted(settings: Settings, deleted_id: str, *, actor: str = trail.PYTHON) -> None:
    """Remove something for good that was deleted in the last day.

    Raises
    ------
    NotFoundError
        If it isn't there any more.
    StorageError
        If it can't be removed.
    """
    deleted = _deleted(settings, deleted_id)
    case = {"case": int(deleted.name)} if deleted.kind == "case" else {"name": deleted.name}
    with trail.entered(settings, deleted.kind, "deleted", actor=actor, changed=_FOR_GOOD, **case):
        trash.drop(settings, deleted)
        _remove_drawn(settings, _source(settings, deleted))


def find_deleted(settings: Settings, kind: str, name: str) -> str:
    """Return the id of the newest deleted object of a kind and name.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    for deleted in _restorable(settings):
        if deleted.kind == kind_of(kind) and name in (deleted.name, deleted.title):
            return deleted.id
    raise NotFoundError(f"No {kind} “{name}” was deleted in the last day.")


def _deleted(settings: Settings, deleted_id: str) -> Deleted:
    match = next((deleted for deleted in _restorable(settings) if deleted.id == deleted_id), None)
    if match is None:
        raise NotFoundError("This was restored already, or removed for good after a day.")
    return match


def sweep_trash(settings: Settings) -> Swept:
    """Remove what was deleted more than a day ago, and finish what a killed process began."""
    known = trash.records(settings)
    if known and settings.database.exists():
        for deleted in known:
            if deleted.kind == "run":
                there = trash.content_of(settings, deleted).is_dir()
                removing.settle(settings, deleted.facts, deleted=there)
    swept, gone = trash.sweep(settings)
    for deleted in gone:
        _remove_drawn(settings, _source(settings, deleted))
    return swept


def _source(settings: Settings, deleted: Deleted) -> Path | None:
    source = deleted.facts.get("source")
    return drawn_films(settings, source) if deleted.kind == "dataset" and isinstance(source, str) else None


def _remove_drawn(settings: Settings, films: Path | None) -> None:
    """Remove films that were drawn for a dataset, unless another dataset refers to them."""
    if films is None:
        return
    others = {Path(info.source) for info in datasets.list_datasets(settings)}
    others |= {source for each in trash.listed(settings) if (source := _source(settings, each))}
    if films not in others:
        try:
            trash.remove_folder(films)
        except StorageError:  # they can be drawn again, and only take room
            return
