"""
Sentences that explain one film's score and heatmap.

- the Read screen and all documents use these sentences, so that they all say the same
- plain numbers in, sentences out: no Markdown, no markup, no outside text
- a score is called a probability only if it was calibrated, and then only for films like those used for that
- disagreement between models is never called an interval, and a faithful heatmap is never called correct
"""

import math
from collections.abc import Sequence

from xraylab.evaluation.band import review_band
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.prevalence import moved, predictive_values
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.findings import PNEUMONIA, Finding
from xraylab.formats import DASH, count, interval, percent, score

OVERRIDDEN = "Decided despite the warnings, at a person's request."
NOT_DECIDED = "Not decided because of the warnings."
NOT_MOVED = "An uncalibrated score can't be moved to another prevalence."
FAINT = 0.1  # share of full colour below which a map is hardly visible
_LEAST = 0.001  # smallest share of full colour that is written as a number
_NEARLY_ALL = 0.9995  # from here a share would be rounded to 100.0 %


def kinds_caveat(finding: Finding) -> str:
    """Write how far the likely kinds can be trusted."""
    return f"Kind, if it is {finding.name}, learnt {finding.kinds_caveat}."


def blank(finding: Finding) -> str:
    """Write what a blank heatmap means."""
    return f"It is blank: nothing in the film raised the {finding.name} score, which is a valid result."


def fixed_scale(finding: Finding) -> str:
    """Write how strong full colour is on a scale that is the same on every film."""
    return f"as strong as the strongest 1 % of places on validation films {finding.ill}"


def prevalence(
    positives: int, n: int, *, calibrated: bool, copies: int = 0, finding: Finding = PNEUMONIA
) -> str:
    """Write whether a score is a probability, and at which prevalence.

    Parameters
    ----------
    positives, n : int
        Number of validation films with the finding, and of all validation films.
    calibrated : bool
        Whether the model's scores were calibrated on these films; see ``Card.calibrated``.
    copies : int
        Number of perturbed copies of each film that they were calibrated on too; see
        ``Card.calibrated_on``.
    """
    if not n:
        return f"The score is not a probability of {finding.name}: there are no validation films."
    share = percent(positives / n)
    if calibrated:  # Platt scaling on these films: valid only at their prevalence
        return (
            f"Calibrated on {calibration_films(n, copies)}, {share} of them {finding.ill}: the score is a "
            f"probability only where {finding.name} is as common, and only for films taken and cut like "
            "these."
        )
    return (
        f"Not calibrated, so the score is not a probability of {finding.name}. Of {_films(n)}, {share} have "
        f"{finding.name}; where it is rarer, fewer films with this score have it."
    )


def calibration_films(n: int, copies: int) -> str:
    """Write the films that a calibration was fitted to, with the perturbed copies of each film."""
    if not copies:
        return _films(n)
    of_each = f"{copies} perturbed {'copy' if copies == 1 else 'copies'} of each"
    return f"{_films(n)} and {of_each} ({count(n * (1 + copies))} scores)"


def at_prevalence(at: float, positives: int, n: int, prevalence: float) -> float:
    """Move a calibrated score by the prior odds from its validation films to another prevalence.

    Parameters
    ----------
    at : float
        The score, in [0, 1].
    positives, n : int
        Number of validation films with the finding, and of all validation films.
    prevalence : float
        In (0, 1).

    Returns
    -------
    float
        In [0, 1]; NaN if the validation films have one class only.
    """
    if not 0 < positives < n:
        return math.nan
    return float(moved(at, measured_at=positives / n, to=prevalence))


def probability(
    at: float,
    positives: int,
    n: int,
    prevalence: float,
    *,
    calibrated: bool,
    finding: Finding = PNEUMONIA,
) -> str:
    """Write the score that a calibrated model gives at another prevalence, or that it can't be moved."""
    if not calibrated:
        return NOT_MOVED
    share = at_prevalence(at, positives, n, prevalence)
    return f"Where {percent(prevalence)} of films have {finding.name}, the probability is {score(share)}."


def undecided(at: float) -> str:
    """Write the score of a film that isn't decided, as a detail."""
    return f"Score {score(at)}, which decides nothing here."


def below(
    films: ThresholdTable, threshold: float, review_from: float | None, *, prevalence: float, split: str
) -> str:
    """Write what "below" means: the films below with the finding, the work of a reader, and the NPV.

    Parameters
    ----------
    films : ThresholdTable
        The films of a split.
    threshold, review_from : float
        Of the lock; None without a review band.
    prevalence : float
        Share of films with the finding that the NPV holds for, in (0, 1).
    split : str
        Names the films: ``validation`` or ``test``.
    """
    cut = threshold if review_from is None else review_from
    band = review_band(films, cut, threshold)
    where = "the threshold" if review_from is None else "both thresholds"
    if not band.below.films:
        return f"No {split} film lies below {where}, so nothing is known of such films."
    finding, have = films.finding.name, "has" if band.missed == 1 else "have"
    sentences = [
        f"Of {count(band.below.films)} {split} film{'' if band.below.films == 1 else 's'} below {where}, "
        f"{count(band.missed)} {have} {finding} ({percent(band.below.diseased_share)}, 95 % interval "
        f"{interval(*band.below_interval)})."
    ]
    if review_from is not None:
        sentences.append(f"{percent(band.between.share)} of all {split} films need a reader.")
    values = predictive_values(films, cut, prevalence)
    if not math.isnan(values.npv):
        sentences.append(
            f"Where {percent(prevalence)} of films have {finding}, {_almost(values.npv)} of the films below "
            f"have none (NPV, {interval(*values.npv_interval)})."
        )
    return " ".join(sentences)


