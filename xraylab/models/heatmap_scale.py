"""
The scale of a model's heatmaps (``scale.json`` in its folder), so that all its films are coloured alike.

- per network and method: the strength that full colour stands for, measured on validation positives
- beside it, whether the maps depend on what was learnt: their likeness to maps of a network with random
  weights; an ensemble has neither of its own, its members do
- models of earlier versions have no such file; their maps are coloured up to their own maximum
"""

from typing import Literal

from pydantic import Field, ValidationError

from xraylab.files import Record
from xraylab.models.folder import Model

SCALE_FILE = "scale.json"
QUANTILE = 0.99  # of the raw maps' cells on validation positives


class MapScale(Record):
    """What full colour means in the heatmaps of one network."""

    schema_: Literal["xraylab.scale/1"] = Field("xraylab.scale/1", alias="schema")
    model_sha256: str
    films: int = Field(ge=1, description="Validation films with pneumonia that it was measured on.")
    quantile: float = Field(gt=0, lt=1)
    strongest: dict[str, float] = Field(
        description="By method, that quantile of its raw maps' cells; a method that isn't here has no scale."
    )
    randomised: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        description="Mean rank correlation of Grad-CAM with that of the network with random weights; null "
        "where it can't be told.",
    )
    randomised_films: int = Field(default=0, ge=0, description="How many films that is of.")

    def of(self, method: str) -> float | None:
        """The strength of full colour; None if the method has no scale, or nothing was raised anywhere."""
        strongest = self.strongest.get(method)
        return strongest if strongest is not None and strongest > 0 else None


def read_scale(model: Model) -> MapScale | None:
    """The scale in a model's folder; None if there is none, it is damaged or it is of other weights."""
    try:
        scale = MapScale.model_validate_json((model.folder / SCALE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return scale if scale.model_sha256 == model.card.model_sha256 else None
