"""
Weights in memory: a model that reads film after film is loaded once.

- at most two models are kept; a model that was trained again has other weights and is loaded anew
- a handle names a model by its hash, so that a heatmap never comes from other weights than the score
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xraylab import actions
from xraylab.errors import WeightsError
from xraylab.models import load_model
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel


@dataclass(frozen=True)
class Weights:
    """A model's name and the hash of its weights; a reading keeps it to draw heatmaps later."""

    settings: Settings
    name: str
    model_sha256: str

    def loaded(self) -> "LoadedModel":
        """Return the model in memory, loading it if it isn't there.

        Raises
        ------
        WeightsError
            If the model has been replaced since.
        """
        model = load_model(self.settings, self.name)
        if model.card.model_sha256 != self.model_sha256:
            raise WeightsError(f"“{self.name}” was replaced since this film was read. Read the film again.")
        _ = model.parts  # an ensemble whose member is gone must not read on from memory
        return _in_memory(self.settings, model.folder, self.name, self.model_sha256)


def weights_of(settings: Settings, name: str) -> Weights:
    """Find a model by name and return the handle of its present weights.

    Raises
    ------
    NotFoundError
        If there is no such model.
    """
    return Weights(settings, name, load_model(settings, name).card.model_sha256)


# Folder and hash are part of the key alone: other weights under the same name are another entry.
@lru_cache(maxsize=2)
def _in_memory(settings: Settings, folder: Path, name: str, model_sha256: str) -> "LoadedModel":
    # The lock isn't kept: a model's lock is read from disk each time, so a new one counts at once.
    return actions.load_for_reading(settings, name)
