"""
Make the models that come with the package.

- ``python -m scripts.starter train --dataset NAME [--only MODEL ...]`` trains them in the present home, one
  after another, and continues where it stopped
- ``python -m scripts.starter pack --dataset NAME`` halves the precision of their weights, scores the held-out
  films with the halved weights, averages the members, locks all models under the suite of perturbations,
  opens the outer hold-out once, and writes ``xraylab/starter/`` and the cards in ``docs/models/``; with
  ``--only phantom`` it does so for the phantom model alone, and needs no children's films
- ``python -m scripts.starter novelty --dataset NAME`` prepares the unusual-film check of the shipped models
  again, ``python -m scripts.starter scale --dataset NAME`` the scale of their heatmaps, and
  ``python -m scripts.starter films --dataset NAME`` the list of the films they were made from
- ``python -m scripts.starter tell`` writes again what a person wrote for the shipped cards, and the count of
  films that the ensemble was calibrated on
- ``python -m scripts.starter lock`` locks the shipped models by the present ``RULE``, with the review band of
  ``REVIEW``; nothing is trained, and each lock then says that it came after an opening

The dataset has to be split by the most conservative patient key (``--patient-key number``). Its test split is
the outer hold-out. Nothing here looks at it before the locks are made.
"""

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch

from scripts import DOCS
from scripts.experiments import EXPERIMENTS, Experiment, run
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.data.datasets import Dataset, load_dataset
from xraylab.errors import XRayLabError
from xraylab.evaluation.rules import parse_rule
from xraylab.files import write_bytes, write_text
from xraylab.models import (
    ENSEMBLE,
    FILMS_FILE,
    NOVELTY_FILE,
    SUITE_FILE,
    About,
    Card,
    Model,
    choose_threshold,
    films_bytes,
    load_model,
    load_shipped,
    made_from,
    novelty_bytes,
    shipped_names,
)
from xraylab.models.heatmap_scale import SCALE_FILE
from xraylab.predictions import Predictions
from xraylab.reading import golden
from xraylab.reading.features import learn
from xraylab.reading.loaded import load
from xraylab.reading.measure_scale import measure_scale, positives
from xraylab.reading.scoring import described, described_under_suite, score_pixels
from xraylab.settings import OF_HOME, Settings, load_settings, shipped_models
from xraylab.training.recipe import load_recipe

CARDS = DOCS / "models"
KEY = "number"  # the key that makes sure that no child is in two splits
# Films that are posed, cut or windowed differently score higher, with or without pneumonia. A threshold at
# the upper end of the normal scores, as by Youden's rule, leaves no margin; see docs/experiments.md.
RULE = "sensitivity:0.95@suite"
# The lower end of the review band: of 98, 99 and 99.5 % the first sensitivity at which at most 1.5 % of the
# ensemble's validation films below have pneumonia (2 of 184), while at most 8 % of all need a reader.
REVIEW = "sensitivity:0.995"
ACTOR = "scripts.starter"
_MAKING = "making"  # the ensemble's name until it ships, because the names of shipped models are reserved

AVERAGED = {  # name of the shipped model: its experiment
    "mobilenet_v2": "stretched",
    "mobilenet_v2-seed1": "stretched-seed1",
    "mobilenet_v2-seed2": "stretched-seed2",
}
# The CNN is in no ensemble: it lowered the ensemble's worst AUC under the suite on validation.
TRAINED = AVERAGED | {"cnn": "stretched-cnn"}
PHANTOM = "phantom"  # trained on teaching phantoms, whose lesions are known; in no ensemble
PHANTOM_MODEL = Experiment("heatmaps against known lesions", load_recipe("scratch"), "small_cnn", "none")
PHANTOM_EXPERIMENT, PHANTOMS, PHANTOM_FILMS, PHANTOM_SEED = "phantoms", "starter-phantoms", 1500, 20

