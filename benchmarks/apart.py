"""Decode films in processes with limits, as the program does, against decoding them in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.frame import Difference
from benchmarks.material import Material
from benchmarks.read import ReadBatch
from xraylab.data.importing import read_labelled
from xraylab.data.phantoms import write
from xraylab.imaging.decoding import pixels

_TARGET = 1 / 1.15  # apart may take 1.15 times as long


@contextmanager
def in_this_process() -> Iterator[None]:
    """Decode films in this process, in the threads that would wait for a decoder."""
    with (
        patch("xraylab.imaging.film.standardise", pixels.standardise),
        patch("xraylab.data.importing.standardise", pixels.standardise),
    ):
        yield


class ReadApart(ReadBatch):
    """Read many films as ``predict`` does, with the decoding in this process or apart."""

    def __init__(self, films: int = 200, model: str = "mobilenet_v2") -> None:
        super().__init__(films, model)
        self.name, self.target = "decode_apart", _TARGET

    @property
    def compared(self) -> str:
        """Description of both ways."""
        return (
            f"Reading the files of {self.films} films with {self.model}, decoded in two threads of this "
            "process, against the same with films decoded in processes that have limits, as the program "
            "does it."
        )

    def baseline(self) -> object:  # type: ignore[override]
        """Read the files, decoded in this process."""
        with in_this_process():
            return self.ours()

    def check(self) -> Sequence[Difference]:
        """Compare the scores."""
        apart = self.scores()
        with in_this_process():
            largest = np.abs(self.scores() - apart).max()
        return [Difference(what="scores", largest=float(largest), allowed=0.0)]


class ImportApart:
    """Read the labelled films of a folder as an import does, with the decoding in this process or apart."""

    name = "import_apart"
    target = _TARGET

    def __init__(self, films: int = 200) -> None:
        self.films = films
        self.compared = (
            f"Reading a folder of {films} teaching phantoms as an import does (pixels, hashes and facts), "
            "decoded in this process, against the same with the films decoded in processes that have limits."
        )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Write the phantoms."""
        self.folder: Path = material.folder / "phantoms"
        write(self.folder, self.films, seed=0)

    def check(self) -> Sequence[Difference]:
        """Compare the pixels."""
        largest = np.abs(self.baseline().astype(int) - self.ours()).max()
        return [Difference(what="grey levels", largest=float(largest), allowed=0.0)]

    def baseline(self) -> NDArray[np.uint8]:
        """Read the films, decoded in this process."""
        with in_this_process():
            return self.ours()

    def ours(self) -> NDArray[np.uint8]:
        """Read the films, decoded apart."""
        return read_labelled(self.folder)[1]
