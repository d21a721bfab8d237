"""
Operating points: lock a model on validation, open its test split, evaluate it at the lock.

- a threshold is chosen on validation films only; test films are looked at once, at the lock
- an opening is logged before anything is looked at, so that no opening can go without its record
- numbers on films that a model held out come from its stored scores, to their last digit
"""

import hashlib
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xraylab import documents, trail
from xraylab.actions.datasets import Progress
from xraylab.actions.labelled import LabelledFilms, count_warned, read_source, score_films
from xraylab.actions.overlap import overlap, overlap_of_held_out
from xraylab.data import datasets
from xraylab.data.openings import log_opening
from xraylab.errors import DatasetError, NotFoundError, RecipeError
from xraylab.evaluation.band import review_band
from xraylab.evaluation.figures import calibration_of, table_of
from xraylab.evaluation.rules import Rule, as_rule
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.findings import fold
from xraylab.finite import check_scores
from xraylab.formats import score
from xraylab.models import (
    Lock,
    Model,
    choose_threshold,
    decides_alike,
    load_model,
    openings_of,
    openings_on_films,
    seen_before,
    test_fingerprints,
)
from xraylab.predictions import SPLITS, Predictions
from xraylab.reports.calibration import calibrated
from xraylab.settings import Settings


def lock(
    settings: Settings,
    name: str,
    rule: str | Rule | float,
    *,
    actor: str,
    review: str | Rule | float | None = None,
) -> documents.Locked:
    """Lock a model's operating point.

    Parameters
    ----------
    rule : str, Rule or float
        The rule that chooses the threshold on the validation films, or the threshold itself, in [0, 1].
    actor : str
        Who locks, for the record.
    review : str, Rule or float, optional
        The lower end of a review band, in the same way: a film between it and the threshold needs a reader.
        By default there is no band.

    Raises
    ------
    NotFoundError
        If there is no such model, its predictions are missing or damaged, or a rule asks for a suite that
        it wasn't scored under.
    WeightsError
        If its stored predictions are those of other weights.
    RecipeError
        If a rule is invalid or can't be met, or the review band wouldn't lie below the threshold.
    """
    model = load_model(settings, name)
    # Both are checked before either is applied: a misspelt review rule must not cost the time of a floor.
    chosen_by, reviewed_by = as_rule(rule), None if review is None else as_rule(review)
    threshold = choose_threshold(model, chosen_by)
    review_from = None if reviewed_by is None else _review_from(model, reviewed_by, threshold)
    seen = seen_before(settings, model)
    with _entered_lock(settings, model, threshold, str(chosen_by), review_from, actor):
        made = model.write_lock(
            threshold,
            str(chosen_by),
            actor=actor,
            review_from=review_from,
            review_rule=None if reviewed_by is None else str(reviewed_by),
            after_opening=seen.after_opening,
            openings_before=seen.openings,
        )
    return locked(settings, name, made)


def _entered_lock(
    settings: Settings, model: Model, threshold: float, rule: str, review_from: float | None, actor: str
) -> AbstractContextManager[None]:
    band = "" if review_from is None else f", review from {review_from!r}"
    return trail.entered(
        settings,
        trail.MODEL,
        "locked",
        actor=actor,
        name=model.name,
        objects={"model": model.card.model_sha256},
        changed=f"at {threshold!r} by {rule}{band}",
    )


def locked(settings: Settings, name: str, made: Lock) -> documents.Locked:
    """Describe a lock, with the model's numbers on its validation films.

    Raises
    ------
    NotFoundError, WeightsError
        As ``evaluate_validation``.
    """
    return documents.Locked(
        model=name,
        rule=made.rule,
        threshold=made.threshold,
        review_from=made.review_from,
        review_rule=made.review_rule,
        after_opening=made.after_opening,
        one_decision=decides_alike(load_model(settings, name)),
        val=evaluate_validation(settings, name),
    )


def _review_from(model: Model, rule: Rule, threshold: float) -> float:
    """Choose the lower end of a review band, and reject one that isn't below the threshold."""
    review_from = choose_threshold(model, rule)
    if review_from >= threshold:
        raise RecipeError(
            f"“{rule}” puts the lower end of the review band at {score(review_from)}, which isn't below the "
            f"threshold of {score(threshold)}. Choose a rule that puts it lower, or lock at a higher "
            "threshold."
        )
    return review_from


def evaluate_validation(settings: Settings, name: str) -> documents.Evaluated:
    """Return a model's numbers on its validation films at its lock.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    NotFoundError
        If there is no such model, or its predictions are missing or damaged.
    WeightsError
        If its stored predictions are those of other weights.
    """
    return _evaluate_kept(settings, load_model(settings, name), "validation")


