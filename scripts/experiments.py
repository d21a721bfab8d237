"""
Try recipes for films that were acquired differently, and write the result of each.

``python -m scripts.experiments train --dataset NAME [--only EXPERIMENT ...]`` trains the experiments that
have no model in the present home, one after another. ``python -m scripts.experiments write`` writes the
tables in ``docs/experiments.md``. Everything is measured on validation: on the films as they are, under the
suite of perturbations (``xraylab/imaging/perturbations.py``), and with the aspect ratios of the classes
exchanged. The test split stays sealed.
"""

import argparse
import re
import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from scripts import DOCS, results
from scripts.results import auc
from scripts.training import train
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.documents import Robustness
from xraylab.errors import NotFoundError
from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.rules import parse_rule
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import DASH
from xraylab.models import ENSEMBLE, Model, choose_threshold, load_model, load_shipped
from xraylab.reading.loaded import LoadedModel, load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import Settings, load_settings
from xraylab.training.augment import Variation, augment
from xraylab.training.recipe import PRESETS, Recipe, Stage

Floats = NDArray[np.float64]

PAGE = DOCS / "experiments.md"
TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.DOTALL)
LOCKS = re.compile(r"(<!-- locks -->\n).*?(<!-- end of locks -->)", re.DOTALL)

_LOCK = "youden@suite"
_HELD_BACK = (
    "jpeg",
    "blur",
)  # two families of the suite that no recipe may be trained on, so that they stay a test
BASE = Recipe(
    name="base",
    stages=(Stage(trains="all", epochs=4, learning_rate=6e-4),),
    degradation=1.0,
    ema=0.99,
    keep="last",
    suite=True,
    rule=_LOCK,
    leave_out=_HELD_BACK,
)
_STRONG: dict[str, Any] = {"augmentation": 1.5, "stretch": 1.0, "erasing": 0.1, "label_smoothing": 0.05}


@dataclass(frozen=True)
class Experiment:
    """One recipe, with the reason to try it."""

    about: str
    recipe: Recipe
    arch: str = "mobilenet_v2"
    weights: str = "imagenet"


def _base(epochs: int = 4, learning_rate: float = 6e-4, **changes: Any) -> Recipe:
    stage = BASE.stages[0].model_copy(update={"epochs": epochs, "learning_rate": learning_rate})
    return BASE.model_copy(update={"stages": (stage,), **changes})


_QUICK = next(preset for preset in PRESETS if preset.name == "quick")
EXPERIMENTS = {
    "frozen": Experiment(
        "the preset quick: a frozen backbone, one view of each film",
        _QUICK.model_copy(update={"suite": True, "rule": _LOCK}),
    ),
    "bare": Experiment(
        "everything fine-tuned for 4 epochs without any augmentation",
        _base(augmentation=0.0, degradation=0.0),
    ),
    "base": Experiment("everything fine-tuned for 4 epochs, usual augmentation and degradation", _base()),
    "best-epoch": Experiment(
        "base, but keeping the epoch of the best validation AUC, without the moving average",
        _base(keep="best", ema=None),
    ),
    "strong": Experiment("augmentation 1.5, stretched, a tenth erased, smoothed labels", _base(**_STRONG)),
    "stretched": Experiment("base, stretched up to half as wide or as high again", _base(stretch=2.0)),
    "stretched-seed1": Experiment("stretched, seed 1", _base(stretch=2.0, seed=1)),
    "stretched-seed2": Experiment("stretched, seed 2", _base(stretch=2.0, seed=2)),
    "stretched-cnn": Experiment(
        "the report's CNN from random weights: stretched, for 12 epochs",
        _base(12, 1e-3, stretch=2.0),
        "cnn",
        "none",
    ),
}


_SHIPPED = "the average of the three seeds of stretched, in half precision, as it ships"


def run(settings: Settings, name: str, experiment: Experiment, dataset: str) -> None:
    """Train an experiment under its own name, unless that model exists."""
    recipe = experiment.recipe.model_copy(update={"name": name})
    train(settings, name, dataset=dataset, arch=experiment.arch, recipe=recipe, weights=experiment.weights)


COLUMNS = (
    *("Experiment", "What", "Minutes", "AUC as they are", "Mean AUC of the suite", "Worst AUC"),
    *("Worst of the left out", "Lowest sensitivity", "Lowest specificity", "Aspect varied"),
    "Aspects exchanged",
)
# Median width over height is 1.48 for films with pneumonia and 1.22 for normal films, among the 90 films that
# are available as published. All films are brought to one square, so a wide film shows a narrow child.
ASPECT = 1.21


def recut(films: NDArray[np.uint8], *, wider: bool) -> NDArray[np.uint8]:
    """Return square films as if they had been cut ``ASPECT`` times wider, or higher.

    The middle of a film is kept and brought to the square again.
    """
    side = films.shape[-1]
    margin = side * (1 - 1 / ASPECT) / 2
    box = (0, margin, side, side - margin) if wider else (margin, 0, side - margin, side)
    cut = (Image.fromarray(film).resize((side, side), Image.Resampling.BILINEAR, box) for film in films)
    return np.stack([np.asarray(film) for film in cut])


def _validation(settings: Settings, model: Model) -> NDArray[np.uint8]:
    """Return a model's validation films, (n, side, side), in the order of its predictions."""
    films = load_dataset(settings, model.card.dataset.name)
    return np.asarray(films.pixels[films.rows("validation")])


