"""
The trail: who did what and when, as a chain of entries that nobody can change unseen.

- an entry has a number, the time in UTC, the door (app, command line, Python), the account, the action, and
  the hashes of the films and models that it concerns; never a file's name, which may name a patient
- an entry comes first: an action whose entry can't be written fails before its effect is visible, so an
  entry may stand without its effect (a second one says that it failed), but no effect without its entry
- the newest hash is noted in ``trail-anchors.jsonl`` too, so that an end that was cut off can be seen
"""

import contextlib
import getpass
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from xraylab import database
from xraylab.chain import FIRST, hash_of
from xraylab.errors import StorageError
from xraylab.files import append_line, read_lines
from xraylab.settings import Settings

PYTHON = "Python"  # the door of code that names no other
CASE, DATASET, MODEL, PAIR, FILM, TRAIL, HOME = "case", "dataset", "model", "pair", "film", "trail", "home"
RUN = "run"
_ANCHORS = "trail-anchors.jsonl"
_LONGEST = 64  # characters of an account's name


@dataclass(frozen=True)
class Entry:
    """One entry of the trail."""

    subject: str  # what kind of thing it concerns: case, dataset, model, run, pair, film, trail or home
    action: str
    actor: str  # the door: app, command line, Python or training
    at: datetime
    name: str | None = None  # of the model or dataset
    case: int | None = None  # number of a kept case
    objects: Mapping[str, str] = field(default_factory=dict)  # kinds of things, each with its SHA-256
    changed: str = ""  # in words; never the text of a note
    account: str = ""  # of the system, or as the settings name it; empty if it isn't known
    origin: str = ""  # the schema of an entry that an upgrade took into the chain; empty for all others
    sequence: int = 0
    previous: str = ""
    sha256: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the entry as JSON values; its hash is that of these, without ``sha256``."""
        return asdict(self) | {
            "at": self.at.isoformat(timespec="microseconds"),
            "objects": dict(self.objects),
        }


@contextlib.contextmanager
def writing(settings: Settings) -> Iterator[Connection]:
    """Open a transaction in which ``add`` can write entries, and anchor them when it has ended.

    Raises
    ------
    StorageError
        As ``database.writing``.
    """
    with database.writing(settings) as db:
        db.info["account"], entries = account_of(settings), db.info.setdefault("entries", [])
        yield db
    if entries:
        newest = {"schema": "xraylab.anchor/1", **{key: entries[-1][key] for key in ("sequence", "sha256")}}
        # The entry itself is safe by now, and the next one anchors the chain again.
        with contextlib.suppress(StorageError, OSError):
            append_line(settings.home / _ANCHORS, newest)


def add(
    db: Connection,
    subject: str,
    action: str,
    *,
    actor: str,
    name: str | None = None,
    case: int | None = None,
    objects: Mapping[str, str] | None = None,
    changed: str = "",
    now: float | None = None,
    after: int = 0,
) -> int:
    """Write an entry at the end of the chain; return its sequence number.

    Parameters
    ----------
    db : Connection
        Of ``writing``, which holds the write lock, so that no other entry comes in between.
    now : float, optional
        Unix seconds; by default the clock's time. The order of entries is that of their numbers.
    after : int
        A number that was used before and lost; the entry gets a higher one, so that the gap can be seen.
    """
    last = db.execute(select(database.trail).order_by(database.trail.c.sequence.desc()).limit(1)).first()
    entry = Entry(
        subject=subject,
        action=action,
        actor=actor,
        at=datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC),
        name=name,
        case=case,
        objects=objects or {},
        changed=changed,
        account=db.info["account"],
        sequence=max(after, 0 if last is None else last.sequence) + 1,
        previous=FIRST if last is None else last.sha256,
    )
    row = {**entry.plain(), "sha256": hash_of(entry.plain())}
    db.execute(insert(database.trail).values(row | {"objects": json.dumps(row["objects"], sort_keys=True)}))
    db.info["entries"].append(row)
    return entry.sequence


def enter(settings: Settings, subject: str, action: str, *, actor: str, **facts: Any) -> int:
    """Write one entry in a transaction of its own; return its sequence number.

    Parameters
    ----------
    **facts
        As for ``add``.

    Raises
    ------
    StorageError
        If it can't be written; the caller must not go on then.
    """
    with writing(settings) as db:
        return add(db, subject, action, actor=actor, **facts)


@contextlib.contextmanager
def entered(settings: Settings, subject: str, action: str, *, actor: str, **facts: Any) -> Iterator[None]:
    """Write an entry before a block, and another if the block fails.

    Raises
    ------
    StorageError
        If the first entry can't be written; then the block doesn't run.
    """
    number = enter(settings, subject, action, actor=actor, **facts)
    try:
        yield
    except BaseException:
        with contextlib.suppress(StorageError):  # the error of the block matters more
            enter(settings, subject, "failed", actor=actor, changed=f"entry {number}: {action}")
        raise


def entries(settings: Settings, *, subject: str | None = None) -> list[Entry]:
    """Return the entries in the order of the chain: all, or those on one kind of thing."""
    query = select(database.trail).order_by(database.trail.c.sequence)
    if subject is not None:
        query = query.where(database.trail.c.subject == subject)
    with database.reading(settings) as db:
        return [entry_of(dict(row)) for row in db.execute(query).mappings()]


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Turn a row of the table into an entry."""
    return Entry(**{**row, "at": datetime.fromisoformat(row["at"]), "objects": json.loads(row["objects"])})


def anchors(settings: Settings) -> list[tuple[int, str]]:
    """Return the sequence numbers and hashes that were noted outside of the database, oldest first."""
    return [
        (line["sequence"], line["sha256"])
        for line in read_lines(settings.home / _ANCHORS)
        if isinstance(line.get("sequence"), int) and isinstance(line.get("sha256"), str)
    ]


def account_of(settings: Settings) -> str:
    """Return the account that acts: the one in the settings, by default that of the system."""
    name = settings.account
    if not name:
        # A container may run under a number that has no account.
        with contextlib.suppress(OSError, KeyError, ImportError):
            name = getpass.getuser()
    return "".join(sign for sign in name if sign.isprintable())[:_LONGEST]