def open_test(settings: Settings, name: str, *, actor: str) -> documents.Evaluated:
    """Open the test split for a locked model; this is logged for good, on the model and on the dataset.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    NotFoundError, WeightsError
        As ``evaluate_validation``; then nothing is opened or logged.
    """
    model = load_model(settings, name)
    model.require_lock()
    _check_usable(model)
    # Logged first: if the process dies in between, an opening is on record that showed nothing.
    _log_opening(settings, model, test_fingerprints(settings, model), model.card.dataset.name, actor)
    model.write_opening()
    return test_result(settings, name)


def test_result(settings: Settings, name: str) -> documents.Evaluated:
    """Return a model's numbers on its test films at its lock, once they have been opened; open nothing.

    Raises
    ------
    HonestOrderError
        If the test films are sealed.
    NotFoundError, WeightsError
        As ``evaluate_validation``.
    """
    return _evaluate_kept(settings, load_model(settings, name), "test")


def evaluate(
    settings: Settings,
    name: str,
    data: str,
    *,
    split: str = "test",
    include_used: bool = False,
    actor: str,
    on_progress: Progress | None = None,
) -> documents.Evaluated:
    """Score labelled films and return a model's numbers on them at its lock.

    Parameters
    ----------
    data : str
        A dataset's name, or the path of a labelled zip or folder, which is scored whole. For a shipped
        model also the name of the films that it held out: these needn't be here, since their scores are in
        its folder.
    split : str
        Split of a dataset; opening the test split is logged, and so is a folder or archive.
    include_used : bool
        Whether films that the model was made from count too. By default they are left out of the figures.

    Raises
    ------
    HonestOrderError
        If the model isn't locked, or was made from all of these films.
    NotFoundError, DatasetError
        If there is no such model, dataset, path or split.
    WeightsError
        If these are films that the model held out, and its stored predictions are those of other weights.
    """
    model = load_model(settings, name)
    model.require_lock()
    if (settings.datasets / data / "dataset.json").exists():
        return _evaluate_dataset(settings, model, data, split, include_used, actor, on_progress)
    # The films of a shipped model aren't here, but the scores that it gave them are in its folder.
    if not Path(data).exists() and model.shipped and data == model.card.dataset.name and split != "train":
        _check_split(split)
        if split == "test":
            return open_test(settings, name, actor=actor)
        return _evaluate_kept(settings, model, split)
    if not Path(data).exists():
        raise NotFoundError(f"“{data}” is neither a dataset nor a path on this machine.")
    films = read_source(Path(data), model.card.finding, on_progress)
    return _evaluate_films(settings, model, films, None, include_used, actor, on_progress)


def _log_opening(settings: Settings, model: Model, films: NDArray[np.uint8], data: str, actor: str) -> None:
    """Log that results on films are about to be shown, given by their stored fingerprints."""
    lock = model.require_lock()
    # The hash stands for the films: a folder's name may be that of a patient.
    shown = {"model": model.card.model_sha256, "films": hashlib.sha256(films.tobytes()).hexdigest()}
    trail.enter(
        settings,
        trail.MODEL,
        "test opened",
        actor=actor,
        name=model.name,
        objects=shown,
        changed=f"{len(films)} films at {lock.threshold!r}",
    )
    log_opening(
        settings,
        films,
        actor=actor,
        model=model.name,
        members=model.card.members,
        data=Path(data).name,  # a path may hold the name of a user
        threshold=lock.threshold,
        review_from=lock.review_from,
    )


def _check_usable(model: Model) -> None:
    """Check that a model's stored predictions can be used, before an opening is logged for good."""
    model.films("validation")  # the same file holds the test films


def _evaluate_dataset(
    settings: Settings,
    model: Model,
    data: str,
    split: str,
    include_used: bool,
    actor: str,
    on_progress: Progress | None,
) -> documents.Evaluated:
    """Evaluate a split of a dataset, and log the opening if it is the test split."""
    _check_split(split)
    dataset = datasets.load_dataset(settings, data)
    asked, answered = dataset.info.finding.name, model.card.finding.name
    if fold(asked) != fold(answered):  # a model for one finding says nothing on labels of another
        raise DatasetError(
            f"“{data}” is labelled for {asked}, and “{model.name}” looks for {answered}. Choose a dataset "
            f"that is labelled for {answered}."
        )
    films = LabelledFilms.of_split(dataset, split)
    if not len(films.rows):
        raise DatasetError(f"The {split} split of {data} is empty.")
    if not model.card.dataset.is_of(dataset.info):
        return _evaluate_films(settings, model, films, split, include_used, actor, on_progress)
    if split == "train":  # asked for by its name, so it is shown, and the overlap says what it is
        return _evaluate_films(settings, model, films, split, True, actor, on_progress)
    _check_usable(model)
    if split == "test":
        _log_opening(settings, model, films.fingerprints.stored, data, actor)
        model.write_opening()
    # The lock was chosen on the stored scores; a new pass may differ in the last digit, so it only warns.
    scored = score_films(settings, model, films, on_progress)
    # Stored numbers of a network that gives none now would be those of another network.
    check_scores(scored.scores, of=f"“{model.name}”", remedy=model.remedy)
    return _evaluate_kept(settings, model, split, warned=count_warned(scored))


