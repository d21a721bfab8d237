"""
The audit of a dataset, kept in its folder until the dataset is replaced (``audit.json``).

- results are added one by one: each replaces the earlier one of its check, and all others stay
- an audit names the import that it is about, so that one of replaced films is never shown for their successor
"""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, ValidationError

from xraylab.audit.checks import worst_first
from xraylab.audit.found import Found
from xraylab.audit.naive import Naive
from xraylab.data.datasets import Dataset
from xraylab.errors import StorageError
from xraylab.files import Record, write_text
from xraylab.stored import Moment, read_file

_MOST = 100  # findings; a version has one for each check


class Audit(Record):
    """What an audit found, and when."""

    schema_: Literal["xraylab.audit/1"] = Field("xraylab.audit/1", alias="schema")
    at: Moment
    imported_at: Moment | None = None  # of the dataset; older versions didn't note it
    findings: tuple[Found, ...] = Field(max_length=_MOST)
    naive: Naive | None = None  # if it was asked for


def keep(dataset: Dataset, findings: Iterable[Found] = (), naive: Naive | None = None) -> Audit:
    """Add what was found to the audit of a dataset.

    A disk that can't be written to loses nothing but the copy, and a dataset that was removed or replaced
    meanwhile keeps nothing of it.
    """
    before = last_audit(dataset)
    results = {found.check: found for found in (before.findings if before else ())}
    results |= {found.check: found for found in findings}
    audit = Audit(
        at=datetime.now(UTC),
        imported_at=dataset.info.created_at,
        findings=tuple(worst_first(results.values())),
        naive=naive or (before.naive if before else None),
    )
    if dataset.still_there:
        with contextlib.suppress(StorageError):
            write_text(dataset.folder / "audit.json", audit.model_dump_json(by_alias=True, indent=2))
    return audit


def last_audit(dataset: Dataset) -> Audit | None:
    """Return the audit of a dataset; None if none can be read, so that it is made again."""
    try:
        audit = Audit.model_validate_json(read_file(dataset.folder / "audit.json"))
    except (OSError, ValidationError):
        return None
    return audit if audit.imported_at in (None, dataset.info.created_at) else None
