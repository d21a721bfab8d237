"""Documents of ``trail``, the record of what was done."""

from pydantic import Field

from xraylab.files import Record


class TrailEntry(Record):
    """One entry of the trail; its hash is that of its canonical JSON, see ``xraylab.chain``."""

    sequence: int
    at: str = Field(description="ISO 8601 in UTC, exactly as it was hashed.")
    actor: str = Field(description="The door: app, command line, Python or training.")
    account: str = Field(description="The account of the system or of the settings; empty if unknown.")
    subject: str = Field(description="Kind of thing: case, dataset, model, run, pair, film, trail or home.")
    action: str
    name: str | None = Field(description="Name of the model or dataset, or id of the run.")
    case: int | None = Field(description="Number of a kept case.")
    objects: dict[str, str] = Field(description="SHA-256 of each film, model or file, by its kind.")
    changed: str = Field(description="In words; never the text of a note, nor the name of a file.")
    origin: str = Field(description="Schema of an entry that an upgrade took into the chain, else empty.")
    previous: str = Field(description="SHA-256 of the entry before.")
    sha256: str
