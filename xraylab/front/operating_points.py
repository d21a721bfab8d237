"""Operating points: lock a threshold on validation, then evaluate at it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike, fsdecode
from typing import SupportsFloat

from xraylab import actions, documents, formats
from xraylab.errors import RecipeError
from xraylab.evaluation.rules import rule_words
from xraylab.front.evaluations import Evaluation, evaluation
from xraylab.front.results import Named, Result, labelled, name_of
from xraylab.settings import Settings, load_settings

ACTOR = "Python"  # who locks and opens, for the record
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, repr=False)
class LockedModel(Result):
    """A lock that was just made.

    Attributes
    ----------
    model, rule : str
    threshold : float
        A score from here up is positive.
    review_from : float or None
        Lower end of the review band; None without one.
    review_rule : str or None
        The rule that chose it.
    after_opening : bool
        Whether the test split had been opened before.
    validation : Evaluation
        The model on its validation films at this lock. The threshold was chosen on them, so these numbers
        are too good.
    """

    model: str
    rule: str
    threshold: float
    review_from: float | None
    review_rule: str | None
    after_opening: bool
    validation: Evaluation

    def lines(self) -> list[str]:
        """Return the lock, and sensitivity and specificity on validation."""
        lines = [
            f"{self.model}: lock {formats.score(self.threshold)} ({rule_words(self.rule)})",
            labelled("sensitivity", f"{self.validation.sensitivity!r} on validation"),
            labelled("specificity", f"{self.validation.specificity!r} on validation"),
        ]
        if self.review_from is not None:
            lines.append(labelled("review from", formats.score(self.review_from)))
        return lines


def lock(
    model: str | Named,
    rule: str | SupportsFloat = "youden",
    *,
    review: str | None = None,
    settings: Settings | None = None,
) -> LockedModel:
    """Lock a model's operating point on its validation films.

    Parameters
    ----------
    model : str or TrainedModel
    rule : str or float
        ``youden``, ``f1``, ``sensitivity:0.95``, ``specificity:0.95``, ``floor:0.95`` or ``cost:10``; or the
        threshold itself, in [0, 1].
    review : str, optional
        Rule for the lower end of a review band. A film between it and the threshold needs a reader.
    settings : Settings, optional
        By default ``load_settings()``.

    Returns
    -------
    LockedModel

    Raises
    ------
    NotFoundError
        If there is no such model.
    RecipeError
        If a rule is invalid or can't be met, or the review band doesn't lie below the threshold.
    """
    made = actions.lock(settings or load_settings(), name_of(model), _rule(rule), actor=ACTOR, review=review)
    return _locked(made)


def _locked(made: documents.Locked) -> LockedModel:
    return LockedModel(
        model=made.model,
        rule=made.rule,
        threshold=made.threshold,
        review_from=made.review_from,
        review_rule=made.review_rule,
        after_opening=made.after_opening,
        validation=evaluation(made.val),
    )


def restore_lock(model: str | Named, *, settings: Settings | None = None) -> LockedModel:
    """Restore the threshold that a shipped model came with; the record of its openings stays.

    Parameters
    ----------
    model : str or TrainedModel
        A model that comes with XRayLab.
    settings : Settings, optional
        By default ``load_settings()``.

    Returns
    -------
    LockedModel
        The lock that is valid now.

    Raises
    ------
    NotFoundError
        If there is no such model.
    XRayLabError
        If the model didn't come with XRayLab.
    """
    return _locked(actions.restore_lock(settings or load_settings(), name_of(model), actor=ACTOR))


def evaluate(
    model: str | Named,
    data: str | PathLike[str],
    *,
    split: str = "test",
    include_used: bool = False,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Evaluate a model on labelled films at its lock.

    Parameters
    ----------
    model : str or TrainedModel
    data : str or path-like
        Name of a dataset, or the path of a labelled folder or zip archive, which is scored whole.
    split : str
        ``test``, ``validation`` or ``train`` of the dataset. Every opening of test films is logged for good,
        whatever name they come under.
    include_used : bool
        Whether films that the model was made from count too. By default they are left out.
    on_progress : callable, optional
        Called with the films scored so far, and all of them.
    settings : Settings, optional
        By default ``load_settings()``.

    Returns
    -------
    Evaluation

    Raises
    ------
    HonestOrderError
        If the model isn't locked, or was made from all of these films.
    NotFoundError, DatasetError
        If there is no such model, dataset, path or split, or no film of it can be read.
    """
    document = actions.evaluate(
        settings or load_settings(),
        name_of(model),
        fsdecode(data),
        split=split,
        include_used=include_used,
        actor=ACTOR,
        on_progress=on_progress,
    )
    return evaluation(document)


def _rule(rule: str | SupportsFloat) -> str | float:
    if isinstance(rule, str):
        return rule
    try:
        threshold = float(rule)  # NumPy's numbers too
    except (TypeError, ValueError):
        threshold = math.nan
    if math.isnan(threshold):
        raise RecipeError(
            f"{rule!r} is not a rule for a threshold. Give a rule such as “sensitivity:0.95”, or a number in "
            "[0, 1]."
        )
    return threshold