_FAULTS = (
    "The labels come from a clinical reading of the films, not from microbiology. They were not checked "
    "here.",
    "It is not known whether two names with one number are the same child. The number alone identifies the "
    "patient here, which groups too many films rather than too few.",
    "The publisher compressed normal films and films with pneumonia differently: the size of a file alone "
    "separates the classes almost perfectly.",
    "Films with pneumonia are wider relative to their height than normal films, and their blacks are greyer."
    " Neither is a sign of disease. All films are stretched to a square, and the networks were trained on "
    "films stretched both ways, to weaken this cue.",
    "Two dozen films occur twice, always under one patient.",
)
ABOUT = About(
    users=(
        "Radiologists and students who want to see how a threshold trades missed pneumonias against false "
        "alarms.",
        "Researchers who need a baseline with its lock and its intervals.",
    ),
    population=(
        "Children of one to five years, Guangzhou Women and Children's Medical Center, frontal chest films "
        "taken as part of routine care.",
        "The normal films don't show children with other diseases.",
    ),
    data=(
        "Kermany, Zhang and Goldbaum (2018), Labeled Optical Coherence Tomography (OCT) and Chest X-Ray "
        "Images for Classification, Mendeley Data: the public training split alone, resized to 224 × 224.",
        "The test films are not fresh: before the first shipped lock they had been opened for 21 trainings "
        "of the presets, on the identical split (docs/results.md). These openings are on no lock.",
    ),
    faults=_FAULTS,
    failures=(
        "Films of another hospital, machine or age: a model trained on this set fell from an AUC of 0.95 to "
        "0.54 on films of children of the same age from elsewhere (Xin, Li and Yi 2022, Emergency Radiology "
        "29:107-113).",
        "A film with an unusual posture or field of view scores higher, with or without pneumonia. Normal "
        "films that are cut wider go from a median score of 0.003 to 0.22 with the ensemble, and 32 % of "
        "them score above 0.5 (3.5 % before): its probabilities hold only for films taken and cut like "
        "these.",
        "Lateral films, photographs of films and pictures of other things are scored too, and not all of "
        "them get a warning.",
        "The models look for pneumonia only.",
    ),
    licences=(
        "The films, which are not included: CC BY 4.0.",
        "The ImageNet weights that MobileNetV2 started from, which are not included either: Apache-2.0.",
    ),
)


def train(settings: Settings, dataset: str, only: list[str]) -> None:
    """Train the models that don't exist yet, on a dataset and on phantoms made here."""
    for name in only:
        if name in TRAINED:
            run(settings, TRAINED[name], EXPERIMENTS[TRAINED[name]], dataset)
            continue
        if not (settings.datasets / PHANTOMS).exists():
            actions.import_phantoms(settings, PHANTOMS, n=PHANTOM_FILMS, seed=PHANTOM_SEED)
        run(settings, PHANTOM_EXPERIMENT, PHANTOM_MODEL, PHANTOMS)


def halve(model: Model, films: Dataset) -> Model:
    """Give a model weights in half precision, and make everything that depends on them except the lock."""
    state = safetensors.torch.load(model.read_weights())
    halved = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    raw = safetensors.torch.save(halved)
    card = model.card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})
    write_bytes(model.weights, raw)
    write_text(model.folder / "card.json", card.model_dump_json(indent=2))
    made = Model(model.folder, card)
    learn_novelty(made, films)
    loaded = load(made)
    held_out = np.concatenate([films.rows("validation"), films.rows("test")])

    def keep(file: str, frame: pd.DataFrame) -> None:
        predictions = Predictions(frame, card.model_sha256, films.info.pixel_hash)
        predictions_file.write(made.folder / file, predictions)

    scores = score_pixels(loaded, films.pixels, held_out)
    keep("predictions.parquet", described(films.catalog, held_out, scores, card.classes))
    if made.scored_under_suite:
        keep(
            SUITE_FILE,
            described_under_suite(
                lambda pixels: score_pixels(loaded, pixels),
                films.catalog,
                films.pixels,
                held_out,
                card.classes,
            ),
        )
    write_scale(made, films)
    return Model(made.folder, card)


def learn_novelty(model: Model, films: Dataset) -> None:
    """Write a model's file for the unusual-film check; write nothing if it has too few films."""
    (model.folder / NOVELTY_FILE).unlink(missing_ok=True)
    [part] = load(model).parts
    rows = films.rows("train"), films.rows("validation")
    if novelty := learn(part.net, part.entry, films.pixels, *rows, device=torch.device("cpu")):
        raw = novelty_bytes(novelty, model_sha256=model.card.model_sha256, layer=part.entry.middle)
        write_bytes(model.folder / NOVELTY_FILE, raw)


def learn_shipped_novelty(settings: Settings, dataset: str, cards: Path = CARDS) -> None:
    """Write the file for the unusual-film check of every shipped network.

    Raises
    ------
    XRayLabError
        If a dataset is missing, or isn't the one that the models were trained on.
    """
    for name in (*TRAINED, PHANTOM):
        films = load_dataset(settings, PHANTOMS if name == PHANTOM else dataset)
        with tempfile.TemporaryDirectory() as folder:
            model = load_shipped(load_settings(home=Path(folder)), name)
        trained_on = model.card.dataset
        if (films.info.pixel_hash, films.info.splits) != (trained_on.pixel_hash, trained_on.splits):
            raise XRayLabError(f"“{name}” wasn't trained on the films of “{films.info.name}”.")
        learn_novelty(model, films)
    _tell_again()
    write_cards(cards)


