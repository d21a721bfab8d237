"""
The films a model was made from (``films.parquet``): their fingerprints, and what each film was used for.

- a film was trained on (``train``), chose an epoch, threshold or calibration (``validation``), or was held
  out for the test (``test``)
- a network that started from another model's weights was made from that model's films too
- it holds no picture and no name of a film that was trained on: 16 bytes per film (``imaging.fingerprint``)
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xraylab.imaging.fingerprint import FINGERPRINT_BYTES, Fingerprints
from xraylab.stored import TABLE_BYTES, read_file

FILMS_FILE = "films.parquet"
_SCHEMA = b"xraylab.films/1"
_INCOMPLETE = b"incomplete"
USED = ("train", "validation")  # a film used so can't test the model
_ARROW = pa.schema(
    [
        ("fingerprint", pa.binary(FINGERPRINT_BYTES)),
        ("split", pa.string()),  # train, validation or test
        ("own", pa.bool_()),  # False: a film of the model whose weights the training started from
        # For a held-out film that was used to make that model: its name here, and its use there.
        ("image_id", pa.string()),
        ("used_before", pa.string()),
    ]
)


@dataclass(frozen=True, eq=False)
class MadeFrom:
    """Films a model was made from, and those it held out for the test."""

    frame: pd.DataFrame  # one row per film, with the columns of the file
    incomplete: bool = False  # whether the training started from weights whose films aren't known

    # Kept, because the same file is asked on every screen; see ``read_films``.
    @cached_property
    def fingerprints(self) -> NDArray[np.uint8]:
        """Stored fingerprints, uint8 of shape (n, 16), in the order of ``frame``."""
        return np.frombuffer(b"".join(self.frame["fingerprint"]), np.uint8).reshape(-1, FINGERPRINT_BYTES)

    @cached_property
    def used(self) -> Self:
        """The films that the model was made from, without those held out for the test."""
        return replace(self, frame=self.frame[self.frame["split"].isin(USED)].reset_index(drop=True))

    @cached_property
    def test(self) -> Self:
        """The films that the model held out for the test."""
        kept = self.frame["own"] & (self.frame["split"] == "test")
        return replace(self, frame=self.frame[kept].reset_index(drop=True))

    @property
    def used_before(self) -> dict[str, str]:
        """Held-out films that the first weights had been made from, by name, with their use there."""
        rows = self.frame[self.frame["used_before"].notna()]
        return dict(zip(rows["image_id"], rows["used_before"], strict=True))

    def uses(self, films: Fingerprints) -> NDArray[np.object_]:
        """Return what each film was used for, (n,): ``train``, ``validation``, or an empty text."""
        used = self.used
        rows = films.find(used.fingerprints)
        names = np.append(used.frame["split"].to_numpy(object), "")  # row -1: not among them
        uses: NDArray[np.object_] = names[rows]
        return uses


def made_from(
    catalog: pd.DataFrame, films: Fingerprints, before: MadeFrom | None, *, incomplete: bool = False
) -> MadeFrom:
    """Describe the films of a training.

    Parameters
    ----------
    catalog : DataFrame
        The dataset's catalog, (n,) films.
    films : Fingerprints
        In the order of the catalog.
    before : MadeFrom, optional
        Films of the model whose weights the training started from.
    incomplete : bool
        Whether it started from weights whose films aren't known.
    """
    uses = np.full(len(films), "", object) if before is None else before.uses(films)
    # Validation films chose things for the first model too; only those that it was trained on flatter here.
    splits = catalog["split"].to_numpy(object)
    marked = ((splits == "test") & (uses != "")) | ((splits == "validation") & (uses == "train"))
    own = pd.DataFrame(
        {
            "fingerprint": [row.tobytes() for row in films.stored],
            "split": catalog["split"],
            "own": True,
            "image_id": catalog["image_id"].astype(object).where(marked),
            "used_before": pd.Series(uses, catalog.index).where(marked),
        }
    )
    own = own[own["split"].isin((*USED, "test"))]
    if before is None:
        return MadeFrom(own.reset_index(drop=True), incomplete)
    inherited = before.used.frame.assign(own=False, image_id=None, used_before=None)
    incomplete = incomplete or before.incomplete
    return MadeFrom(pd.concat([own, inherited], ignore_index=True), incomplete)


def together(parts: Sequence[MadeFrom]) -> MadeFrom:
    """Return the films of all parts of a model: the members of an ensemble, or the one network itself."""
    frames = [part.frame for part in parts] or [_ARROW.empty_table().to_pandas()]
    frame = pd.concat(frames, ignore_index=True).drop_duplicates().reset_index(drop=True)
    return MadeFrom(frame, any(part.incomplete for part in parts))


def films_bytes(films: MadeFrom) -> bytes:
    """Return the content of the file."""
    frame = films.frame[_ARROW.names].astype(object)
    metadata = {b"schema": _SCHEMA, _INCOMPLETE: b"true" if films.incomplete else b"false"}
    table = pa.Table.from_pandas(frame, schema=_ARROW.with_metadata(metadata), preserve_index=False)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", use_dictionary=["split"])
    return buffer.getvalue()


def read_films(file: Path) -> MadeFrom | None:
    """Read the file; None if it is missing or damaged. What was read is kept while the file is the same."""
    try:
        status = file.stat()
    except OSError:
        return None
    return _read(file, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=16)
def _read(file: Path, stamp: tuple[int, int, int]) -> MadeFrom | None:
    """Read the file; ``stamp`` is only part of the cache's key."""
    try:
        table = pq.read_table(io.BytesIO(read_file(file, TABLE_BYTES)))
        metadata = table.schema.metadata or {}
        if metadata.get(b"schema") != _SCHEMA:
            return None
        return MadeFrom(table.cast(_ARROW).to_pandas(), metadata.get(_INCOMPLETE) == b"true")
    except (OSError, ValueError, pa.ArrowException):
        return None
