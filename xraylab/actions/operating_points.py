"""
Operating points: lock a model on validation, open its test split, evaluate it at the lock.

- a threshold is chosen on validation films only; test films are looked at once, at the lock
- an opening is logged before anything is looked at, so that no opening can go without its record
- numbers on films that a model held out come from its stored scores, to their last digit
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xraylab import documents
from xraylab.actions.datasets import Progress
from xraylab.actions.reading import load_for_reading
from xraylab.data import datasets
from xraylab.data.datasets import Dataset
from xraylab.data.importing import read_labelled
from xraylab.errors import DatasetError, NotFoundError, RecipeError
from xraylab.evaluation.band import Band, Zone, review_band
from xraylab.evaluation.figures import table_of
from xraylab.evaluation.rules import Rule, as_rule
from xraylab.evaluation.summary import Evaluation, summarise
from xraylab.formats import score
from xraylab.models import Model, choose_threshold, dataset_of, list_models, load_model, openings_of
from xraylab.predictions import SPLITS, Predictions
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
    made = model.write_lock(
        threshold,
        str(chosen_by),
        actor=actor,
        review_from=None if reviewed_by is None else _review_from(model, reviewed_by, threshold),
        review_rule=None if reviewed_by is None else str(reviewed_by),
        after_opening=opened_before(settings, model),
    )
    return documents.Locked(
        model=name,
        rule=made.rule,
        threshold=made.threshold,
        review_from=made.review_from,
        review_rule=made.review_rule,
        after_opening=made.after_opening,
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
    if (dataset := dataset_of(settings, model)) is not None:
        _log_opening(dataset, model, actor)
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
        Split of a dataset; opening the test split is logged.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    NotFoundError, DatasetError
        If there is no such model, dataset, path or split.
    WeightsError
        If these are films that the model held out, and its stored predictions are those of other weights.
    """
    model = load_model(settings, name)
    model.require_lock()
    if (settings.datasets / data / "dataset.json").exists():
        return _evaluate_dataset(settings, model, data, split, actor, on_progress)
    # The films of a shipped model aren't here, but the scores that it gave them are in its folder.
    if not Path(data).exists() and model.shipped and data == model.card.dataset.name and split != "train":
        _check_split(split)
        if split == "test":
            return open_test(settings, name, actor=actor)
        return _evaluate_kept(settings, model, split)
    if not Path(data).exists():
        raise NotFoundError(f"“{data}” is neither a dataset nor a path on this machine.")
    scored, refused = score_source(settings, model, Path(data), on_progress)
    return _evaluated(model, scored, data=data, split=None, refused=refused, warned=count_warned(scored))


def score_source(
    settings: Settings, model: Model, source: Path, on_progress: Progress | None = None
) -> tuple[Predictions, int]:
    """Score a labelled zip or folder whole, and count the files that couldn't be read.

    Returns
    -------
    predictions : Predictions
        With a column ``warned`` besides those of the schema, and without ``split``.
    refused : int
        Number of labelled files that couldn't be read.

    Raises
    ------
    NotFoundError, DatasetError
        If the source can't be used, or none of its files can be read.
    """
    catalog, pixels, refused = read_labelled(source, on_progress=on_progress)
    if catalog.empty:
        raise DatasetError(f"None of the {len(refused)} labelled files in “{source}” could be read.")
    return _score(settings, model, catalog, pixels, np.arange(len(catalog)), on_progress), len(refused)


def opened_before(settings: Settings, model: Model) -> bool:
    """Return whether the test split was opened for a model before, or for a model that it is averaged with.

    An opening for a member counts for its ensemble, and an opening for an ensemble counts for its members.
    An opening for a model outside the ensemble doesn't: it counts on the dataset, where all are shown.
    """
    # A person who has seen a member's test result may have chosen the members by it, and an ensemble's
    # result is made of its members' results.
    dataset = dataset_of(settings, model)
    names = (model.name, *model.card.members)
    if dataset is not None and any(dataset.opened_for(name) for name in names):
        return True
    # The films of shipped models are elsewhere and log nothing here, so their locks remember it too.
    related = [
        other
        for other in list_models(settings)
        if model.shipped and other.shipped and (other.name in names or model.name in other.card.members)
    ]
    return any(lock.knows_of_opening for other in related if (lock := other.lock))


def _log_opening(dataset: Dataset, model: Model, actor: str) -> None:
    """Log an opening on the dataset; call this before the test films are looked at."""
    members = {"members": list(model.card.members)} if model.card.members else {}
    lock = model.require_lock()
    band = {} if lock.review_from is None else {"review_from": lock.review_from}
    dataset.log("test opened", model=model.name, actor=actor, threshold=lock.threshold, **band, **members)


