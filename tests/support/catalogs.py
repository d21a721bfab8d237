"""Catalogs of a few films, written as a table in the test."""

from collections.abc import Sequence

import pandas as pd

from xraylab.data.datasets import DatasetInfo
from xraylab.findings import PNEUMONIA

COLUMNS = ("path", "label", "patient", "split", "pixel_sha256")


def catalog(*films: Sequence[object]) -> pd.DataFrame:
    """Return a catalog of films, each given as path, label, patient, split and hash of its pixels."""
    table = pd.DataFrame(films, columns=list(COLUMNS))
    table.insert(0, "image_id", table["path"])
    return table


def info(films: pd.DataFrame, **facts: object) -> DatasetInfo:
    """Return the facts of an import of these films."""
    of_import = {
        "schema": "xraylab.dataset/1",
        "name": "films",
        "kind": "radiographs",
        "finding": PNEUMONIA,
        "source": "films.zip",
        "patient_key": "prefix-number",
        "seed": 0,
        "preprocess_version": 1,
        "pixel_hash": "0",
        "created_at": "2026-01-01T00:00:00Z",
        "n": len(films),
        "patients": films["patient"].nunique(),
        "labels": {},
        "splits": {},
        "ignored": {},
        "refused": [],
        "notes": [],
    }
    return DatasetInfo.model_validate(of_import | facts)
