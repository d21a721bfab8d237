"""
The chain of the trail: each entry holds the SHA-256 of the one before it, and of itself.

- plain dictionaries in, plain values out: no database and no files, so that another program can repeat it
- the hash of an entry is that of its canonical JSON: all keys but ``sha256``, sorted, without spaces, UTF-8
- a changed, removed or inserted entry breaks the chain; an end that was cut off shows only against an anchor,
  a hash that was noted elsewhere
- it can't show that a person wrote the whole chain again, with the database and all anchors in reach
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SCHEMA = "xraylab.trail/1"
FIRST = "0" * 64  # stands for the hash before the first entry
SALVAGED = "salvaged"  # the action of an entry that accounts for the entries that a damaged file lost


def seal(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with its hash as ``sha256``; ``previous`` must be set already."""
    return {**entry, "sha256": hash_of(entry)}


def hash_of(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an entry's canonical JSON, without its own ``sha256``."""
    plain = {key: value for key, value in entry.items() if key != "sha256"} | {"schema": SCHEMA}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # A surrogate can't be UTF-8, but a name from a damaged file must not make an entry impossible.
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def from_case_trail(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return entries of the second schema's ``case_trail`` as links of a chain; ``origin`` marks them.

    Their hashes are made when they are taken in: they show no change from before that.
    """
    entries: list[dict[str, Any]] = []
    for row in rows:
        entry = {
            "sequence": len(entries) + 1,
            "at": datetime.fromtimestamp(row["at"], UTC).isoformat(timespec="microseconds"),
            "actor": row["actor"],
            "account": "",
            "subject": "case",
            "action": row["action"],
            "name": None,
            "case": row["case_number"],
            "objects": {},
            "changed": row["changed"],
            "origin": "0002",
            "previous": entries[-1]["sha256"] if entries else FIRST,
        }
        entries.append(seal(entry))
    return entries


@dataclass(frozen=True)
class Checked:
    """What a check of the chain found, in sentences."""

    entries: int
    last: str  # hash of the newest entry
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # gaps that a later entry accounts for


def check(entries: Iterable[Mapping[str, Any]], anchors: Iterable[tuple[int, str]] = ()) -> Checked:
    """Check every entry, its place in the chain, and the anchors.

    Parameters
    ----------
    entries : iterable of dict
        In the order of their ``sequence``.
    anchors : iterable of (int, str)
        Sequence numbers and hashes that were noted outside of the database.
    """
    chain = list(entries)
    salvaged = max((entry["sequence"] for entry in chain if entry["action"] == SALVAGED), default=0)
    faults: list[str] = []
    notes: list[str] = []
    before, last = FIRST, 0
    for entry in chain:
        number = entry["sequence"]
        if number != last + 1:
            (notes if number <= salvaged else faults).append(_gap(last + 1, number - 1, salvaged))
        elif entry["previous"] != before:
            faults.append(
                f"Entry {number} doesn't follow from the one before it: one of both was changed or inserted."
            )
        if hash_of(entry) != entry["sha256"]:
            faults.append(f"Entry {number} was changed: its content doesn't fit its hash.")
        before, last = entry["sha256"], number
    faults += _against(dict(anchors), {entry["sequence"]: entry["sha256"] for entry in chain}, last)
    return Checked(len(chain), before, tuple(faults), tuple(notes))


def _gap(first: int, last: int, salvaged: int) -> str:
    gap = f"Entry {first} is missing" if first == last else f"Entries {first} to {last} are missing"
    return f"{gap}; entry {salvaged} says that the database was damaged." if last < salvaged else f"{gap}."


def _against(anchors: Mapping[int, str], hashes: Mapping[int, str], last: int) -> list[str]:
    """Compare the chain with the hashes that were noted outside of it."""
    faults = [
        f"Entry {number} was written again: its hash was noted outside of the database, and is another now."
        for number, noted in sorted(anchors.items())
        if number in hashes and hashes[number] != noted
    ]
    newest = max(anchors, default=0)
    if newest > last:
        faults.append(f"The end is cut off: entry {newest} was written once, but the last one is {last}.")
    return faults
