"""
The scale of a model's heatmaps (``scale.json``), so that full colour means the same on all its films.

- for each method of one network: the strength of full colour, measured on validation films with the finding
- with it a check whether the maps depend on training: their likeness to maps of a network with random weights
- an ensemble has no scale: each member's map is drawn on the member's own
- models of earlier versions have no such file; their maps are coloured up to their own maximum
"""

from typing import Literal

from pydantic import Field, ValidationError

from xraylab.files import Record
from xraylab.models.folder import Model
from xraylab.stored import Finite, read_file

SCALE_FILE = "scale.json"
QUANTILE = 0.99  # of the raw maps' cells; the very strongest cell would be an outlier of one film
MOST_FILMS = 100  # that a scale is measured on
RANDOM_FILMS, RANDOM_NETWORKS = 12, 3  # that the likeness to random weights is measured on
PASSES = MOST_FILMS + RANDOM_FILMS * RANDOM_NETWORKS  # of one film through a network, at most


class MapScale(Record):
    """The strength that full colour stands for in the heatmaps of one network."""

    schema_: Literal["xraylab.scale/1"] = Field("xraylab.scale/1", alias="schema")
    model_sha256: str
    films: int = Field(ge=1, description="Number of validation films with the finding it was measured on.")
    quantile: float = Field(gt=0, lt=1)
    strongest: dict[str, Finite] = Field(
        description="The quantile of the raw maps' cells, by method; a method that is missing has no scale."
    )
    randomised: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        allow_inf_nan=False,
        description="Mean rank correlation of Grad-CAM with that of the same network with random weights; "
        "null if it can't be computed.",
    )
    randomised_films: int = Field(default=0, ge=0, description="Number of films in that mean.")

    def of(self, method: str) -> float | None:
        """Return the strength of full colour; None if the method has no scale."""
        strongest = self.strongest.get(method)
        # A strength of 0 means maps that are zero everywhere: a scale by it would divide by zero.
        return strongest if strongest is not None and strongest > 0 else None


def read_scale(model: Model) -> MapScale | None:
    """Read the scale in a model's folder; None if it is missing, damaged or made for other weights."""
    try:
        scale = MapScale.model_validate_json(read_file(model.folder / SCALE_FILE))
    except (OSError, ValidationError):
        return None
    return scale if scale.model_sha256 == model.card.model_sha256 else None
