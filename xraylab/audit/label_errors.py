"""
Label errors: films whose picture speaks against their label.

- films are described and scored as ``encoder`` does, which never learnt these labels
- confident learning (Northcutt, Jiang and Chuang 2021, doi 10.1613/jair.1.12125) ranks the films
- a suspect is no proof: a rare picture is suspected too, so a person has to look
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xraylab.audit.encoder import cross_validated
from xraylab.audit.found import MOST_FILMS, Found
from xraylab.formats import count, percent

_MEND = (
    "Look at the suspects first. Mend it: leave out those whose label is wrong, with a reason, or have their "
    "labels corrected at the source and import again."
)


@dataclass(frozen=True, eq=False)
class Suspects:
    """Films in the order in which their labels are suspected."""

    order: NDArray[np.intp]  # all rows, the most suspect first
    number: int  # of films that are suspected: the first of the order

    @classmethod
    def of_features(
        cls,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        groups: NDArray[np.int64],
        seed: int = 0,
    ) -> Self:
        """Rank films by what their features say of their labels; see ``encoder.cross_validated``."""
        return cls.of_scores(cross_validated(features, labels, groups, seed), labels)

    @classmethod
    def of_scores(cls, scored: NDArray[np.float64], labels: NDArray[np.int64]) -> Self:
        """Rank films by what their scores say of their labels.

        Parameters
        ----------
        scored : float array of shape (n, 2)
            As ``encoder.cross_validated`` returns them.
        labels : int array of shape (n,)
            0 or 1.
        """
        # Imported here: slow to load, and only an audit needs them.
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

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
