"""
Arrays: films in a ``.npz`` file as MedMNIST writes them, listed as if they were files beside a table.

- the file holds ``train_images``, ``train_labels``, and the same for ``val`` and ``test``
- its numbers for labels have names only if the file is known by its name; MedMNIST names no patients
- the images are decompressed once, into a file without a name, so that memory holds one film at a time
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xraylab.data.archives import LARGEST_FILE, most_bytes
from xraylab.data.entries import Entry
from xraylab.data.spellings import words
from xraylab.errors import DatasetError
from xraylab.files import spool
from xraylab.imaging.picture import png

TABLE = "labels.csv"  # the name under which the labels are listed
_SPLITS = ("train", "val", "test")
_CHUNK = 2**20
_SMALLEST = 32  # pixels of a side, the least that is read as a radiograph
_CHEST = (
    "Atelectasis Cardiomegaly Effusion Infiltration Mass Nodule Pneumonia Pneumothorax Consolidation Edema "
    "Emphysema Fibrosis Pleural Hernia"
)
_NAMES = {"pneumoniamnist": ("normal", "pneumonia"), "chestmnist": tuple(_CHEST.split())}


@contextmanager
def opened_arrays(path: Path, room: Path | None) -> Iterator[list[Entry]]:
    """List the films of a ``.npz`` file, and a table of their labels and splits.

    Raises
    ------
    DatasetError
        If the file is damaged or doesn't hold what MedMNIST's files hold.
    StorageError
        If there is no room to decompress it.
    """
    with ExitStack() as stack:
        entries: list[Entry] = []
        rows: list[list[str]] = []
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            for split in _SPLITS:
                if f"{split}_images.npy" in archive.namelist():
                    images = _images(archive, split, path, room, stack)
                    names = [f"{split}/{number:06d}.png" for number in range(len(images))]
                    rows += _rows(names, split, _labels(archive, split, len(images)))
                    entries += [
                        Entry(name, partial(_png, images, number)) for number, name in enumerate(names)
                    ]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DatasetError(
                f"{path.name} is damaged, or isn't a file of films as MedMNIST writes them (train_images, "
                "train_labels, and so on). Download or copy it again."
            ) from error
        if not rows:
            raise DatasetError(
                f"{path.name} holds no arrays called train_images and train_labels, as MedMNIST's files do."
            )
        table = _table(rows, path.stem).encode()
        yield [Entry(TABLE, lambda: table), *entries]


def _images(
    archive: zipfile.ZipFile, split: str, path: Path, room: Path | None, stack: ExitStack
) -> NDArray[np.uint8]:
    """Map the images of a split: uint8 of shape (n, height, width) or (n, height, width, 3)."""
    member = stack.enter_context(archive.open(f"{split}_images.npy"))
    old = np.lib.format.read_magic(member) == (1, 0)
    read: Any = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(member)
    size = int(np.prod(shape, dtype=np.int64))
    if dtype != np.uint8 or fortran or len(shape) not in (3, 4) or size > most_bytes(path.stat().st_size):
        raise ValueError(f"{dtype} of shape {shape}")
    file = stack.enter_context(spool(iter(lambda: member.read(_CHUNK), b""), room))
    return np.memmap(file, np.uint8, "r", shape=shape) if size else np.zeros(shape, np.uint8)


def _labels(archive: zipfile.ZipFile, split: str, n: int) -> NDArray[np.integer[Any]]:
    """Return the labels of a split, int of shape (n, labels)."""
    member = archive.getinfo(f"{split}_labels.npy")
    if member.file_size > LARGEST_FILE:
        raise ValueError(f"{member.file_size} bytes of labels")
    labels: NDArray[np.integer[Any]] = np.load(io.BytesIO(archive.read(member)), allow_pickle=False)
    if labels.dtype.kind not in "iu" or len(labels) != n or labels.min(initial=0) < 0:
        raise ValueError(f"{labels.dtype} of shape {labels.shape} for {n} films")
    return labels.reshape(n, -1)


def _rows(names: list[str], split: str, labels: NDArray[np.integer[Any]]) -> list[list[str]]:
    return [[name, split, *map(str, row)] for name, row in zip(names, labels.tolist(), strict=True)]


def _table(rows: list[list[str]], stem: str) -> str:
    """Write the table of labels: a column of names, or a column of 0 and 1 for each name."""
    names = next((names for known, names in _NAMES.items() if known in words(stem).replace(" ", "")), ())
    columns = len(rows[0]) - 2
    if columns == 1:
        rows = [[*row[:2], names[int(row[2])] if int(row[2]) < len(names) else row[2]] for row in rows]
    heads = ["label"] if columns == 1 else [*names, *map(str, range(len(names), columns))][:columns]
    out = io.StringIO()
    csv.writer(out).writerows([["path", "split", *heads], *rows])
    return out.getvalue()


def _png(images: NDArray[np.uint8], number: int) -> bytes:
    """Return a film as PNG; the pixels of one too small to be read (28 × 28) are repeated."""
    film = np.asarray(images[number])
    times = -(-_SMALLEST // max(1, min(film.shape[:2])))  # rounded up
    return png(Image.fromarray(film.repeat(times, axis=0).repeat(times, axis=1)))
