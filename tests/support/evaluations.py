"""An evaluation of simulated films, and predictions of a model that tells the kinds of pneumonia apart."""

import numpy as np
import pandas as pd

from tests.support.cards import AT, HASH, a_card, a_lock, predictions
from xraylab.predictions import Predictions
from xraylab.reports.evaluation import evaluation_report


def reported(
    *,
    validation=None,
    test=None,
    lock=None,
    card=None,
    prevalence=0.1,
    cost=None,
    markdown="# Card\n",
    provenance=None,
):
    return evaluation_report(
        card or a_card(),
        lock or a_lock(),
        validation=predictions() if validation is None else validation,
        test=test,
        markdown=markdown,
        openings=0,
        prevalence=prevalence,
        made_at=AT,
        cost=cost,
        provenance=provenance,
    )


def of_three(seed=0, n=300):
    """Return predictions of a model that tells the kinds of pneumonia apart, and the true classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    odds = np.exp(rng.normal(0, 1, (n, 3)) + 1.5 * np.eye(3)[truth])
    odds /= odds.sum(axis=1, keepdims=True)
    score = 1 - odds[:, 0]
    frame = pd.DataFrame(
        {
            "image_id": [f"{i}.png" for i in range(n)],
            "group": [f"g{patient}" for patient in rng.integers(0, 120, n)],
            "split": "validation",
            "label": (truth > 0).astype(float),
            "subtype": np.array(["", "bacterial", "viral"])[truth],
            "logit": np.log(score / (1 - score)),
            "score": score,
            "p_normal": odds[:, 0],
            "p_bacterial": odds[:, 1],
            "p_viral": odds[:, 2],
        }
    )
    return Predictions(frame, HASH), truth
