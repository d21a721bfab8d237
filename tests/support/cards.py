"""A model card, and the card, lock and predictions that it is written from."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from xraylab.models import Card, Lock, TrainedOn
from xraylab.predictions import Predictions
from xraylab.reports.card import model_card
from xraylab.training.recipe import Recipe, Stage

THRESHOLD = 0.4

SEALED = "The test films are sealed."

HASH = "0a" * 32

AT = datetime(2026, 5, 12, 14, 5, tzinfo=UTC)

BRIEF = Recipe(name="brief", stages=(Stage(trains="all", epochs=2, learning_rate=1e-3),), seed=3)

NASTY = "# x\n\n## Lock\n\n| a | b |\n```\n<script>alert(1)</script> [l](http://x) **b** `c` \u202e"


def a_card(**changes):
    usual = {
        "name": "first",
        "arch": "small_cnn",
        "classes": ("NORMAL", "PNEUMONIA"),
        "created_at": AT,
        "run": "r",
        "dataset": TrainedOn(
            name="films",
            kind="radiographs",
            pixel_hash="1b" * 32,
            patient_key="number",
            splits={"train": {"films": 1341}},
        ),
        "weights": "none",
        "weights_sha256": "",
        "recipe": BRIEF.model_dump(mode="json"),
        "best_epoch": 1,
        "epochs": 2,
        "parameters": 42834,
        "seconds": 90.0,
        "device": "cpu",
        "preprocess_version": 1,
        "model_sha256": HASH,
        "versions": {"torch": "2.8"},
    }
    return Card(**(usual | changes))


def a_lock(**changes):
    usual = {
        "threshold": THRESHOLD,
        "rule": "youden",
        "locked_at": AT,
        "actor": "training",
        "preprocess_version": 1,
        "model_sha256": HASH,
        "dataset": "films",
        "n": 300,
    }
    return Lock(**(usual | changes))


def predictions(seed=0, n=300, labels=None):
    """Return predictions of patients with several films; some films tell the kind of pneumonia."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n) if labels is None else np.full(n, labels)
    logit = 1.5 * labels - 0.8 + rng.normal(size=n)
    kinds = np.where(labels == 1, rng.choice(["bacterial", "viral", ""], n), "")
    frame = pd.DataFrame(
        {
            "image_id": [f"{i}.png" for i in range(n)],
            "group": [f"g{patient}" for patient in rng.integers(0, 120, n)],
            "split": "validation",
            "label": labels.astype(float),
            "subtype": kinds,
            "logit": logit,
            "score": 1 / (1 + np.exp(-logit)),
        }
    )
    return Predictions(frame, HASH)


def written(card=None, *, lock="usual", members=None, validation=None, test=SEALED, openings=0):
    return model_card(
        card or a_card(),
        lock=a_lock() if lock == "usual" else lock,
        members=members,
        validation=predictions() if validation is None else validation,
        test=test,
        openings=openings,
    )
