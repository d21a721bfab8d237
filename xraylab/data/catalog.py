"""
The catalog of a dataset: one row per film, with its patient, its group and its split.

A group holds the films that must stay in one split: those of a patient, and identical pictures.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from xraylab.data import patients, split
from xraylab.data.datasets import SPLITS
from xraylab.data.sources import LABELS


def identify(films: list[dict[str, Any]], key: Callable[[str], str | None]) -> pd.DataFrame:
    """Make the catalog of films, with their patients and groups."""
    catalog = pd.DataFrame(films)
    catalog.insert(0, "image_id", catalog["path"])
    catalog["quant_sum"] = catalog["quant_sum"].astype("Int64")  # a file without a JPEG table has no value
    named = [key(stem) for stem in catalog["stem"]]
    # A film whose name doesn't name its patient counts as a patient by itself.
    catalog["patient"] = [name or path for name, path in zip(named, catalog["path"], strict=True)]
    catalog["subtype"] = [patients.subtype(stem) for stem in catalog["stem"]]
    number = patients.groups(catalog["patient"].tolist(), catalog["pixel_sha256"].tolist())
    catalog["group"] = [f"g{group:06d}" for group in number]
    return catalog


def make_catalog(
    films: list[dict[str, Any]], key: Callable[[str], str | None], preset: str, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    """Make the catalog of films with their splits.

    Parameters
    ----------
    key : callable
        Returns the patient that the stem of a file name names; None if it names none.
    preset : str
        Name of ``key``.
    seed : int
        Seed of the split.

    Returns
    -------
    catalog : DataFrame
    notes : list of str
        Sentences about the split and the patients that a person should know.
    """
    catalog = identify(films, key)
    drawn = split.draw(
        catalog["label"].to_numpy(np.int64),
        pd.factorize(catalog["group"])[0],
        [film["folder"] for film in films],
        seed=seed,
    )
    catalog["split"] = drawn.names
    notes = list(drawn.notes)
    alone = int((catalog["patient"] == catalog["path"]).sum())
    if alone and preset != "none":
        names = "file name doesn't" if alone == 1 else "file names don't"
        notes.append(
            f"{alone} {names} name the patient; each of these films was treated as a separate patient."
        )
    mixed = int(catalog["synthetic"].sum())
    if 0 < mixed < len(catalog):
        notes.append(f"{mixed} of the {len(catalog)} films are teaching phantoms, mixed with radiographs.")
    return catalog.drop(columns=["stem", "folder"]), notes


def label_counts(catalog: pd.DataFrame) -> dict[str, int]:
    """Count the films of each label."""
    counts = Counter(catalog["label"])
    return {name: counts[number] for number, name in enumerate(LABELS)}


def split_counts(catalog: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count films, patients and labels of each split that has films."""
    films = {name: catalog[catalog["split"] == name] for name in (*SPLITS, split.LEFT_OUT)}
    return {
        name: {"films": len(rows), "patients": rows["patient"].nunique(), **label_counts(rows)}
        for name, rows in films.items()
        if len(rows)
    }
