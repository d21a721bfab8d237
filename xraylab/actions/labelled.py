"""Labelled films that a model is evaluated on: a folder, an archive or a split of a dataset."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab.actions.datasets import Progress
from xraylab.actions.reading import load_for_reading
from xraylab.data.datasets import Dataset
from xraylab.data.importing import read_labelled
from xraylab.errors import DatasetError
from xraylab.findings import Finding
from xraylab.finite import NO_SCORE
from xraylab.imaging.fingerprint import Fingerprints
from xraylab.models import Model
from xraylab.predictions import Predictions
from xraylab.settings import Settings

if TYPE_CHECKING:
    from xraylab.reading.loaded import LoadedModel

Pixels = np.ndarray[Any, np.dtype[np.uint8]]  # (n, 256, 256), in memory or as a memory map


@dataclass(frozen=True, eq=False)
class LabelledFilms:
    """Labelled films that can be scored: a folder, an archive or a split of a dataset."""

    name: str  # of the dataset, or the path that was given
    catalog: pd.DataFrame
    pixels: Pixels
    rows: NDArray[np.intp]  # the films in question
    fingerprints: Fingerprints  # of these films
    refused: int = 0  # labelled files that couldn't be read

    @classmethod
    def of_split(cls, dataset: Dataset, split: str) -> Self:
        """Take the films of one split of a dataset."""
        rows, fingerprints = dataset.rows(split), dataset.fingerprints(split)
        return cls(dataset.info.name, dataset.catalog, dataset.pixels, rows, fingerprints)

    def without(self, films: NDArray[np.bool_]) -> Self:
        """Return the films without the marked ones; ``films`` has one entry for each row."""
        kept = Fingerprints(self.fingerprints.waves[~films])
        return replace(self, rows=self.rows[~films], fingerprints=kept)


def read_source(source: Path, finding: Finding, on_progress: Progress | None = None) -> LabelledFilms:
    """Read a labelled zip or folder whole, by the labels of a finding.

    Raises
    ------
    NotFoundError, DatasetError
        If the source can't be used, or none of its files can be read.
    """
    catalog, pixels, refused = read_labelled(source, finding=finding, on_progress=on_progress)
    if catalog.empty:
        raise DatasetError(f"None of the {len(refused)} labelled files in “{source}” could be read.")
    fingerprints = Fingerprints.of_pixels(pixels)
    return LabelledFilms(str(source), catalog, pixels, np.arange(len(catalog)), fingerprints, len(refused))


def score_films(
    settings: Settings,
    model: Model,
    films: LabelledFilms,
    on_progress: Progress | None = None,
    *,
    loaded: "LoadedModel | None" = None,
) -> Predictions:
    """Score films, and mark those that the gate warns of in a column ``warned``.

    A film without a finite score has the reason in the column ``refused``.

    Parameters
    ----------
    loaded : LoadedModel, optional
        The model with its weights, if they are in memory already.
    """
    from xraylab.reading.gate import gate_rows
    from xraylab.reading.scoring import score_pixels

    loaded, rows = loaded or load_for_reading(settings, model.name), films.rows
    report = (lambda done: on_progress(done, len(rows))) if on_progress else None
    scores = score_pixels(loaded, films.pixels, rows, on_progress=report)
    frame = films.catalog.iloc[rows].reset_index(drop=True).assign(**scores.columns(model.card.classes))
    made_on = model.card.dataset
    warnings = gate_rows(films.catalog, films.pixels, rows, made_on.kind, scores.novelty, shown=made_on.shown)
    frame["refused"] = [None if scored else NO_SCORE for scored in frame["score"].notna()]
    frame["warned"] = [bool(of_film) for of_film in warnings]
    return Predictions(frame, model.card.model_sha256, finding=model.card.finding)


def count_warned(predictions: Predictions) -> int | None:
    """Count the films with a warning; None for stored scores, which come without their films."""
    return int(predictions.frame["warned"].sum()) if "warned" in predictions.frame else None
