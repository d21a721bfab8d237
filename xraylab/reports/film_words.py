"""
What is said of one film's score, in sentences.

- the Read screen and every document use these, so that none of them says it in other words
- plain numbers in, sentences out: no Markdown, no markup, nothing from outside
- a score is called a probability only where it was calibrated, and then of the films it was calibrated on
- disagreement between models is never called an interval, and faithful to the model never right
"""

import math
from collections.abc import Sequence

from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.formats import DASH, count, percent, score

OVERRIDDEN = "Decided in spite of the warnings, on a person's word."
NOT_DECIDED = "Not decided because of the warnings."
KINDS_CAVEAT = (
    "Kind of pneumonia, if it is one, from file names; films don't reliably tell bacterial from viral."
)
BLANK = "It is blank: nothing in the film raised the pneumonia score, which is a valid answer."
FIXED = "as strong as the strongest 1 % of places on validation films with pneumonia"
FAINT = 0.1  # part of full colour below which a map is hardly seen
_LEAST = 0.001  # part of full colour that is written as a number
_FEW, _MOST = 0.5, 99.5  # of 100: what would be rounded to none or all


def prevalence(positives: int, n: int, *, calibrated: bool) -> str:
    """Say whether a score is a probability, and at which share of pneumonia.

    Parameters
    ----------
    positives, n : int
        Validation films with pneumonia, and all of them.
    calibrated : bool
        Whether the model's scores were calibrated on them; see ``Card.calibrated``.
    """
    if not n:
        return "The score is no probability of pneumonia: there are no validation films."
    share = percent(positives / n)
    if calibrated:
        return (
            f"Calibrated on {_films(n)}, {share} of them with pneumonia: a probability only where pneumonia "
            "is as common as there."
        )
    return (
        f"Not calibrated, so no probability of pneumonia. Of {_films(n)} {share} have pneumonia; where it is "
        "rarer, fewer of the films that score this have it."
    )


def position(validation: ThresholdTable, at: float) -> str:
    """Say where a score stands among the validation films: "2 of 100 normals score this high or higher"."""
    point = validation.at(at)
    normals = _of_100(point.fp, validation.negatives)
    ill = _of_100(point.fn, validation.positives)
    said = f"{normals} of 100 normals score this high or higher; {ill} of 100 pneumonias score lower."
    return f"{said[0].upper()}{said[1:]}"


def disagreement(spread: float, models: int) -> str:
    """Say how far the models of an ensemble are apart, in words that nobody takes for an interval.

    Parameters
    ----------
    spread : float
        Standard deviation of their calibrated probabilities.
    models : int
        How many they are.
    """
    return (
        f"Disagreement between its {models} models: {score(spread)} (standard deviation of their "
        "probabilities). It says how alike the models are, not how sure the score is."
    )


def kinds(shares: Sequence[tuple[str, float]]) -> str:
    """Say which kind of pneumonia it would be; only ever beside a positive decision.

    Parameters
    ----------
    shares : sequence of (name, probability)
        Given pneumonia.
    """
    told = ", ".join(f"{name} {percent(share)}" for name, share in shares)
    return f"{told[:1].upper()}{told[1:]}. {KINDS_CAVEAT}"


def heatmap(method: str, grids: Sequence[tuple[int, int]], *, fixed: bool, strongest: float) -> str:
    """Say what a heatmap is: method, grid and scale, and whether there is anything to see.

    Parameters
    ----------
    method : str
        Its title.
    grids : sequence of (rows, columns)
        The true grid of each network that it is drawn by.
    fixed : bool
        Whether full colour is the same on every film.
    strongest : float
        The strongest place in parts of full colour, 0 to 1.
    """
    sizes = " and ".join(f"{rows} × {columns}" for rows, columns in grids)
    says = BLANK if strongest == 0 else "It shows which regions raised the pneumonia score."
    if 0 < strongest < FAINT:
        most = percent(strongest) if strongest >= _LEAST else f"less than {percent(_LEAST)}"
        says += f" Nothing did much: the strongest place has {most} of full colour, which is hardly seen."
    scale = (
        f"Full colour is the same on every film: {FIXED}."
        if fixed
        else "Full colour is the most on this film, so a low score may glow too: there is no fixed scale."
    )
    return (
        f"{method} on the network's own grid of {sizes}; finer detail is interpolation. {says} {scale} It is "
        "about the model, not about the child."
    )


def faithful(beaten: int, maps: int) -> str:
    """Say how faithful a heatmap is to the model, in words that nobody takes for being right.

    Parameters
    ----------
    beaten, maps : int
        How many random maps it was held against, and how many of them are less faithful.
    """
    return (
        f"Faithful to the model: more than {beaten} of {maps} smooth random maps ({beaten / maps:.2f}; by "
        "chance 0.50), by what becomes of the score when the marked parts are filled in (ROAD). That is not "
        "whether the model is right about the child."
    )


def _films(n: int) -> str:
    return f"{count(n)} validation {'film' if n == 1 else 'films'}"


def _of_100(part: int, whole: int) -> str:
    """So many of a hundred; what isn't quite none or all doesn't say that it is."""
    if not whole:
        return DASH
    share = 100 * part / whole
    if 0 < share < _FEW:
        return "fewer than 1"
    return "more than 99" if _MOST <= share < 100 else str(math.floor(share + 0.5))  # noqa: PLR2004
