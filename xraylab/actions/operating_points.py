"""Operating points: lock one on validation, open the test split, evaluate at it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xraylab import documents
from xraylab.actions.datasets import Progress
from xraylab.actions.reading import load_for_reading
from xraylab.data import datasets
from xraylab.data.datasets import Dataset
from xraylab.errors import (
    DatasetError,
    NotFoundError,
    RecipeError,
)
from xraylab.evaluation.band import review_band
from xraylab.evaluation.rules import Rule, parse_rule
from xraylab.evaluation.summary import summarise
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import score
from xraylab.models import Model, dataset_of, list_models, load_model, openings_of
from xraylab.predictions import SPLITS, Predictions
from xraylab.settings import Settings


def lock(
    settings: Settings, name: str, rule: str, *, actor: str, review: str | None = None
) -> documents.Locked:
    """Lock a model's operating point by a rule on its validation films.

    Parameters
    ----------
    review : str, optional
        The rule that finds the lower end of a review band, on the same films: a film between it and the
        threshold needs a reader. Without one there is no band.

    Raises
    ------
    NotFoundError
        If there is no such model, or a rule asks for a suite that it wasn't scored under.
    RecipeError
        If a rule isn't one or can't be met, or the review band would not lie below the threshold.
    """
    model = load_model(settings, name)
    parsed, reviewed = parse_rule(rule), None if review is None else parse_rule(review)
    threshold = model.choose(parsed)
    made = model.write_lock(
        threshold,
        str(parsed),
        actor=actor,
        review_from=None if reviewed is None else _review_from(model, reviewed, threshold),
        review_rule=None if reviewed is None else str(reviewed),
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
    found = model.choose(rule)
    if found >= threshold:
        raise RecipeError(
            f"“{rule}” puts the lower end of the review band at {score(found)}, which isn't below the "
            f"threshold of {score(threshold)}. Choose a rule that puts it lower, or lock at a higher "
            "threshold."
        )
    return found


def evaluate_validation(settings: Settings, name: str) -> documents.Evaluated:
    """A model's numbers on its validation films at its lock."""
    return _evaluate_kept(settings, load_model(settings, name), "validation")


def open_test(settings: Settings, name: str, *, actor: str) -> documents.Evaluated:
    """Open the test split for a locked model: logged for good, on the model and on the dataset.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    """
    model = load_model(settings, name)
    model.require_lock()
    if (dataset := dataset_of(settings, model)) is not None:
        _log_opening(dataset, model, actor)
    model.write_opening()
    return test_result(settings, name)


def test_result(settings: Settings, name: str) -> documents.Evaluated:
    """A model's numbers on its test films at its lock, once they have been opened; opens nothing.

    Raises
    ------
    HonestOrderError
        If they are sealed.
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
    """Score labelled films at a model's lock.

    Parameters
    ----------
    data : str
        A dataset's name, or the path of a labelled zip or folder, which is scored whole. Of a shipped model
        also the name of the films that it held out, which needn't be here: their scores are in its folder.
    split : str
        Of a dataset; opening the test split is logged.

    Raises
    ------
    HonestOrderError
        If the model isn't locked.
    NotFoundError, DatasetError
        If there is no such model, dataset, path or split.
    """
    model = load_model(settings, name)
    model.require_lock()
    if (settings.datasets / data / "dataset.json").exists():
        return _evaluate_dataset(settings, model, data, split, actor, on_progress)
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
        With a column ``warned`` beside those of the schema, and no ``split``.
    refused : int

    Raises
    ------
    NotFoundError, DatasetError
        If the source can't be used, or none of its files can be read.
    """
    catalog, pixels, refused = datasets.read_labelled(source, on_progress=on_progress)
    if catalog.empty:
        raise DatasetError(f"None of the {len(refused)} labelled files in “{source}” could be read.")
    return _score(settings, model, catalog, pixels, np.arange(len(catalog)), on_progress), len(refused)


def opened_before(settings: Settings, model: Model) -> bool:
    """Whether the test split was opened for a model before, as its dataset remembers it.

    Who opened it for a member of an ensemble has seen what most of the ensemble's result comes from, and
    may have chosen the members by it; who opened it for an ensemble has seen as much of its members. So
    each stamps the other. An opening for a model that isn't in the ensemble does not: it counts on the
    dataset, where every opening is shown. The films of shipped models are elsewhere, so of these the locks
    remember it too.
    """
    dataset = dataset_of(settings, model)
    names = (model.name, *model.card.members)
    if dataset is not None and any(dataset.opened_for(name) for name in names):
        return True
    related = [
        other
        for other in list_models(settings)
        if model.shipped and other.shipped and (other.name in names or model.name in other.card.members)
    ]
    return any(lock.knows_of_opening for other in related if (lock := other.lock))


def _log_opening(dataset: Dataset, model: Model, actor: str) -> None:
    """Log first, then look: an opening that isn't logged can't happen."""
    members = {"members": list(model.card.members)} if model.card.members else {}
    lock = model.require_lock()
    band = {} if lock.review_from is None else {"review_from": lock.review_from}
    dataset.log("test opened", model=model.name, actor=actor, threshold=lock.threshold, **band, **members)


def _evaluate_dataset(
    settings: Settings, model: Model, data: str, split: str, actor: str, on_progress: Progress | None
) -> documents.Evaluated:
    _check_split(split)
    dataset = datasets.load_dataset(settings, data)
    rows = dataset.rows(split)
    if not len(rows):
        raise DatasetError(f"The {split} split of {data} is empty.")
    trained_on = dataset_of(settings, model) if data == model.card.dataset.name else None
    if split == "test":
        _log_opening(dataset, model, actor)
        if trained_on is not None:
            model.write_opening()
    own = trained_on is not None and dataset.info.pixel_hash == model.card.dataset.pixel_hash
    scored = _score(settings, model, dataset.catalog, dataset.pixels, rows, on_progress)
    if own and split != "train":  # the lock was chosen on the stored scores, to their last digit
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
    from xraylab.reading.gate import gate_rows
    from xraylab.reading.scoring import score_pixels

    loaded = load_for_reading(settings, model.name)
    tell = (lambda done: on_progress(done, len(rows))) if on_progress else None
    scores = score_pixels(loaded, pixels, rows, on_progress=tell)
    frame = catalog.iloc[rows].reset_index(drop=True).assign(**scores.columns(model.card.classes))
    unusual = gate_rows(catalog, pixels, rows, model.card.dataset.kind, scores.novelty)
    frame["warned"] = [bool(found) for found in unusual]
    return Predictions(frame, model.card.model_sha256)


def _evaluate_kept(
    settings: Settings, model: Model, split: str, *, warned: int | None = None
) -> documents.Evaluated:
    """A model's numbers on films that it held out, from the scores in its folder."""
    return _evaluated(
        model,
        model.test if split == "test" else model.validation,
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
    lock = model.require_lock()
    scored = predictions.scored
    films = scored.labels, scored.scores, scored.groups
    band = None
    if lock.review_from is not None:
        band = review_band(threshold_table(*films), lock.review_from, lock.threshold)
    return documents.evaluated(
        summarise(*films, lock.threshold),
        band=band,
        model=model.name,
        data=data,
        split=split,
        refused=refused,
        warned=warned,
        test_openings=test_openings,
        lock_after_opening=lock.after_opening,
    )


def count_warned(predictions: Predictions) -> int | None:
    """How many films carry a warning; None for stored scores, without the films that they are of."""
    return int(predictions.frame["warned"].sum()) if "warned" in predictions.frame else None
