"""
Label errors: films whose picture speaks against their label.

- an encoder that was trained on photographs alone describes the films, see ``features``: it never learnt
  these labels, so it can't repeat their errors
- a classifier on these descriptions scores each film without having seen it or its group
- confident learning (Northcutt, Jiang and Chuang 2021, doi 10.1613/jair.1.12125) ranks the films
- a suspect is no proof: a rare picture is suspected too, so a person has to look
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xraylab.audit.found import MOST_FILMS, Found
from xraylab.formats import count, percent

_FOLDS = 5
_STRENGTH = (
    0.01  # inverse of the penalty: weak enough to separate, too strong to learn single labels by heart
)
_FEWEST = 2 * _FOLDS  # groups of each class
_MEND = (
    "Look at the suspects first. Mend it: leave out those whose label is wrong, with a reason, or have their "
    "labels corrected at the source and import again."
)


@dataclass(frozen=True, eq=False)
class Suspects:
    """Films in the order in which their labels are suspected."""

    order: NDArray[np.intp]  # all rows, the most suspect first
    number: int  # of films that are suspected: the first of the order

    @staticmethod
    def can_tell(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> bool:
        """Return whether each class has groups enough to be left out in turn."""
        return min(np.unique(groups[labels == label]).size for label in (0, 1)) >= _FEWEST

    @classmethod
    def of_features(
        cls,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        groups: NDArray[np.int64],
        seed: int = 0,
    ) -> Self:
        """Rank films by what their features say of their labels.

        Parameters
        ----------
        features : float array of shape (n, d)
        labels : int array of shape (n,)
            0 or 1.
        groups : int array of shape (n,)
            Films of a group are scored together, by a classifier that saw none of them.

        Raises
        ------
        ValueError
            If a class has too few groups to be left out in turn.
        """
        # Imported here: slow to load, and only an audit needs them.
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if not cls.can_tell(labels, groups):
            raise ValueError(f"each class needs {_FEWEST} groups")
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTH, max_iter=1000))
        folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
        scored = cross_val_predict(
            classifier, features, labels, groups=groups, cv=folds, method="predict_proba"
        )
        quality = get_label_quality_scores(labels, scored, method="normalized_margin")
        # In this process: the films are few, and other processes would load all libraries anew.
        issues = find_label_issues(labels, scored, filter_by="both", n_jobs=1)
        order = np.lexsort((quality, ~issues))
        return cls(order, int(issues.sum()))


def found(suspects: Suspects | None, images: list[str]) -> Found:
    """Say how many labels are suspected.

    Parameters
    ----------
    suspects : Suspects or None
        None if there are too few films to tell.
    images : list of str
        The image ids of all films.
    """
    if suspects is None:
        sentence = "Whether labels are wrong can't be told from so few patients."
        return Found(check="label_errors", severity="none", figure=None, sentence=sentence)
    n, suspected = len(images), suspects.number
    if not suspected:
        sentence = f"The pictures speak against none of the {count(n)} labels."
        return Found(check="label_errors", severity="none", figure=0, sentence=sentence)
    look, their = ("looks", "its") if suspected == 1 else ("look", "their")
    return Found(
        check="label_errors",
        severity="low",
        figure=suspected / n,
        sentence=f"{count(suspected)} of {count(n)} films ({percent(suspected / n)}) {look} unlike {their} "
        "label: it may be wrong, or the picture rare.",
        films=tuple(images[row] for row in suspects.order[: min(suspected, MOST_FILMS)]),
        mend=_MEND,
        mend_by=("leave out",),
    )
