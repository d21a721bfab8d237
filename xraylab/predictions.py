"""
The one schema of ``predictions.parquet``: what a model said about each film.

- one row a film; ``score`` is float64 and never rounded, every metric is computed from it
- ``label`` is 0 (NORMAL), 1 (PNEUMONIA) or null; a refused film has null logit and score
- a model of more than two classes has a column ``p_<class>`` for each too, and ``score`` is 1 - ``p_normal``
- ``suite.parquet`` has the same films under the suite of perturbations: a row for each film and each
  perturbation, which the column ``perturbation`` names
- the file's metadata names the schema, the model's hash and the dataset's
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xraylab.errors import XRayLabError
from xraylab.files import write_bytes

SCHEMA = "xraylab.predictions/1"
SPLITS = ("train", "validation", "test")

_ARROW = pa.schema(
    [
        ("image_id", pa.string()),
        ("patient", pa.string()),
        ("group", pa.string()),
        ("split", pa.string()),
        ("label", pa.int8()),
        ("subtype", pa.string()),
        ("logit", pa.float64()),
        ("score", pa.float64()),
        ("spread", pa.float64()),
        ("refused", pa.string()),
    ]
)
_BINARY = 2  # classes
_CLASS = "p_"  # how the column of a class's probability begins
PERTURBATION = "perturbation"  # the column of what was done to the film


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of one model on films of one dataset, with what is needed to judge them."""

    frame: pd.DataFrame  # the columns of the schema, and p_<class> where there are more than two
    model_hash: str = ""
    dataset_hash: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def of_split(self, split: str) -> "Predictions":
        """Only the films of one split."""
        kept = self.frame[self.frame["split"] == split].reset_index(drop=True)
        return replace(self, frame=kept)

    @property
    def scored(self) -> "Predictions":
        """Only the films that could be scored and have a label."""
        kept = self.frame["score"].notna() & self.frame["label"].notna()
        return replace(self, frame=self.frame[kept].reset_index(drop=True))

    @property
    def perturbations(self) -> dict[str, "Predictions"]:
        """Those under each perturbation of the suite, by its name; empty of films as they are."""
        if PERTURBATION not in self.frame:
            return {}
        return {
            str(name): replace(self, frame=frame.reset_index(drop=True))
            for name, frame in self.frame.groupby(PERTURBATION, sort=False)
        }

    @property
    def labels(self) -> NDArray[np.int8]:
        """(n,) 0 or 1; call on ``scored``."""
        return self.frame["label"].to_numpy(np.int8)

    @property
    def scores(self) -> NDArray[np.float64]:
        """(n,) in [0, 1]."""
        return self.frame["score"].to_numpy(np.float64)

    @property
    def kinds(self) -> dict[str, NDArray[np.float64]]:
        """Probability of each kind of pneumonia, (n,) each, by name; empty with two classes."""
        names = [name for name in map(str, self.frame.columns) if name.startswith(_CLASS)]
        return {name.removeprefix(_CLASS): self.frame[name].to_numpy(np.float64) for name in names[1:]}

    @property
    def groups(self) -> NDArray[np.object_]:
        """(n,) the patient, joined with those who share a film: the unit that intervals resample."""
        return self.frame["group"].to_numpy(object)


def class_columns(classes: Sequence[str]) -> list[str]:
    """The columns of the probabilities of classes, NORMAL first; none for two, where the score says all."""
    return [_CLASS + name.lower() for name in classes] if len(classes) > _BINARY else []


def class_probabilities(score: NDArray[np.float64], kinds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of all classes, (n, classes), from the score (n,) and what is likely given pneumonia.

    ``kinds`` is (n, classes - 1). The first is 1 - score, exactly; the others share the score.
    """
    return np.concatenate([1 - score[:, None], score[:, None] * kinds], axis=1)


def write(path: Path, predictions: Predictions) -> None:
    """Write predictions as parquet, whole or not at all, with the schema in its metadata.

    Raises
    ------
    ValueError
        If a column holds what the schema has no place for.
    StorageError
        If the disk is full or may not be written.
    """
    schema = _schema_of(list(predictions.frame.columns))
    frame = predictions.frame.reindex(columns=schema.names).astype(
        {name: object for name, kind in zip(schema.names, schema.types, strict=True) if kind == pa.string()}
    )
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    metadata = {
        **predictions.extra,
        "schema": SCHEMA,
        "model_hash": predictions.model_hash,
        "dataset_hash": predictions.dataset_hash,
    }
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), buffer)
    write_bytes(path, buffer.getvalue())


def read(path: Path) -> Predictions:
    """Read predictions.

    Raises
    ------
    XRayLabError
        If the file is missing, damaged, of another schema, or holds an impossible value: a score or a
        probability outside [0, 1], a label that is neither 0 nor 1, a film twice.
    """
    try:
        table = pq.read_table(io.BytesIO(path.read_bytes()))
        table.validate(full=True)  # text that isn't UTF-8 would come to light much later
        metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    except FileNotFoundError as error:
        raise XRayLabError(f"{path} is missing. Train the model again.") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise XRayLabError(f"{path} is damaged and can't be read. Train the model again.") from error
    names = table.schema.names
    if metadata.pop("schema", None) != SCHEMA or names != _schema_of(names).names:
        raise XRayLabError(
            f"{path} was not written by this version of XRayLab ({SCHEMA}). Train the model again."
        )
    try:
        frame = table.cast(_schema_of(names)).to_pandas()  # words in the place of numbers are no scores
    except pa.ArrowException as error:
        raise XRayLabError(f"{path} is damaged and can't be read. Train the model again.") from error
    if fault := _fault(frame):
        raise XRayLabError(f"{path} can't be used: {fault}. Train the model again.")
    return Predictions(frame, metadata.pop("model_hash", ""), metadata.pop("dataset_hash", ""), metadata)


def _fault(frame: pd.DataFrame) -> str:
    """Say why no number may be computed from predictions; an empty string if they are sound."""
    scores, labels = frame["score"].dropna(), frame["label"].dropna()
    if not scores.between(0, 1).all():
        return "a score isn't between 0 and 1"
    for column in (name for name in map(str, frame.columns) if name.startswith(_CLASS)):
        if not frame.loc[scores.index, column].between(0, 1).all():  # nor is a missing one
            return "a probability isn't between 0 and 1"
    if not labels.isin((0, 1)).all():
        return "a label is neither 0 nor 1"
    if frame.duplicated([name for name in ("image_id", PERTURBATION) if name in frame]).any():
        return "a film is in it twice"
    return ""


def _schema_of(columns: list[str]) -> pa.Schema:
    """The schema, with the columns among some that not every file has."""
    schema = _ARROW
    for name in columns:
        if name.startswith(_CLASS):
            schema = schema.append(pa.field(name, pa.float64()))
    return schema.append(pa.field(PERTURBATION, pa.string())) if PERTURBATION in columns else schema