def _check_usable(model: Model) -> None:
    """Check that a model's stored predictions can be used, before an opening is logged for good."""
    model.films("validation")  # the same file holds the test films


def _evaluate_dataset(
    settings: Settings, model: Model, data: str, split: str, actor: str, on_progress: Progress | None
) -> documents.Evaluated:
    """Score a split of a dataset, and log the opening if it is the test split."""
    _check_split(split)
    dataset = datasets.load_dataset(settings, data)
    rows = dataset.rows(split)
    if not len(rows):
        raise DatasetError(f"The {split} split of {data} is empty.")
    trained_on = dataset_of(settings, model) if data == model.card.dataset.name else None
    # A dataset may have been imported again under its name, with other films.
    own = trained_on is not None and dataset.info.pixel_hash == model.card.dataset.pixel_hash
    if own and split != "train":
        _check_usable(model)
    if split == "test":
        _log_opening(dataset, model, actor)
        if trained_on is not None:
            model.write_opening()
    scored = _score(settings, model, dataset.catalog, dataset.pixels, rows, on_progress)
    # The lock was chosen on the stored scores; a new pass may differ in the last digit, so it only warns.
    if own and split != "train":
        return _evaluate_kept(settings, model, split, warned=count_warned(scored))
    return _evaluated(
        model,
        scored,
        data=data,
        split=split,
        warned=count_warned(scored),
        test_openings=len(dataset.openings),
    )


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise NotFoundError(f"There is no split “{split}”. Choose {', '.join(SPLITS)}.")


def _score(
    settings: Settings,
    model: Model,
    catalog: pd.DataFrame,
    pixels: np.ndarray[Any, np.dtype[np.uint8]],
    rows: np.ndarray[Any, np.dtype[np.intp]],
    on_progress: Progress | None,
) -> Predictions:
    """Score rows of a catalog, and mark the films that the gate warns of."""
    from xraylab.reading.gate import gate_rows
    from xraylab.reading.scoring import score_pixels

    loaded = load_for_reading(settings, model.name)
    report = (lambda done: on_progress(done, len(rows))) if on_progress else None
    scores = score_pixels(loaded, pixels, rows, on_progress=report)
    frame = catalog.iloc[rows].reset_index(drop=True).assign(**scores.columns(model.card.classes))
    warnings = gate_rows(catalog, pixels, rows, model.card.dataset.kind, scores.novelty)
    frame["warned"] = [bool(of_film) for of_film in warnings]
    return Predictions(frame, model.card.model_sha256)


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
    )


def _evaluated(
    model: Model,
    predictions: Predictions,
    *,
    data: str,
    split: str | None,
    refused: int = 0,
    warned: int | None = None,
    test_openings: int = 0,
) -> documents.Evaluated:
    """Lay out a model's numbers at its lock; precision, NPV and F1 are those of PNEUMONIA."""
    lock = model.require_lock()
    scored = predictions.scored
    evaluation = summarise(scored.labels, scored.scores, scored.groups, lock.threshold)
    point = evaluation.point
    band = None
    if lock.review_from is not None:
        band = _review_band(review_band(table_of(scored), lock.review_from, lock.threshold))
    return documents.Evaluated(
        model=model.name,
        data=data,
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
        test_openings=test_openings,
        lock_after_opening=lock.after_opening,
        band=band,
    )


def _intervals(evaluation: Evaluation) -> dict[str, tuple[float, float]]:
    """Return the intervals under the document's names: it says precision, and the evaluation ppv."""
    return {("precision" if name == "ppv" else name): ends for name, ends in evaluation.intervals.items()}


def _review_band(band: Band) -> documents.ReviewBand:
    return documents.ReviewBand(
        review_from=band.review_from,
        above=_zone(band.above),
        review=_zone(band.review),
        below=_zone(band.below),
        missed=band.missed,
        missed_rate=band.missed_rate,
        missed_ci=band.missed_interval,
        false_alarms=band.false_alarms,
        false_alarm_rate=band.false_alarm_rate,
        false_alarm_ci=band.false_alarm_interval,
    )


def _zone(zone: Zone) -> documents.BandZone:
    return documents.BandZone(
        films=zone.films, share=zone.share, pneumonia=zone.diseased, normal=zone.healthy
    )


def count_warned(predictions: Predictions) -> int | None:
    """Count the films with a warning; None for stored scores, which come without their films."""
    return int(predictions.frame["warned"].sum()) if "warned" in predictions.frame else None
