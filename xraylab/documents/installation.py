"""Documents of ``doctor``, which checks an installation, and of ``backup`` and ``restore``."""

from datetime import datetime

from pydantic import Field

from xraylab.files import Record


class Check(Record):
    """One check of ``doctor``."""

    name: str
    ok: bool
    detail: str


class Doctor(Record):
    """The state of this installation."""

    ok: bool
    checks: list[Check]
    mended: list[str] = Field(default=[], description="What “--mend” mended, in sentences.")


class Backup(Record):
    """A backup that was just written."""

    file: str
    bytes: int
    sha256: str = Field(description="Of the archive; keep it elsewhere to recognise a changed backup.")
    members: int
    pixels: bool = Field(description="Whether the films of datasets are in it.")
    left_out: list[str] = Field(description="Kinds of files that no backup has, or this one hasn't.")


class Restored(Record):
    """A backup that was put in the place of the home."""

    home: str
    made_at: datetime = Field(description="When the backup was made.")
    version: str = Field(description="The XRayLab that made it.")
    members: int
    pixels: bool
    kept_aside: str | None = Field(description="Where the home that was there before is kept now.")
