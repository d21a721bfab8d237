"""
Predictions: a model's score of each film, and the schema of ``predictions.parquet``.

- one row per film; ``score`` is float64 and never rounded, every metric is computed from it
- ``label`` is 0 (without the finding), 1 (with it) or null; a refused film has null logit and score
- with more than two classes there is also a column ``p_<class>`` per class, and ``score`` is 1 - the first
- ``suite.parquet`` holds scores of degraded copies of the same films (the suite of perturbations): one row
  per film and perturbation, with its name in the column ``perturbation``
- the file's metadata holds the schema, the model's hash and the dataset's hash
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
from xraylab.findings import PNEUMONIA, Finding
from xraylab.stored import TABLE_BYTES, read_file

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
_BINARY = 2  # number of classes of a plain model
_CLASS = "p_"  # prefix of the columns that hold probabilities of classes
PERTURBATION = "perturbation"  # the column that names how the film was degraded


@dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of one model on films of one dataset, with labels and patients."""

    frame: pd.DataFrame  # the columns of the schema, and p_<class> if there are more than two classes
    model_hash: str = ""
    dataset_hash: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    finding: Finding = PNEUMONIA  # that of the model; its card holds it, not this file

    def __len__(self) -> int:
        return len(self.frame)

    def of_split(self, split: str) -> "Predictions":
        """Return the films of one split."""
        kept = self.frame[self.frame["split"] == split].reset_index(drop=True)
        return replace(self, frame=kept)

    @property
    def scored(self) -> "Predictions":
        """The films that have a score and a label."""
        kept = self.frame["score"].notna() & self.frame["label"].notna()
        return replace(self, frame=self.frame[kept].reset_index(drop=True))

    @property
    def unexplained(self) -> int:
        """Number of films without a score and without a reason: the network gave no finite number."""
        return int((self.frame["score"].isna() & self.frame["refused"].isna()).sum())

    @property
    def perturbations(self) -> dict[str, "Predictions"]:
        """Predictions for each perturbation of the suite, by its name; empty if films weren't degraded."""
        if PERTURBATION not in self.frame:
            return {}
        return {
            str(name): replace(self, frame=frame.reset_index(drop=True))
            for name, frame in self.frame.groupby(PERTURBATION, sort=False)
        }

    @property
    def labels(self) -> NDArray[np.int8]:
        """Labels, (n,), 0 or 1; use only on ``scored``."""
        return self.frame["label"].to_numpy(np.int8)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores, (n,), in [0, 1]."""
        return self.frame["score"].to_numpy(np.float64)

    @property
    def kinds(self) -> dict[str, NDArray[np.float64]]:
        """Probability of each kind of the finding, (n,) each, by name; empty with two classes."""
        names = [name for name in map(str, self.frame.columns) if name.startswith(_CLASS)]
        return {name.removeprefix(_CLASS): self.frame[name].to_numpy(np.float64) for name in names[1:]}

    @property
    def groups(self) -> NDArray[np.object_]:
        """Groups, (n,): a patient with all who share an identical film; intervals are clustered by them."""
        return self.frame["group"].to_numpy(object)


def class_columns(classes: Sequence[str]) -> list[str]:
    """Return the columns of class probabilities, absent first; none for two classes: the score is enough."""
    return [_CLASS + name.lower() for name in classes] if len(classes) > _BINARY else []


def class_probabilities(score: NDArray[np.float64], kinds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the probabilities of all classes, (n, classes), from scores and kinds.

    Parameters
    ----------
    score : float64 array of shape (n,)
        Probability of the finding, in [0, 1].
    kinds : float64 array of shape (n, classes - 1)
        Probability of each kind, given the finding.

    Returns
    -------
    float64 array of shape (n, classes)
        The first column, without the finding, is exactly 1 - score; the other columns add up to the score.
    """
    return np.concatenate([1 - score[:, None], score[:, None] * kinds], axis=1)


def write(path: Path, predictions: Predictions) -> None:
    """Write predictions as parquet, whole or not at all, with the schema in its metadata.

    Raises
    ------
    ValueError
        If a column holds values that the schema doesn't allow.
    StorageError
        If the disk is full or not writable.
    """
    schema = _schema_of(list(predictions.frame.columns))
    # Text columns as objects: pandas would give an empty one a numeric type, which the schema refuses.
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
    """Read and check predictions.

    Raises
    ------
    XRayLabError
        If the file is missing, damaged, of another schema, or holds an impossible value: a score or a
        probability outside [0, 1], an infinite logit, a label that is neither 0 nor 1, a film
        twice.
    """
    try:
        table = pq.read_table(io.BytesIO(read_file(path, TABLE_BYTES)))
        table.validate(full=True)  # otherwise text that isn't UTF-8 would fail only much later
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
    """Return why no numbers may be computed from these predictions, or an empty text."""
    scores, labels = frame["score"].dropna(), frame["label"].dropna()
    if not scores.between(0, 1).all():
        return "a score isn't between 0 and 1"
    if np.isinf(frame[["logit", "spread"]].to_numpy(np.float64)).any():
        return "a logit or a disagreement isn't finite"
    for column in (name for name in map(str, frame.columns) if name.startswith(_CLASS)):
        if not frame.loc[scores.index, column].between(0, 1).all():  # nor is a missing one
            return "a probability isn't between 0 and 1"
    if not labels.isin((0, 1)).all():
        return "a label is neither 0 nor 1"
    if frame.duplicated([name for name in ("image_id", PERTURBATION) if name in frame]).any():
        return "a film occurs twice"
    return ""


def _schema_of(columns: list[str]) -> pa.Schema:
    """Return the schema, with those optional columns that are among ``columns``."""
    schema = _ARROW
    for name in columns:
        if name.startswith(_CLASS):
            schema = schema.append(pa.field(name, pa.float64()))
    return schema.append(pa.field(PERTURBATION, pa.string())) if PERTURBATION in columns else schema
