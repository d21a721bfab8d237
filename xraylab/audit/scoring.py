"""
Scoring: a classifier on the features of films, which scores each film without having seen its patient.

scikit-learn is imported when films are scored.
"""

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
FEWEST = 2 * FOLDS  # groups of each class
_STRENGTH = (
    0.01  # inverse of the penalty: weak enough to separate, too strong to learn single labels by heart
)


def can_tell(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> bool:
    """Return whether each class has groups enough to be left out in turn."""
    return min(np.unique(groups[labels == label]).size for label in (0, 1)) >= FEWEST


def cross_validated(
    features: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float64]:
    """Score each film by a classifier that saw neither the film nor its group.

    Parameters
    ----------
    features : float array of shape (n, d)
    labels : int array of shape (n,)
        0 or 1.
    groups : int array of shape (n,)
        Films of a group are scored together.

    Returns
    -------
    float64 array of shape (n, 2)
        The probability of each label.

    Raises
    ------
    ValueError
        If a class has too few groups to be left out in turn.
    """
    # Imported here: slow to load, and only an audit needs them.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not can_tell(labels, groups):
        raise ValueError(f"each class needs {FEWEST} groups")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=1000))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    scored: NDArray[np.float64] = cross_val_predict(
        classifier, features, labels, groups=groups, cv=folds, method="predict_proba"
    )
    return scored
