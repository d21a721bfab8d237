"""
Ensembles: several models of the same films averaged into one.

- members are calibrated, averaged, calibrated again and locked on the validation films, which no member
  trained on; these films choose only a few numbers (two per calibration, one threshold), yet only the test
  films are free of any choice
- the test scores are averaged from the members' stored ones and sealed again; nothing is shown on the way
"""

import hashlib
import platform
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import pandas as pd

from xraylab import documents, trail
from xraylab import predictions as predictions_file
from xraylab.actions.operating_points import evaluate_validation
from xraylab.data.datasets import load_dataset
from xraylab.errors import CalibrationError, EnsembleError, XRayLabError
from xraylab.evaluation.averaging import Averaging
from xraylab.evaluation.calibration import AS_IS, Platt, fit_platt
from xraylab.evaluation.rules import Rule, parse_rule
from xraylab.files import new_folder, write_bytes, write_text
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import (
    ENSEMBLE,
    FILMS_FILE,
    SUITE_FILE,
    CalibratedOn,
    Card,
    Lock,
    MadeFrom,
    Member,
    Members,
    Model,
    average_predictions,
    average_suites,
    check_held_out,
    check_name_free,
    choose_threshold,
    films_bytes,
    films_of,
    films_to_choose_by,
    load_model,
    next_number,
    seen_before,
    together,
)
from xraylab.predictions import Predictions
from xraylab.settings import Settings

_FEWEST = 2


def ensemble(
    settings: Settings,
    name: str,
    members: list[str],
    *,
    actor: str,
    rule: str = "youden",
    replace: bool = False,
) -> documents.Ensembled:
    """Average models into a new one, which is then a model like any other.

    Its lock is stamped as made after an opening if the test split was ever opened for one of its members.

    Parameters
    ----------
    members : list of str
        Names of two or more models that were trained on the same films and held out the same ones.
    rule : str
        The rule by which the threshold is locked on validation.
    replace : bool
        Whether a model of this name is replaced.

    Raises
    ------
    EnsembleError
        If these models can't be averaged; the message says why.
    WeightsError
        If the weights of a model have changed, or its stored predictions are those of other weights.
    XRayLabError
        If a model doesn't exist, its predictions are missing or damaged, its scores can't be calibrated, the
        rule can't be met or the name is taken.
    """
    # What can be checked at once comes first: loading and calibrating the members takes seconds.
    check_name_free(settings, name, replace=replace)
    parsed = parse_rule(rule)
    models = _load_members(settings, name, members)
    made = _calibrate(models, parsed)
    card = _card(name, models, parsed, next_number(settings))
    lock = _publish(settings, models, made, card, parsed, actor, replace=replace)
    return documents.Ensembled(
        model=name,
        members=[
            documents.EnsembleMember(**member.model_dump(exclude={"model_sha256"})) for member in made.members
        ],
        slope=made.slope,
        intercept=made.intercept,
        after_opening=lock.after_opening,
        val=evaluate_validation(settings, name),
    )


def _load_members(settings: Settings, name: str, members: list[str]) -> list[Model]:
    """Load the members, and check that they can be averaged."""
    if twice := [member for member, times in Counter(members).items() if times > 1]:
        raise EnsembleError(f"“{twice[0]}” is named twice. Name each model once.")
    if len(members) < _FEWEST:
        raise EnsembleError("An ensemble needs two models or more. Name the models to average.")
    if name in members:
        raise EnsembleError(f"“{name}” can't be a member of itself. Choose another name for the ensemble.")
    models = [load_model(settings, member) for member in members]
    for model in models:
        _check_alone(model)
    for model in models[1:]:
        _check_same_films(settings, models[0], model)
    for model in models:
        model.read_weights()  # an ensemble whose member can't be loaded would never read a film
    return models


def _check_alone(model: Model) -> None:
    """Check a member by itself."""
    if model.card.arch == ENSEMBLE:
        raise EnsembleError(f"“{model.name}” is an ensemble itself. Name the models it averages instead.")
    if model.card.preprocess_version != PREPROCESS_VERSION:
        raise EnsembleError(
            f"“{model.name}” was trained on films prepared by another version of XRayLab (preprocessing "
            f"{model.card.preprocess_version}, here {PREPROCESS_VERSION}). {model.remedy}"
        )


def _check_same_films(settings: Settings, first: Model, other: Model) -> None:
    """Check that two members tell the same classes apart, and held out the same films."""
    one, two = first.card, other.card
    if one.dataset.kind != two.dataset.kind:
        raise EnsembleError(
            f"“{one.name}” was trained on {one.dataset.kind} and “{two.name}” on {two.dataset.kind}. "
            "Average models of the same films."
        )
    if one.dataset.name != two.dataset.name and not _is_renamed(settings, one, two):
        raise EnsembleError(
            f"“{one.name}” was trained on “{one.dataset.name}” and “{two.name}” on “{two.dataset.name}”: "
            "patients held out by one may have been trained on by the other. Average models of one dataset."
        )
    if one.dataset.pixel_hash != two.dataset.pixel_hash:
        raise EnsembleError(
            f"“{one.dataset.name}” held other films when “{one.name}” was trained on it than for "
            f"“{two.name}”: patients held out by one may have been trained on by the other. Train one again."
        )
    if one.finding != two.finding:
        raise EnsembleError(
            f"“{one.name}” was trained for {one.finding.name} and “{two.name}” for {two.finding.name}, or by "
            "other labels. Average models of one finding."
        )
    if one.classes != two.classes:
        raise EnsembleError(
            f"“{one.name}” tells {len(one.classes)} classes apart and “{two.name}” {len(two.classes)}. "
            "Average models of the same classes."
        )
    check_held_out(first, other)