def write_scale(model: Model, films: Dataset) -> None:
    """Measure the scale of a model's heatmaps on the validation films of its training."""
    (part,) = load(model).parts
    chosen = films.pixels[positives(films.targets("finding"), films.rows("validation"))]
    scale = measure_scale(
        part.net,
        part.entry,
        chosen,
        classes=len(model.card.classes),
        model_sha256=model.card.model_sha256,
    )
    if scale is not None:
        write_text(model.folder / SCALE_FILE, scale.model_dump_json(indent=2) + "\n")


def scale_again(settings: Settings, dataset: str, cards: Path = CARDS) -> None:
    """Measure the scale of every shipped network's heatmaps, on the films of its training.

    Raises
    ------
    XRayLabError
        If the dataset has other films.
    """
    with tempfile.TemporaryDirectory() as folder:
        shop = load_settings(home=Path(folder))
        actions.import_phantoms(shop, PHANTOMS, n=PHANTOM_FILMS, seed=PHANTOM_SEED)
        for name in (*TRAINED, PHANTOM):
            model = load_shipped(shop, name)
            films = load_dataset(shop, PHANTOMS) if name == PHANTOM else load_dataset(settings, dataset)
            if films.info.pixel_hash != model.card.dataset.pixel_hash:
                raise XRayLabError(f"“{name}” was made with other films than those of “{films.info.name}”.")
            write_scale(model, films)
    write_cards(cards)


def write_films(settings: Settings, dataset: str, cards: Path = CARDS) -> None:
    """Write which films every shipped model was made from, and which it held out.

    Raises
    ------
    XRayLabError
        If the dataset has other films, or another split.
    """
    with tempfile.TemporaryDirectory() as folder:
        shop = load_settings(home=Path(folder))
        actions.import_phantoms(shop, PHANTOMS, n=PHANTOM_FILMS, seed=PHANTOM_SEED)
        for name in (ENSEMBLE, *TRAINED, PHANTOM):
            model = load_shipped(shop, name)
            films = load_dataset(shop, PHANTOMS) if name == PHANTOM else load_dataset(settings, dataset)
            if not model.card.dataset.is_of(films.info):
                raise XRayLabError(f"“{name}” was made with other films than those of “{films.info.name}”.")
            made = made_from(films.catalog, films.fingerprints(), None)
            write_bytes(model.folder / FILMS_FILE, films_bytes(made))
    write_cards(cards)


def pack(settings: Settings, dataset: str, cards: Path = CARDS) -> None:
    """Write the shipped models and their cards, from a temporary home.

    Raises
    ------
    XRayLabError
        If the dataset is split by another patient key, or a member hasn't been trained.
    """
    if load_dataset(settings, dataset).info.patient_key != KEY:
        raise XRayLabError(
            f"“{dataset}” isn't split by the patient key {KEY}. Import it with --patient-key {KEY}."
        )
    with _workshop(settings, dataset) as shop:
        for name, experiment in TRAINED.items():
            _take(settings, shop, experiment, name, dataset, RULE)
        actions.ensemble(shop, _MAKING, list(map(_own, AVERAGED)), actor="training", rule=RULE)
        _rename(shop, _MAKING, ENSEMBLE, f"python -m scripts.starter pack --dataset {dataset}")
        _lock(shop, _own(ENSEMBLE))
        for name in (ENSEMBLE, *TRAINED):
            _ship(shop, name)
    pack_phantom(settings, cards)


def pack_phantom(settings: Settings, cards: Path = CARDS) -> None:
    """Write the model of teaching phantoms, the golden film and all cards."""
    with _workshop(settings, PHANTOMS) as shop:
        _take(settings, shop, PHANTOM_EXPERIMENT, PHANTOM, PHANTOMS, PHANTOM_MODEL.recipe.rule)
        _ship(shop, PHANTOM)
    golden.make_shipped(settings)
    write_cards(cards)


@contextmanager
def _workshop(settings: Settings, dataset: str) -> Iterator[Settings]:
    """Make a temporary home that has a copy of a dataset."""
    with tempfile.TemporaryDirectory() as folder:
        shop = load_settings(home=Path(folder))
        shutil.copytree(settings.datasets / dataset, shop.datasets / dataset)
        yield shop


def _own(name: str) -> str:
    """Return what a model in the workshop is called: its name alone means the one that is shipped now."""
    return f"{name}{OF_HOME}" if name in shipped_names() else name


def _ship(shop: Settings, name: str) -> None:
    """Open the hold-out of a locked model, and copy the model into the package."""
    actions.open_test(shop, _own(name), actor=ACTOR)
    shutil.rmtree(shipped_models() / name, ignore_errors=True)
    shutil.copytree(shop.models / name, shipped_models() / name)


