"""
A home with two locked models whose held-out films can be divided by the columns of a table.

Scores are drawn and not computed; everything that reads them goes its usual way. A test module loads the
fixture with ``pytest_plugins = ["tests.support.grouped"]``.
"""

import shutil

import numpy as np
import pytest

from tests.support.brief import MODEL
from tests.support.grouped_films import SECOND, frame_of, held_out, store, write_catalog
from xraylab import actions

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def grouped(trained):
    """Return the settings of a home with two locked models of such films, and their dataset."""
    labels, logits, people, facts = held_out()
    shutil.copytree(trained.models / MODEL, trained.models / SECOND)
    card = trained.models / SECOND / "card.json"
    card.write_text(card.read_text().replace(f'"name": "{MODEL}"', f'"name": "{SECOND}"'))
    other = logits + np.random.default_rng(9).normal(0, 1, logits.size)
    for name, drawn in ((MODEL, logits), (SECOND, other)):
        store(trained, name, frame_of(labels, drawn, people, facts))
        actions.lock(trained, name, "value:0.5", actor="training")
    catalog = facts.sample(frac=1, random_state=0)  # in another order than the predictions
    write_catalog(trained, catalog.assign(split="validation"))
    return trained
