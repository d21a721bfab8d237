"""
The shipped lock of a model, and the way back to it.

- a lock that a user made for a shipped model lies in the home and hides the shipped one
- to restore removes the user's lock, but never the record of an opening: with one, the shipped threshold is
  written into the home together with every opening
"""

from xraylab.errors import XRayLabError
from xraylab.files import remove_file, write_text
from xraylab.models.folder import LOCK_FILE, Model
from xraylab.models.lock_file import read_lock
from xraylab.models.schema import Lock


def replaced_here(model: Model) -> bool:
    """Return whether the home holds another operating point than the one that the model came with."""
    shipped, now = model.lock_as_made, model.lock
    if not model.shipped or shipped is None:
        return False
    return now is None or _cuts(now) != _cuts(shipped)


def asks_before_lock(model: Model) -> bool:
    """Return whether a new lock would replace the shipped one, which is worth a question."""
    return model.shipped and model.lock_as_made is not None and not replaced_here(model)


def restore_shipped_lock(model: Model) -> Lock:
    """Make the lock that a model came with valid again, and keep the record of its openings.

    Returns
    -------
    Lock
        The lock that is valid now. It is stamped as made after an opening if test results were seen in this
        home, because they may have led to the wish to restore it.

    Raises
    ------
    XRayLabError
        If the model didn't come with XRayLab, or came without a lock.
    StorageError
        If the home can't be written.
    """
    shipped = model.lock_as_made if model.shipped else None
    if shipped is None or model.kept is None:
        raise XRayLabError(
            f"“{model.name}” has no shipped threshold to restore. Only a model that comes with XRayLab "
            "has one."
        )
    file = model.kept / LOCK_FILE
    if not file.exists():
        return shipped
    own = read_lock(file)
    seen = set(own.opened_at) - set(shipped.opened_at) if own is not None else set()
    # A damaged lock may have known of an opening, so it counts as one.
    if own is not None and not seen:
        remove_file(file)
        return shipped
    openings = tuple(sorted({*shipped.opened_at, *seen}))
    # Openings at the user's own lock count for the restored one too, as they always did: they were seen here.
    opened = shipped.opened_here or bool(seen)
    restored = shipped.model_copy(
        update={"opened_at": openings, "after_opening": True, "opened": opened and bool(openings)}
    )
    write_text(file, restored.model_dump_json(indent=2))
    return restored


def _cuts(lock: Lock) -> tuple[float, float | None]:
    return lock.threshold, lock.review_from
