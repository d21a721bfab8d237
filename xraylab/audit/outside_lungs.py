"""
Outside the lungs: whether the label can be read from the border of a film, with the lungs blanked out.

- the same encoder and classifier as for label errors, on films of which only a frame is left
- what the frame tells may be real: a sick child is younger, held by a hand, wears wires; or it may be a
  shortcut, such as a marker of the room. So it is at most “low”: associated, and worth a look
- the frame isn't free of the lungs in every film: a film that is cut tightly shows lung at its edge, and how
  bright or compressed the frame is may depend on the whole picture
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xraylab.audit.found import Found
from xraylab.evaluation.intervals import AreaEstimate, auc_estimate
from xraylab.findings import Finding
from xraylab.formats import auc, auc_interval, counted

# Pixels of 256 that stay at each edge, 8 %. The lungs of nearly all films lie inside of the rest, which is
# 71 % of the picture: an ellipse, or a smaller rectangle, would leave the tips and the recesses of many.
MARGIN = 20
# The same grey for all films: a film's own mean would tell how bright its lungs are.
_BLANK = 128
NOTICEABLE = 0.6  # an AUC below tells a network little
_SIGNIFICANT = 0.05
_MEND = (
    "Look at what the frame shows: markers, tubes, hands, the way a film is cut. Cut the films to the lungs "
    "and import again, or test the model on films from elsewhere."
)


def blanked(films: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return films with one grey in place of their lungs.

    Parameters
    ----------
    films : uint8 array of shape (n, 256, 256)
    """
    bordered = films.copy()
    bordered[:, MARGIN:-MARGIN, MARGIN:-MARGIN] = _BLANK
    return bordered


@dataclass(frozen=True)
class OutsideLungs:
    """How well the label is told without the lungs, and by the whole films in the same way."""

    n: int  # films
    patients: int
    border: AreaEstimate
    whole: AreaEstimate | None  # None if the whole films weren't scored

    @property
    def fires(self) -> bool:
        """Whether the border tells the label significantly, and well enough for a network to use it."""
        return self.border.p < _SIGNIFICANT and self.border.value >= NOTICEABLE


def measure(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    border: NDArray[np.float64],
    whole: NDArray[np.float64] | None = None,
) -> OutsideLungs:
    """Measure how well scores tell the label, clustered by group.

    Parameters
    ----------
    labels, groups : int arrays of shape (n,)
    border, whole : float arrays of shape (n,)
        Scores of the blanked films and of the whole ones, each by a classifier that hasn't seen the group.
    """
    return OutsideLungs(
        labels.size,
        np.unique(groups).size,
        auc_estimate(labels, border, groups),
        None if whole is None else auc_estimate(labels, whole, groups),
    )


def found(measured: OutsideLungs | None, finding: Finding) -> Found:
    """Say whether the label can be read outside the lungs; None if there are too few patients to tell."""
    if measured is None:
        sentence = "Whether the label can be read outside the lungs can't be told from so few patients."
        return Found(check="outside_lungs", severity="none", figure=None, sentence=sentence)
    films = f"{counted(measured.n, 'film')} of {counted(measured.patients, 'patient')}"
    classes = f"{finding.well_films} from films {finding.ill}"
    whole = (
        "" if measured.whole is None else f"; with the whole picture it reaches {_written(measured.whole)}"
    )
    seen = (
        f"A network that sees only the border of the films, the lungs blanked out, tells {classes} with an "
        f"AUC of {_written(measured.border)} on {films}, where 0.5 is chance{whole}"
    )
    meaning = (
        "Part of the label can be read outside the lungs. Age, position and devices may be real signs of it, "
        "and how the films were made may show there too; another hospital's films may lack all of these."
        if measured.fires
        else "So little or nothing of the label was shown to be outside the lungs."
    )
    return Found(
        check="outside_lungs",
        severity="low" if measured.fires else "none",
        figure=measured.border.value,
        sentence=f"{seen}. {meaning}",
        mend=_MEND if measured.fires else None,
    )


def _written(area: AreaEstimate) -> str:
    return f"{auc(area.value)} ({auc_interval(area.low, area.high)})"
