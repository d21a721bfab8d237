"""
Manage what there is: list models, datasets, runs and cases with their size; rename them, and write notes.

- a rename moves a folder, and the object keeps a list of its earlier names: what names it by one of them
  still finds it, until something else gets that name
- each change is an entry of the trail first; the text of a note never is
"""

from xraylab import documents, marks, records, trail, trash
from xraylab.actions.dependants import uses_of, why_busy
from xraylab.actions.things import Thing, folder_of, kind_of, note_folder, room_of, thing, things
from xraylab.errors import InUseError, NameTakenError, NotFoundError
from xraylab.files import check_name
from xraylab.models import RESERVED_NAMES, Model
from xraylab.runs import removing, table
from xraylab.runs.run import ACTIVE, Run
from xraylab.settings import Settings
from xraylab.trash import KINDS, Kind


def list_objects(settings: Settings, kind: str | None = None) -> list[documents.ObjectRow]:
    """List what there is, with its size: everything, or one kind.

    Raises
    ------
    NotFoundError
        If there is no such kind.
    """
    kinds = KINDS if kind is None else (kind_of(kind),)
    return [_row(each) for one in kinds for each in things(settings, one)]


def disk_used(settings: Settings) -> dict[str, int]:
    """Return the bytes that each kind takes in the home, and what was deleted in the last day."""
    used = {
        f"{kind}s": sum(each.bytes for each in things(settings, kind) if each.fixed is None) for kind in KINDS
    }
    return used | {"deleted": trash.bytes_below(settings.trash)}


def dependants(settings: Settings, kind: str, name: str) -> documents.Dependants:
    """Return what depends on an object, and what happens if it is deleted.

    Raises
    ------
    NotFoundError
        If there is no such object.
    """
    found = thing(settings, kind, name)
    uses = uses_of(settings, found)
    return documents.Dependants(
        kind=found.kind, name=found.name, bytes=found.bytes, refused=uses.refused, follows=list(uses.follows)
    )


def rename_object(
    settings: Settings, kind: str, old: str, new: str, *, actor: str = trail.PYTHON
) -> documents.Renamed:
    """Give a model, dataset or run another name.

    Parameters
    ----------
    old : str
        Its present name; of a run its id.

    Raises
    ------
    NotFoundError
        If there is no such object, or cases are to be renamed.
    NameTakenError
        If the new name is invalid or taken.
    InUseError
        If a training or a check needs it at this moment, or it comes with XRayLab.
    StorageError
        If the home can't be written.
    """
    found = thing(settings, kind, old)
    if found.kind == "case":
        raise NotFoundError("A case has a number and no name, so it can't be renamed. Write a note instead.")
    if refused := found.fixed or why_busy(settings, found):
        raise InUseError(refused)
    _check_run(settings, found)
    if new != found.title:
        check_free(settings, "model" if found.kind == "run" else found.kind, new)
        with trail.entered(
            settings, found.kind, "renamed", actor=actor, name=old, objects=found.hashes, changed=f"to {new}"
        ):
            _rename(settings, found, new)
    return documents.Renamed(kind=found.kind, old=found.title, name=new)


def _check_run(settings: Settings, found: Thing) -> None:
    """Reject a run whose model is here: both have one name, which is the model's."""
    if not isinstance(found.of, Run) or found.of.state != "done":
        return
    models = [each.of for each in things(settings, "model")]
    if any(isinstance(model, Model) and model.card.run == found.name for model in models):
        raise InUseError(f"This run made the model “{found.title}”. Rename the model, and the run follows.")


def check_free(settings: Settings, kind: Kind, name: str) -> None:
    """Check that a name is valid and free.

    Raises
    ------
    NameTakenError
        If it isn't.
    """
    check_name(name, what=kind)
    if kind == "model":
        if name.lower() in RESERVED_NAMES:
            raise NameTakenError(f"“{name}” is reserved. Choose another name.")
        if any(run.name.lower() == name.lower() for run in table.list_runs(settings, states=ACTIVE)):
            raise NameTakenError(f"A training is making a model “{name}”. Choose another name.")
    if (room_of(settings, kind) / name).exists():
        raise NameTakenError(f"There is a {kind} “{name}” already. Choose another name.")


def _rename(settings: Settings, found: Thing, new: str) -> None:
    if found.kind == "run":
        removing.relabel(settings, found.name, name=new)
        return
    folder = folder_of(found)
    old = folder.name
    marks.write_names(folder, old, new)
    trash.move(folder, room_of(settings, found.kind) / new)
    _relabel_runs(settings, found, old, new)


def _relabel_runs(settings: Settings, found: Thing, old: str, new: str) -> None:
    """Let the runs that are over follow a rename: the one that made a model, and those that may go on."""
    for run in removing.over(settings):
        if found.kind == "dataset" and run.dataset == old:
            removing.relabel(settings, run.id, dataset=new)
        elif isinstance(found.of, Model) and found.of.card.run == run.id:
            removing.relabel(settings, run.id, name=new)
        elif found.kind == "model" and removing.first_weights(settings, run.id) == old:
            removing.relabel(settings, run.id, weights=new)


def note_object(
    settings: Settings, kind: str, name: str, note: str, *, actor: str = trail.PYTHON
) -> documents.Noted:
    """Write a note beside an object, or remove it by an empty one; the note of a case is in the case log.

    Raises
    ------
    NotFoundError
        If there is no such object.
    XRayLabError
        If the note is too long.
    StorageError
        If the home can't be written.
    """
    found = thing(settings, kind, name)
    if isinstance(found.of, records.Case):
        content = found.of.content
        call = None if content is None else content.call
        records.change(settings, found.of.number, call=call, note=note, actor=actor)
        return documents.Noted(kind=found.kind, name=name, note=_note_of(settings, int(name)))
    place = note_folder(found.of) if isinstance(found.of, Model) else folder_of(found)
    line = marks.tidy(note)
    if line != found.note:
        marks.check_note(line)
        # Only lengths: the trail can't be wiped, and a note may hold what has to be deleted later.
        changed = f"{len(found.note)} to {len(line)} characters"
        with trail.entered(
            settings, found.kind, "note", actor=actor, name=name, objects=found.hashes, changed=changed
        ):
            marks.write_note(place, line)
    return documents.Noted(kind=found.kind, name=name, note=line)


def _note_of(settings: Settings, number: int) -> str:
    content = records.find(settings, number).content
    return "" if content is None else content.note


def _row(each: Thing) -> documents.ObjectRow:
    return documents.ObjectRow(
        kind=each.kind,
        name=each.name,
        title=each.title,
        made_at=each.made_at,
        bytes=each.bytes,
        note=each.note,
        fixed=each.fixed,
    )