def lock_again(cards: Path = CARDS) -> None:
    """Lock the shipped models of children's films again, and open their hold-out at that lock.

    The texts of their cards that a person wrote are written again too.
    """
    with tempfile.TemporaryDirectory() as folder:
        newcomer = load_settings(home=Path(folder))
        for name in (ENSEMBLE, *TRAINED):
            _lock(newcomer, name)
            actions.open_test(newcomer, name, actor=ACTOR)
            shutil.copy(newcomer.models / name / "lock.json", shipped_models() / name)
    _tell_again()
    write_cards(cards)


def tell_again(cards: Path = CARDS) -> None:
    """Write again the texts of a person in the cards of the shipped models, and what follows from them."""
    _tell_again()
    write_cards(cards)


def _lock(settings: Settings, name: str) -> None:
    """Lock a model by ``RULE``, with a review band from ``REVIEW`` if that lies below the threshold."""
    model = load_model(settings, name)
    threshold, review_from = (choose_threshold(model, parse_rule(rule)) for rule in (RULE, REVIEW))
    review = REVIEW if review_from < threshold else None
    actions.lock(settings, name, RULE, actor="training", review=review)


def _tell_again() -> None:
    """Write again the texts that a person wrote for the cards of the shipped models of children's films."""
    with tempfile.TemporaryDirectory() as folder:
        newcomer = load_settings(home=Path(folder))
        for name in (ENSEMBLE, *TRAINED):
            card = load_shipped(newcomer, name).card
            _tell(shipped_models() / name, card, card.about.command)


def write_cards(cards: Path) -> None:
    """Write the cards as they look in an empty home."""
    with tempfile.TemporaryDirectory() as folder:
        newcomer = load_settings(home=Path(folder))
        for name in shipped_names():
            write_text(cards / f"{name}.md", actions.model_card(newcomer, name))


def _take(settings: Settings, shop: Settings, experiment: str, name: str, dataset: str, rule: str) -> None:
    """Copy a trained model into the workshop, halve its precision and lock it again."""
    shutil.copytree(load_model(settings, experiment).folder, shop.models / experiment)
    _rename(shop, experiment, name, f"python -m scripts.starter train --dataset {dataset} --only {name}")
    halve(load_model(shop, _own(name)), load_dataset(shop, dataset))
    if rule == RULE:
        _lock(shop, _own(name))
    else:
        actions.lock(shop, _own(name), rule, actor="training")


def _rename(shop: Settings, made: str, name: str, command: str) -> None:
    """Give a model the name that it ships under, and the texts for its card."""
    card = load_model(shop, made).card
    card = card.model_copy(update={"name": name, "validation_chose": what_validation_chose(card)})
    (shop.models / made).rename(shop.models / name)
    _tell(shop.models / name, card, command)


def what_validation_chose(card: Card) -> tuple[str, ...] | None:
    """Say what the validation films chose: for the children's films also the recipe, see experiments.md."""
    if card.dataset.kind != "radiographs":
        return None
    return ("recipe", *(each for each in card.chosen_by_validation if each != "recipe"))


def _tell(folder: Path, card: Card, command: str) -> None:
    """Write a model's card with the texts that a person wrote."""
    about = ABOUT if card.dataset.kind == "radiographs" else About()  # the card itself describes phantoms
    about = about.model_copy(update={"command": command})
    card = card.model_copy(update={"about": about, "fitted_to": card.calibrated_on})
    write_text(folder / "card.json", card.model_dump_json(indent=2))


def main() -> None:
    """Run the command that was given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("--dataset", required=True)
    training.add_argument("--only", nargs="*", choices=(*TRAINED, PHANTOM), default=[*TRAINED, PHANTOM])
    packing = commands.add_parser("pack")
    packing.add_argument("--dataset")
    packing.add_argument("--only", choices=(PHANTOM,))
    commands.add_parser("novelty").add_argument("--dataset", required=True)
    commands.add_parser("lock")
    commands.add_parser("tell")
    commands.add_parser("scale").add_argument("--dataset", required=True)
    commands.add_parser("films").add_argument("--dataset", required=True)
    options = parser.parse_args()
    if options.command == "train":
        train(load_settings(), options.dataset, options.only)
    elif options.command == "novelty":
        learn_shipped_novelty(load_settings(), options.dataset)
    elif options.command == "lock":
        lock_again()
    elif options.command == "tell":
        tell_again()
    elif options.command == "scale":
        scale_again(load_settings(), options.dataset)
    elif options.command == "films":
        write_films(load_settings(), options.dataset)
    elif options.only:
        pack_phantom(load_settings())
    elif options.dataset:
        pack(load_settings(), options.dataset)
    else:
        packing.error("name the --dataset, or --only phantom")


if __name__ == "__main__":
    main()
