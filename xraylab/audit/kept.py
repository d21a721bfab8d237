"""The last audit of a dataset, kept in its folder until the dataset is replaced (``audit.json``)."""

import contextlib
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, ValidationError

from xraylab.audit.found import Found
from xraylab.data.datasets import Dataset
from xraylab.errors import StorageError
from xraylab.files import Record, write_text
from xraylab.stored import Moment, read_file

_MOST = 100  # findings; a version has one for each check


class Audit(Record):
    """What an audit found, and when."""

    schema_: Literal["xraylab.audit/1"] = Field("xraylab.audit/1", alias="schema")
    at: Moment
    findings: tuple[Found, ...] = Field(max_length=_MOST)


def keep(dataset: Dataset, findings: list[Found]) -> Audit:
    """Keep what an audit found; a disk that can't be written to loses nothing but the copy."""
    audit = Audit(at=datetime.now(UTC), findings=tuple(findings))
    with contextlib.suppress(StorageError):
        write_text(dataset.folder / "audit.json", audit.model_dump_json(by_alias=True, indent=2))
    return audit


def last_audit(dataset: Dataset) -> Audit | None:
    """Return the last audit of a dataset; None if none can be read, so that it is made again."""
    try:
        return Audit.model_validate_json(read_file(dataset.folder / "audit.json"))
    except (OSError, ValidationError):
        return None