def _is_renamed(settings: Settings, one: Card, two: Card) -> bool:
    """Return whether two models name one dataset, which was renamed between their trainings."""
    try:
        present = {load_dataset(settings, card.dataset.name).info.name for card in (one, two)}
    except XRayLabError:
        return False
    return len(present) == 1


def _calibrate(models: list[Model], rule: Rule) -> Members:
    """Fit the calibration of every member, then that of their mean, on the films that the rule chooses by."""
    # Members are calibrated first: the logits of two networks have no common scale.
    own = [_fit(films_to_choose_by(model, rule), model.name) for model in models]
    averaging = Averaging(tuple(own), AS_IS)
    suite = average_suites(models, averaging) if rule.suite else None
    parts = [part for part in (average_predictions(models, averaging), suite) if part is not None]
    mean = Predictions(
        pd.concat([part.frame for part in parts], ignore_index=True), finding=models[0].card.finding
    )
    # The mean holds sealed test scores too; only validation films may calibrate it.
    final = _fit(mean.of_split("validation").scored, "Their mean")
    return Members(
        members=tuple(
            Member(
                model=model.card.name,  # of its folder: a member is found there
                model_sha256=model.card.model_sha256,
                arch=model.card.arch,
                slope=platt.slope,
                intercept=platt.intercept,
            )
            for model, platt in zip(models, own, strict=True)
        ),
        slope=final.slope,
        intercept=final.intercept,
    )


def _fit(validation: Predictions, name: str) -> Platt:
    """Fit Platt scaling to logits; ``name`` says whose they are if that fails."""
    try:
        logits = validation.frame["logit"].to_numpy(np.float64)
        return fit_platt(validation.labels, logits, finding=validation.finding)
    except CalibrationError as error:
        raise EnsembleError(f"“{name}” can't be averaged. {error}") from error


def _publish(
    settings: Settings,
    models: list[Model],
    made: Members,
    card: Card,
    rule: Rule,
    actor: str,
    *,
    replace: bool,
) -> Lock:
    """Write the ensemble's folder, whole and locked, or nothing at all."""
    with new_folder(settings.models / card.name, replace=replace) as staging:
        # The list of members takes the place of weights: its hash is the identity of the ensemble.
        raw = made.model_dump_json(indent=2).encode()
        card = card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})
        write_bytes(staging / "members.json", raw)
        write_text(staging / "card.json", card.model_dump_json(indent=2))
        averaged = average_predictions(models, made.averaging)
        predictions_file.write(
            staging / "predictions.parquet",
            Predictions(averaged.frame, card.model_sha256, averaged.dataset_hash),
        )
        write_bytes(staging / FILMS_FILE, films_bytes(_made_from(settings, models)))
        suite = average_suites(models, made.averaging)
        if suite is not None:
            predictions_file.write(
                staging / SUITE_FILE, Predictions(suite.frame, card.model_sha256, suite.dataset_hash)
            )
        model = Model(staging, card)
        # A person who saw the members' test results may have chosen the members by them.
        seen = seen_before(settings, model)
        lock = model.write_lock(
            choose_threshold(model, rule),
            str(rule),
            actor=actor,
            after_opening=seen.after_opening or any(_was_opened(member) for member in models),
            openings_before=seen.openings,
        )
        # Inside the block: without its entry the folder doesn't get into its place.
        trail.enter(
            settings,
            trail.MODEL,
            "replaced" if (settings.models / card.name / "card.json").exists() else "averaged",
            actor=actor,
            name=card.name,
            objects={"model": card.model_sha256},
            changed=f"{', '.join(card.members)}; locked at {lock.threshold!r} by {rule}",
        )
        return lock


def _made_from(settings: Settings, models: list[Model]) -> MadeFrom:
    """Put the films of the members together; a member whose films aren't known leaves the list incomplete."""
    known = [films for model in models if (films := films_of(settings, model)) is not None]
    films = together(known)
    return films if len(known) == len(models) else replace(films, incomplete=True)


def _was_opened(model: Model) -> bool:
    """Return whether a member's own lock knows of an opening, in case its dataset is gone."""
    lock = model.lock
    return lock is not None and lock.knows_of_opening


def _card(name: str, models: list[Model], rule: Rule, number: int) -> Card:
    """Write the ensemble's card, without the hash; the members' cards say how they were trained."""
    cards = [model.card for model in models]
    return Card(
        name=name,
        arch=ENSEMBLE,
        classes=cards[0].classes,
        created_at=datetime.now(UTC),
        sequence=number,
        run="",
        dataset=cards[0].dataset,
        weights=", ".join(card.name for card in cards),
        weights_sha256="",
        recipe={
            "name": ENSEMBLE,
            "rule": str(rule),
            "seed": ", ".join(str(card.recipe.get("seed", "unknown")) for card in cards),
        },
        best_epoch=0,
        epochs=0,
        parameters=sum(card.parameters for card in cards),
        seconds=sum(card.seconds for card in cards),
        device=cards[0].device,
        preprocess_version=PREPROCESS_VERSION,
        model_sha256="",  # the hash of the list of members, once that is written
        versions={
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", "scikit-learn")},
        },
        members=tuple(card.name for card in cards),
        fitted_to=_fitted_to(models[0], rule),
    )


def _fitted_to(first: Model, rule: Rule) -> CalibratedOn:
    """Count the films that the calibrations are fitted to; all members held out the same ones."""
    films, rows = first.films("validation").scored, len(films_to_choose_by(first, rule))
    return CalibratedOn(
        films=len(films),
        patients=len(set(films.groups)),
        copies=rows // max(len(films), 1) - 1,
    )