def _evaluate_films(
    settings: Settings,
    model: Model,
    films: LabelledFilms,
    split: str | None,
    include_used: bool,
    actor: str,
    on_progress: Progress | None,
) -> documents.Evaluated:
    """Evaluate films that aren't the model's own held-out ones, without those that it was made from."""
    shared = overlap(settings, model, films.fingerprints)
    if not include_used:
        shared.check_any_left(remedy="To see the figures nevertheless, include these films on purpose.")
        films = films.without(shared.used)
    _log_if_opened(settings, model, films, split, actor)
    scored = score_films(settings, model, films, on_progress)
    unscored = int(scored.frame["score"].isna().sum())
    if unscored == len(scored):
        check_scores(scored.scores, of=f"“{model.name}”", remedy=model.remedy)
    return _evaluated(
        model,
        scored,
        data=films.name,
        split=split,
        refused=films.refused + unscored,
        warned=count_warned(scored),
        test_openings=len(openings_on_films(settings, films.fingerprints)),
        shared=shared.document(included=include_used),
    )


def _log_if_opened(
    settings: Settings, model: Model, films: LabelledFilms, split: str | None, actor: str
) -> None:
    """Log an opening if results on test films are about to be shown, under whatever name they come."""
    shown = films.fingerprints.stored
    # A folder may be somebody's test films. Training and validation films of a dataset are opened only where
    # they are this model's test films.
    if split in ("train", "validation"):
        shown = shown[films.fingerprints.find(test_fingerprints(settings, model)) >= 0]
    if len(shown):
        _log_opening(settings, model, shown, films.name, actor)


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise NotFoundError(f"There is no split “{split}”. Choose {', '.join(SPLITS)}.")


def _evaluate_kept(
    settings: Settings, model: Model, split: str, *, warned: int | None = None
) -> documents.Evaluated:
    """Return a model's numbers on films that it held out, from its stored scores."""
    return _evaluated(
        model,
        model.films(split),
        data=model.card.dataset.name,
        split=split,
        warned=warned,
        test_openings=len(openings_of(settings, model)),
        shared=_own_overlap(model, split),
    )


def _own_overlap(model: Model, split: str) -> documents.Overlap | None:
    """Lay out which of a model's own held-out films its first weights were made from; None if none were."""
    shared = overlap_of_held_out(model, split)
    return shared.document(included=False) if shared.used.any() else None


def _evaluated(
    model: Model,
    predictions: Predictions,
    *,
    data: str,
    split: str | None,
    refused: int = 0,
    warned: int | None = None,
    test_openings: int = 0,
    shared: documents.Overlap | None = None,
) -> documents.Evaluated:
    """Lay out a model's numbers at its lock; precision, NPV and F1 are those of the finding."""
    lock = model.require_lock()
    scored = predictions.scored
    evaluation = summarise(scored.labels, scored.scores, scored.groups, lock.threshold)
    point = evaluation.point
    band = None
    if lock.review_from is not None:
        band = documents.ReviewBand.of(
            review_band(table_of(scored), lock.review_from, lock.threshold), model.card.finding
        )
    return documents.Evaluated(
        model=model.name,
        data=data,
        finding=model.card.finding.name,
        split=split,
        n=evaluation.n,
        patients=evaluation.patients,
        refused=refused,
        warned=warned,
        auc=evaluation.auc,
        auc_ci=evaluation.auc_ci,
        average_precision=evaluation.average_precision,
        threshold=evaluation.threshold,
        accuracy=point.accuracy,
        balanced_accuracy=point.balanced_accuracy,
        sensitivity=point.sensitivity,
        specificity=point.specificity,
        precision=point.ppv,
        npv=point.npv,
        f1=point.f1,
        kappa=point.kappa,
        intervals=_intervals(evaluation),
        confusion=((point.tn, point.fp), (point.fn, point.tp)),
        brier=evaluation.brier,
        ece=evaluation.ece,
        calibration=calibrated(calibration_of(scored), brier=evaluation.brier, ece=evaluation.ece),
        test_openings=test_openings,
        lock_after_opening=lock.after_opening,
        band=band,
        overlap=shared,
        is_test=split == "test" and (shared is None or not shared.used),
    )


def _intervals(evaluation: Evaluation) -> dict[str, tuple[float, float]]:
    """Return the intervals under the document's names: it says precision, and the evaluation ppv."""
    return {("precision" if name == "ppv" else name): ends for name, ends in evaluation.intervals.items()}
