"""The bootstrap of patients as a plain loop."""

import numpy as np


def drawn_films(patients, seed, resamples):
    """Draw patients with replacement, ``resamples`` times, and yield the rows of their films."""
    rng = np.random.default_rng(seed)
    own = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    for _ in range(resamples):
        yield np.concatenate([own[i] for i in rng.integers(len(own), size=len(own))])
