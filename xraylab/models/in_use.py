"""
The model that reads films: the one that somebody chose, never the newest.

- the choice is stored in the home with the hash of the weights, so that it outlives sessions and restarts
- without a choice the shipped ensemble reads, else another shipped model, else the first model made here
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, ValidationError

from xraylab.files import Record, write_text
from xraylab.models.folder import Model
from xraylab.models.shelf import list_models
from xraylab.settings import Settings
from xraylab.stored import Label, Moment, read_file

_FILE = "reads.json"


class ChosenToRead(Record):
    """The model that somebody chose to read films (``reads.json`` in the home)."""

    schema_: Literal["xraylab.reads/1"] = Field("xraylab.reads/1", alias="schema")
    model: Label
    model_sha256: Label
    chosen_at: Moment
    actor: Label

    def means(self, model: Model) -> bool:
        """Return whether this choice was made for a model with its present weights."""
        # Other names too: it may have been renamed, or a shipped one may have got its name.
        return self.model_sha256 == model.card.model_sha256 and self.model in model.names


def model_that_reads(settings: Settings, models: list[Model] | None = None) -> Model | None:
    """Return the model that reads films; None if there is no model.

    Parameters
    ----------
    models : list of Model, optional
        The models that there are, as ``list_models`` returns them.
    """
    known = list_models(settings) if models is None else models
    chosen = chosen_to_read(settings)
    for model in known:
        # Other weights under the same name were not chosen: a training may have replaced the model.
        if chosen is not None and chosen.means(model):
            return model
    # The list has the newest model first. The oldest is taken, so that a training changes nothing here.
    return next((model for model in known if model.shipped), known[-1] if known else None)


def chosen_to_read(settings: Settings) -> ChosenToRead | None:
    """Return the stored choice; None if nobody chose, or the file is damaged."""
    try:
        return ChosenToRead.model_validate_json(read_file(settings.home / _FILE))
    except (OSError, ValidationError):
        return None


def choose_to_read(settings: Settings, model: Model, *, actor: str) -> ChosenToRead:
    """Store that a model reads films from now on.

    Raises
    ------
    StorageError
        If the home can't be written.
    """
    chosen = ChosenToRead(
        model=model.name, model_sha256=model.card.model_sha256, chosen_at=datetime.now(UTC), actor=actor
    )
    write_text(settings.home / _FILE, chosen.model_dump_json(indent=2) + "\n")
    return chosen
