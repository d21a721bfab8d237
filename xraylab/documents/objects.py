"""Documents of what can be managed: models, datasets, runs and cases, and what was deleted of them."""

from datetime import datetime

from pydantic import Field

from xraylab.files import Record


class ObjectRow(Record):
    """A model, dataset, run or case in a list, in the output of ``objects``."""

    kind: str = Field(description="model, dataset, run or case.")
    name: str = Field(description="By which commands know it: of a run its id, of a case its number.")
    title: str = Field(description="As people call it.")
    made_at: datetime
    bytes: int = Field(description="On the disk.")
    note: str = Field(default="", description="What a person wrote about it.")
    fixed: str | None = Field(
        default=None, description="Why it can be neither renamed nor deleted; null if it can."
    )


class Dependants(Record):
    """What depends on an object, as sentences."""

    kind: str
    name: str
    bytes: int
    refused: str | None = Field(description="Why it can't be deleted now; null if it can.")
    follows: list[str] = Field(description="What happens if it is deleted.")


class Removed(Record):
    """A deletion, in the output of ``delete``."""

    kind: str
    name: str
    bytes: int
    id: str | None = Field(description="By which it can be restored; null if it was deleted for good.")
    until: datetime | None = Field(description="Until when it can be restored; null if it can't.")
    follows: list[str] = Field(description="What happened with it, in sentences.")


class DeletedRow(Record):
    """Something that was deleted in the last day and can be restored, in the output of ``deleted``."""

    id: str
    kind: str
    name: str
    title: str
    bytes: int
    deleted_at: datetime
    until: datetime = Field(description="When it is removed for good.")
    actor: str
    account: str


class Renamed(Record):
    """A new name, in the output of ``rename``."""

    kind: str
    old: str
    name: str


class Noted(Record):
    """A note, in the output of ``note``."""

    kind: str
    name: str
    note: str


class Undeleted(Record):
    """Something that was restored, in the output of ``undelete``."""

    kind: str
    name: str