def _cut(loaded: LoadedModel, pixels: NDArray[np.uint8], labels: NDArray[np.int8]) -> tuple[Floats, ...]:
    """Return scores of films cut wider, cut higher, and with each class cut as the other one is."""
    wide, high = (score_pixels(loaded, recut(pixels, wider=wider)).score for wider in (True, False))
    return wide, high, np.where(labels == 1, high, wide)


def _about_aspect(settings: Settings, name: str) -> tuple[str, str]:
    """Return the AUC on validation films cut both ways, and with each class cut as the other one is.

    The second shows how much a network mistakes a film's shape for a sign of disease.
    """
    model = load_model(settings, name)
    scored = model.films("validation").scored
    labels, groups = scored.labels, scored.groups
    wide, high, exchanged = _cut(load(model), _validation(settings, model), labels)
    varied = np.tile(labels, 2), np.concatenate([wide, high]), np.tile(groups, 2)
    return _auc(*varied), _auc(labels, exchanged, groups)


RULES = (
    *("youden@suite", "specificity:0.99@suite", "sensitivity:0.97@suite", "sensitivity:0.95@suite"),
    *("sensitivity:0.93@suite", "sensitivity:0.9@suite"),
)
LOCK_COLUMNS = (
    *("Rule", "Threshold", "As they are", "Varied as in training", "Cut wider", "Cut higher"),
    *("Aspects exchanged", "Lowest balanced accuracy"),
)
_VARIED = EXPERIMENTS["stretched"].recipe  # the recipe of the ensemble's members


def locks(settings: Settings) -> str:
    """Write the shipped ensemble's sensitivity and specificity on validation at the lock of each rule."""
    model = load_shipped(settings, ENSEMBLE)
    loaded, pixels, scored = load(model), _validation(settings, model), model.films("validation").scored
    wide, high, exchanged = _cut(loaded, pixels, scored.labels)
    every = scored.scores, score_pixels(loaded, _varied(pixels)).score, wide, high, exchanged
    tables = [threshold_table(scored.labels, scores, scored.groups) for scores in every]
    lines = []
    for rule in map(parse_rule, RULES):
        threshold = choose_threshold(model, rule)
        points = [table.at(threshold) for table in tables]
        rates = (f"{100 * point.sensitivity:.1f} %, {100 * point.specificity:.1f} %" for point in points)
        lowest = min(point.balanced_accuracy for point in points)
        lines.append((rule.words, f"{threshold:.3f}", *rates, f"{100 * lowest:.1f} %"))
    return results.table(LOCK_COLUMNS, lines)


def _varied(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Vary films once, as the members of the ensemble saw them in training."""
    films = torch.from_numpy(pixels).unsqueeze(1) / 255
    random = torch.Generator().manual_seed(0)
    batches = torch.split(films, _VARIED.batch_size)
    varied = [augment(batch, Variation.of(_VARIED), random) for batch in batches]
    return (torch.cat(varied) * 255).round().byte().squeeze(1).numpy()


def _auc(labels: NDArray[np.int8], scores: NDArray[np.float64], groups: NDArray[np.object_]) -> str:
    return auc(threshold_table(labels, scores, groups).auc, auc_interval(labels, scores, groups))


def _cells(robustness: Robustness) -> tuple[str, ...]:
    rows = robustness.rows
    worst = min(rows, key=lambda row: row.auc)
    unseen = min((row.auc for row in rows if row.left_out), default=None)
    return (
        auc(robustness.auc, robustness.auc_ci),
        f"{statistics.fmean(row.auc for row in rows):.4f}",
        f"{auc(worst.auc, worst.auc_ci)}, {worst.title}",
        DASH if unseen is None else f"{unseen:.4f}",
        f"{100 * min(row.sensitivity for row in rows):.1f} %",
        f"{100 * min(row.specificity for row in rows):.1f} %",
    )


def table(settings: Settings, before: str = "") -> str:
    """Write one line per experiment, in the order of the list, and one for the shipped ensemble.

    If a model isn't in the present home, its line in the table ``before`` stays.
    """
    kept = {line.split("|")[1].strip(): line for line in before.splitlines() if line.startswith("|")}
    lines: list[str] = []
    listed = [(name, experiment.about) for name, experiment in EXPERIMENTS.items()]
    for name, about in [*listed, (ENSEMBLE, _SHIPPED)]:
        try:
            lines.append(_line(name, about, *_measured(settings, name)))
        except NotFoundError:
            lines.append(kept.get(name) or _line(name, about, "not run yet"))
    return "\n".join([results.table(COLUMNS, []), *lines])


def _line(*cells: str) -> str:
    return results.table(COLUMNS, [cells]).splitlines()[-1]


def _measured(settings: Settings, name: str) -> tuple[str, ...]:
    """Return the figures of an experiment's line."""
    card = load_model(settings, name).card
    minutes = f"{card.seconds / 60:.0f}" if card.seconds else DASH
    return minutes, *_cells(actions.robustness(settings, name)), *_about_aspect(settings, name)


def main() -> None:
    """Train the experiments, or write their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("--dataset", required=True)
    training.add_argument("--only", nargs="*", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    commands.add_parser("write")
    options = parser.parse_args()
    settings = load_settings()
    if options.command == "train":
        for name in options.only:
            run(settings, name, EXPERIMENTS[name], options.dataset)
    else:
        page = PAGE.read_text(encoding="utf-8")
        page = TABLE.sub(lambda match: f"{match[1]}{table(settings, match[0])}\n{match[2]}", page)
        page = LOCKS.sub(lambda match: f"{match[1]}{locks(settings)}\n{match[2]}", page)
        PAGE.write_text(page, encoding="utf-8")
        print(PAGE)


if __name__ == "__main__":
    main()
