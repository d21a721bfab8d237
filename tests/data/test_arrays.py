"""Arrays: the films of a MedMNIST file."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from xraylab.data.listing import open_listing
from xraylab.errors import DatasetError
from xraylab.imaging.standard import decode


def medmnist(
    path: Path, *, n: int = 6, columns: int = 1, save=np.savez_compressed, **changed: object
) -> Path:
    """Write films and labels as MedMNIST does: 0 and 1 in turn."""
    rng = np.random.default_rng(0)
    arrays: dict[str, object] = {}
    for split in ("train", "val", "test"):
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n * columns) % 2).astype(np.uint8).reshape(n, columns)
    save(path, **{name: array for name, array in (arrays | changed).items() if array is not None})
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_films_are_listed_with_a_table_of_their_labels_and_splits(tmp_path, save):
    file = medmnist(tmp_path / "pneumoniamnist.npz", save=save)
    with open_listing(file, tmp_path) as listing:
        table, *films = listing.entries
        rows = list(csv.DictReader(io.StringIO(table.read().decode())))
        seen = decode(films[8].read())
    assert [film.path for film in films] == [row["path"] for row in rows]
    assert rows[8] == {"path": "val/000002.png", "split": "val", "label": "normal"}
    assert rows[9]["label"] == "pneumonia"
    assert seen.shape == (56, 56)  # 28 × 28 would be too small to be read
    np.testing.assert_array_equal(seen[::2, ::2], np.load(file)["val_images"][2])
    np.testing.assert_array_equal(seen[1::2, 1::2], seen[::2, ::2])
    assert [place.name for place in tmp_path.iterdir()] == ["pneumoniamnist.npz"]


def test_several_labels_are_columns(tmp_path):
    with open_listing(medmnist(tmp_path / "chestmnist_64.npz", columns=14)) as listing:
        rows = list(csv.DictReader(io.StringIO(listing.entries[0].read().decode())))
    assert (rows[0]["Atelectasis"], rows[0]["Cardiomegaly"], rows[0]["Hernia"]) == ("0", "1", "1")


@pytest.mark.parametrize(
    "changed",
    [
        {"train_labels": None},
        {"train_labels": np.zeros(5, np.uint8)},
        {"train_labels": np.full(6, -1)},  # would be the last of the names
        {"train_images": np.zeros((6, 28, 28), np.float32)},
        {"train_images": np.zeros((6, 28), np.uint8)},
        {"train_labels": np.array([{}] * 6, dtype=object)},
    ],
)
def test_other_arrays_are_a_sentence(tmp_path, changed):
    file = medmnist(tmp_path / "a.npz", **changed)
    with (
        pytest.raises(DatasetError, match="or isn't a file of films as MedMNIST writes them"),
        open_listing(file),
    ):
        pass


def test_a_damaged_file_and_one_of_other_arrays_are_a_sentence(tmp_path):
    file = medmnist(tmp_path / "a.npz")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DatasetError, match="is damaged"), open_listing(file):
        pass
    np.savez(tmp_path / "b.npz", x=np.zeros(3))
    with pytest.raises(DatasetError, match="no arrays called train_images"), open_listing(tmp_path / "b.npz"):
        pass
