"""The trail for people: list it, and export it as a file that shows its own chain."""

import json
from typing import Any

from xraylab import documents, trail
from xraylab.chain import SCHEMA
from xraylab.reports.tables import as_csv
from xraylab.settings import Settings


def trail_entries(settings: Settings) -> list[documents.TrailEntry]:
    """Return every entry of the trail, oldest first."""
    return [documents.TrailEntry(**entry.plain()) for entry in trail.entries(settings)]


def export_trail(settings: Settings, kind: str, *, actor: str = trail.PYTHON) -> str:
    """Return the whole trail as a file; this export is its last entry.

    Parameters
    ----------
    kind : str
        ``jsonl``, an object per line, whose hash is that of its canonical JSON without ``sha256``; or
        ``csv``.
    """
    trail.enter(settings, trail.TRAIL, "exported", actor=actor, changed=f"as {kind}")
    lines = [{"schema": SCHEMA, **entry.plain()} for entry in trail.entries(settings)]
    if kind == "csv":
        return as_csv(tuple(lines[0]), (map(_cell, line.values()) for line in lines))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _cell(value: Any) -> object:
    if isinstance(value, dict):
        return " ".join(f"{kind}:{digest}" for kind, digest in value.items())
    return value
