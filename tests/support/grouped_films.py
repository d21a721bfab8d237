"""Held-out films of hundreds of patients, of which a table tells ages, sexes, views and sites."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.brief import DATASET
from xraylab import predictions
from xraylab.data.datasets import CATALOG_SCHEMA, KEPT
from xraylab.models import load_model

SECOND = "second"
HOSTILE = "<img src=x onerror=alert(1)> | `b` \u202e " + "long " * 40
SITES = ("St. Mary’s", HOSTILE, "East")


def held_out(seed=0, patients=1200):
    """Draw films of both held-out splits, and what a table says of them."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(patients), rng.choice([1, 2], patients))
    labels, site = people % 2, rng.choice(3, patients, p=[0.3, 0.3, 0.4])[people]
    of_patient = np.random.default_rng(seed + 1)
    facts = pd.DataFrame(
        {
            "image_id": [f"{film:05d}.png" for film in range(people.size)],
            "age": of_patient.choice([0.5, 3.0, 30.0, np.nan], patients)[people],
            "sex": of_patient.choice(np.array(["F", "M", None], object), patients)[people],
            "view": "PA",
            f"{KEPT}Site": np.array(SITES, object)[site],
            f"{KEPT}sex": of_patient.choice(np.array(["1", "2"], object), patients)[people],
            f"{KEPT}Scanner": [f"scanner {n % 14:02d}" for n in people],
            f"{KEPT}Patient ID": [f"number {n}" for n in people],
        }
    )
    logits = 4 * labels - 2 + rng.normal(0, 1.2, people.size) - 1.5 * ((site == 0) & (labels == 1))
    return labels, logits, people, facts


def frame_of(labels, logits, people, facts):
    """Lay out drawn films as predictions; the last fifth of the patients are test films."""
    return pd.DataFrame(
        {
            "image_id": facts["image_id"],
            "patient": [f"p{n}" for n in people],
            "group": [f"g{n}" for n in people],
            "split": np.where(people < 0.8 * people.max(), "validation", "test"),
            "label": labels,
            "subtype": np.where(labels == 1, np.array(["focal", "interstitial"])[people // 2 % 2], ""),
            "logit": logits,
            "score": 1 / (1 + np.exp(-logits)),
        }
    )


def store(settings, name, frame):
    """Make these the stored predictions of a model."""
    card = load_model(settings, name).card
    made = predictions.Predictions(frame, card.model_sha256, card.dataset.pixel_hash)
    predictions.write(settings.models / name / "predictions.parquet", made)


def write_catalog(settings, catalog):
    """Make this the catalog of the dataset."""
    table = pa.Table.from_pandas(catalog, preserve_index=False)
    schema = {**(table.schema.metadata or {}), b"schema": CATALOG_SCHEMA.encode()}
    pq.write_table(table.replace_schema_metadata(schema), settings.datasets / DATASET / "catalog.parquet")
