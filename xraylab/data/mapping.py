"""
Mapping: what a person corrects about the reading of a source, instead of renaming its files.

The same record is filled in on the Data screen and read from a file (``import --map map.json``). All that it
leaves out is recognised by looking.
"""

from collections import abc
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from xraylab.errors import DatasetError
from xraylab.files import Record
from xraylab.stored import read_file

SCHEMA: Literal["xraylab.map/1"] = "xraylab.map/1"
_Word = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
_Words = Annotated[tuple[_Word, ...], Field(max_length=1000)]


class Columns(Record):
    """Which columns of a table hold what; a column that isn't named here is found by its usual names."""

    model_config = ConfigDict(extra="forbid")

    path: _Word | None = Field(
        default=None, description="The film: a path, a file's name, or a UID of DICOM."
    )
    label: _Words = Field(default=(), description="One column of labels, or several columns of 0 and 1.")
    patient: _Word | None = None
    split: _Word | None = None
    age: _Word | None = Field(default=None, description="In years.")
    sex: _Word | None = None
    view: _Word | None = None
    reader: _Word | None = Field(
        default=None,
        description="Who read the film; a label counts if more than half of them gave it.",
    )


class Mapping(Record):
    """How to read a source; every field may be left out."""

    model_config = ConfigDict(extra="forbid")

    schema_: Literal["xraylab.map/1"] = Field(SCHEMA, alias="schema")
    finding: _Word | None = Field(default=None, description="Name of the finding, as in --finding.")
    present: _Words = Field(default=(), description="Labels that say that the finding is present.")
    absent: _Words = Field(default=(), description="Labels that say that it is absent; others are left out.")
    subtypes: _Words = Field(default=(), description="Labels among those of present that refine it.")
    rename: dict[_Word, _Word] = Field(
        default={}, description="Labels as the source writes them, each with the label that it means."
    )
    uncertain: Literal["present", "absent", "left out"] = Field(
        default="left out", description="What a -1 in a column of a label counts as."
    )
    splits: dict[_Word, Literal["train", "val", "test"] | None] = Field(
        default={}, description="Folders or values of the split column, each with its split; null for none."
    )
    label_folder: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description="Which folder is the label: 1 the one that holds the film, 2 the one above."
    )
    patient: _Word | None = Field(
        default=None,
        description="As --patient-key, or path:PATTERN for a pattern of the whole path with one group.",
    )
    manifest: _Word | None = Field(
        default=None, description="Path of the table in the source that names the films; `none` for no table."
    )
    columns: Columns = Columns()
    laterals: Literal["left out", "kept"] = "left out"


def read_mapping(path: Path) -> Mapping:
    """Read a mapping from a JSON file.

    Raises
    ------
    DatasetError
        If the file can't be read or holds anything else; the sentence names the first fault.
    """
    try:
        return mapping_of(read_file(path), f"The mapping {path.name}")
    except OSError as error:
        raise DatasetError(f"The mapping {path} can't be opened. Check its path.") from error


def mapping_of(fields: bytes | str | abc.Mapping[str, Any], called: str = "The mapping") -> Mapping:
    """Make a mapping of its fields, or of JSON.

    Raises
    ------
    DatasetError
        If it has other fields or values; the sentence names the first fault.
    """
    try:
        if isinstance(fields, bytes | str):
            return Mapping.model_validate_json(fields)
        return Mapping.model_validate(dict(fields))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise DatasetError(
            f"{called} can't be used: at {where}, {fault['msg']}. The guide “Bring your own films” lists its "
            "fields."
        ) from error