def position(validation: ThresholdTable, at: float, *, locked: bool) -> str:
    """Compare a score with the validation films: "0 of 201 normal validation films score this high".

    Parameters
    ----------
    validation : ThresholdTable
        Of the model's validation films.
    at : float
        The score.
    locked : bool
        Whether the model has a threshold, which these films chose.

    Returns
    -------
    str
        Counts of films, each with the upper end of its 95 % interval by film and by patient. By film it is
        too low if patients have several films; by patient, films of one patient may score the same.
    """
    point, finding = validation.at(at), validation.finding
    well = "normal validation films" if finding.is_against_normal else f"validation films {finding.well}"
    normals, upper = _share(validation, "specificity", at, point.fp, validation.negatives)
    ill, ill_upper = _share(validation, "sensitivity", at, point.fn, validation.positives)
    sentence = (
        f"{normals} {well} score this high or higher{upper}; {ill} validation films "
        f"{finding.ill} score lower{ill_upper}."
    )
    return f"{sentence} These films chose the threshold too." if locked else sentence


def disagreement(spread: float, models: int) -> str:
    """Write how much the models of an ensemble differ, without the look of a confidence interval.

    Parameters
    ----------
    spread : float
        Standard deviation of their calibrated probabilities.
    models : int
        Number of models.
    """
    return (
        f"Disagreement between its {models} models: {score(spread)} (standard deviation of their "
        "probabilities). It says how much the models differ, not how certain the score is."
    )


def kinds(shares: Sequence[tuple[str, float]], finding: Finding) -> str:
    """Write the likely kinds of the finding; shown only together with a positive decision.

    Parameters
    ----------
    shares : sequence of (name, probability)
        Probability of each kind, given the finding.
    """
    listed = ", ".join(f"{name} {percent(share)}" for name, share in shares)
    return f"{listed[:1].upper()}{listed[1:]}. {kinds_caveat(finding)}"


def heatmap(
    method: str,
    grids: Sequence[tuple[int, int]],
    *,
    fixed: bool,
    strongest: float,
    finding: Finding = PNEUMONIA,
) -> str:
    """Describe a heatmap: method, grid and scale, and whether anything is visible.

    Parameters
    ----------
    method : str
        Title of the method.
    grids : sequence of (rows, columns)
        The true grid of each network whose map is drawn.
    fixed : bool
        Whether full colour is the same on every film.
    strongest : float
        The strongest place as a share of full colour, 0 to 1.
    """
    sizes = " and ".join(f"{rows} × {columns}" for rows, columns in grids)
    shows = f"It shows which regions raised the {finding.name} score."
    meaning = blank(finding) if strongest == 0 else shows
    # A blank or very faint map must not be read as “nothing is wrong”, so the sentence names its strength.
    if 0 < strongest < FAINT:
        most = percent(strongest) if strongest >= _LEAST else f"less than {percent(_LEAST)}"
        meaning += f" None did much: the strongest has {most} of full colour, which is hardly visible."
    scale = (
        f"Full colour is the same on every film: {fixed_scale(finding)}."
        if fixed
        else "Full colour is the strongest place on this film, so a low score may glow too: there is no "
        "fixed scale."
    )
    return (
        f"{method} on the network's own grid of {sizes}; finer detail is interpolation. {meaning} {scale} It "
        "explains the model, not the patient."
    )


def faithful(beaten: int, maps: int) -> str:
    """Write how faithful a heatmap is to the model, without calling the model right.

    Parameters
    ----------
    beaten, maps : int
        Number of random maps that are less faithful, and number of random maps compared.
    """
    return (
        f"Faithful to the model: more than {beaten} of {maps} smooth random maps ({beaten / maps:.2f}; 0.50 "
        "is chance), by the change of the score when the marked parts are filled in (ROAD). That doesn't "
        "show whether the model is right about the patient."
    )


def _almost(share: float) -> str:
    """Write a share as a percentage that doesn't say all or none unless it is."""
    if _NEARLY_ALL <= share < 1:
        return f"more than {percent(0.999)}"
    return f"less than {percent(_LEAST)}" if 0 < share < _LEAST / 2 else percent(share)


def _films(n: int) -> str:
    return f"{count(n)} validation {'film' if n == 1 else 'films'}"


def _share(validation: ThresholdTable, rate: str, at: float, part: int, whole: int) -> tuple[str, str]:
    """Write "2 of 201" and how high the share may be, if ``rate`` is the share of the other films."""
    if not whole:
        return f"{DASH} of 0", ""
    by_film = percent(wilson_interval(part, whole)[1])
    by_patient = percent(1 - validation.interval(rate, at)[0])
    several = f" by film, {by_patient} by patient" if by_patient != by_film else ""
    return f"{count(part)} of {count(whole)}", f" (up to {by_film}{several})"
