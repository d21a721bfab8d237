"""
The catalog of a dataset: one row per film, with its patient, its group and its split.

A group holds the films that must stay in one split: those of a patient, and identical pictures.
"""

import hashlib
import json
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from xraylab.data import patients, split
from xraylab.data.datasets import SPLITS
from xraylab.findings import Finding
from xraylab.formats import count

# What a model and its figures depend on, in the order in which the manifest has it.
MANIFEST = ("image_id", "label", "patient", "group", "split", "pixel_sha256")
NOT_KEPT = ("stem", "folder", "patient_from")  # columns that only an import needs


def identify(
    films: list[dict[str, Any]], preset: str, finding: Finding, told_in: str | None = None
) -> pd.DataFrame:
    """Make the catalog of films, with their patients, where these come from, and groups."""
    catalog = pd.DataFrame(films)
    catalog.insert(0, "image_id", catalog["path"])
    catalog["quant_sum"] = catalog["quant_sum"].astype("Int64")  # a file without a JPEG table has no value
    key = patients.patient_key(preset)
    named = [
        patients.named(by_source, key(stem), preset)
        for by_source, stem in zip(catalog["patient"], catalog["stem"], strict=True)
    ]
    named = patients.without_placeholder(named)
    catalog["patient_from"] = [
        patients.origin(name, by_source, told_in)
        for name, by_source in zip(named, catalog["patient"], strict=True)
    ]
    # A film whose name doesn't name its patient counts as a patient by itself.
    catalog["patient"] = [name or path for name, path in zip(named, catalog["path"], strict=True)]
    catalog["subtype"] = [
        labelled or patients.subtype(stem, finding)
        for labelled, stem in zip(catalog["subtype"], catalog["stem"], strict=True)
    ]
    number = patients.groups(catalog["patient"].tolist(), catalog["pixel_sha256"].tolist())
    catalog["group"] = [f"g{group:06d}" for group in number]
    return catalog


def make_catalog(
    films: list[dict[str, Any]],
    preset: str,
    seed: int,
    finding: Finding,
    told_in: str | None = None,
) -> tuple[pd.DataFrame, dict[str, int], list[str]]:
    """Make the catalog of films with their splits.

    Parameters
    ----------
    preset : str
        How names of files name patients, see ``patients.patient_key``.
    seed : int
        Seed of the split.
    told_in : str or None
        What else than names of files and tags of DICOM tells the patients of this source, in words.

    Returns
    -------
    catalog : DataFrame
    origins : dict
        Films by where their patient comes from, most frequent first.
    notes : list of str
        Sentences about the split and the patients that a person should know.
    """
    catalog = identify(films, preset, finding, told_in)
    drawn = split.draw(
        catalog["label"].to_numpy(np.int64),
        pd.factorize(catalog["group"])[0],
        [film["folder"] for film in films],
        seed=seed,
        finding=finding,
    )
    catalog["split"] = drawn.names
    notes = [*drawn.notes, *catalog_notes(catalog, preset, finding)]
    origins = dict(Counter(catalog["patient_from"]).most_common())
    return catalog.drop(columns=[*NOT_KEPT]), origins, notes


def people(catalog: pd.DataFrame, preset: str) -> pd.Series:
    """Name each film's patient by its file's name; by the catalog if the name doesn't name one."""
    key = patients.patient_key(preset)
    named = [key(PurePosixPath(path).stem) for path in catalog["path"]]
    return pd.Series(named, catalog.index, dtype=object).fillna(catalog["patient"])


def manifest_sha256(catalog: pd.DataFrame) -> str:
    """Return the hash of a catalog's manifest: a JSON array per film, in order, each with a line end."""
    digest = hashlib.sha256()
    for film in catalog[[*MANIFEST]].itertuples(index=False, name=None):
        digest.update(json.dumps(film).encode() + b"\n")
    return digest.hexdigest()


def catalog_notes(catalog: pd.DataFrame, preset: str, finding: Finding) -> list[str]:
    """Say what a person should know about the patients, labels and kinds of films."""
    notes = patients.of_no_patient(int((catalog["patient"] == catalog["path"]).sum()), preset)
    notes += _under_both(catalog, finding)
    mixed = int(catalog["synthetic"].sum())
    if 0 < mixed < len(catalog):
        notes.append(f"{mixed} of the {len(catalog)} films are teaching phantoms, mixed with radiographs.")
    return notes


def _under_both(catalog: pd.DataFrame, finding: Finding) -> list[str]:
    """Count the pictures that are labelled both ways, as a note; nothing if there are none."""
    labels = catalog.groupby("pixel_sha256")["label"].nunique()
    pictures = labels.index[labels > 1]
    if pictures.empty:
        return []
    films = int(catalog["pixel_sha256"].isin(pictures).sum())
    have, their = ("picture has", "its") if len(pictures) == 1 else ("pictures have", "their")
    both = " and ".join(finding.classes)
    return [
        f"{count(len(pictures))} {have} both labels, {both}, in {count(films)} films. One of {their} labels "
        "is wrong. The films stay together in one split; correct or remove them, and import again."
    ]


def label_counts(catalog: pd.DataFrame, finding: Finding) -> dict[str, int]:
    """Count the films of each class."""
    counts = Counter(catalog["label"])
    return {name: counts[number] for number, name in enumerate(finding.classes)}


def split_counts(catalog: pd.DataFrame, finding: Finding) -> dict[str, dict[str, int]]:
    """Count films, patients and classes of each split that has films."""
    films = {name: catalog[catalog["split"] == name] for name in (*SPLITS, split.LEFT_OUT)}
    return {
        name: {"films": len(rows), "patients": rows["patient"].nunique(), **label_counts(rows, finding)}
        for name, rows in films.items()
        if len(rows)
    }
