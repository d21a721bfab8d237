"""
Write ``docs/results.md`` from the models that ``python -m scripts.presets`` trained in the present home.

``python -m scripts.results --dataset NAME [--out FILE]`` evaluates each on the test split at the threshold
that its training locked on validation; that opens the test split, which is logged as ever. Run it when every
choice is made, the shipped models among them.
"""

import argparse
import contextlib
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from scripts import DOCS
from scripts.presets import INSTEAD, NAMED, SMOKE, model_name
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.documents import Evaluated, Interval
from xraylab.errors import NotFoundError
from xraylab.evaluation.figures import Figures, measure
from xraylab.evaluation.intervals import auc_difference
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.models import ENSEMBLE, Model, load_model
from xraylab.networks.registry import network
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import PRESETS, Recipe

ACTOR = "scripts.results"
OUT = DOCS / "results.md"

# What the two reports printed, and on what.
REPORTS = {
    "resnet50-transfer": "77.9 % accuracy (first report: ResNet50, official test, threshold 0.5)",
    "cnn-scratch": "71.8 % accuracy (first report: official test, threshold 0.5)",
    "densenet121-finetune": "94 % accuracy, AUC 0.985 (second report: DenseNet121, a new split by image)",
}
COLUMNS = (
    *("Recipe", "Network", "Starts from", "Epochs", "Minutes", "Seconds an epoch"),
    *("Validation AUC", "Test AUC", "Accuracy", "Sensitivity", "Specificity", "The report's figure"),
)
SEED_COLUMNS = ("Recipe", "Seeds", "Test AUC", "Accuracy", "Sensitivity", "Specificity", "Minutes")
QUESTION_COLUMNS = (
    *(
        "Question",
        "One",
        "The other",
        "Test AUC, seed by seed",
        "Difference, seed 0",
        "Accuracy, seed by seed",
    ),
)
RECALL_COLUMNS = ("Recipe", "Normal", "Pneumonia", "Bacterial", "Viral")
SWEEP_COLUMNS = (
    *("Threshold", "Sensitivity", "Specificity", "PPV", "NPV", "Accuracy", "Balanced accuracy"),
    *("Missed", "False alarms"),
)

# What is asked, which presets answer, the simpler one first.
QUESTIONS = (
    ("Frozen against fine-tuned, 20 epochs each", "equal-epochs", "densenet121-finetune"),
    ("Frozen against fine-tuned throughout", "quick", "standard"),
    ("Transfer learning against a CNN from scratch", "resnet50-transfer", "cnn-scratch"),
    ("The same, fine-tuned against a small CNN", "standard", "scratch"),
)
SWEPT = "densenet121-finetune"  # the recipe whose threshold the second report tuned
STEPS = tuple(step / 10 for step in range(1, 10))
_RATES = ("accuracy", "sensitivity", "specificity")
_SWEEP_RATES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "balanced_accuracy")
_NONE = "–"


@dataclass(frozen=True)
class Trained:
    """One training of a preset, with its test films scored and opened."""

    preset: Recipe
    model: Model
    validation: Evaluated
    test: Evaluated

    @cached_property
    def figures(self) -> Figures:
        """Of the test films at the lock, each kind of pneumonia by itself."""
        return measure(self.model.films("test"), self.test.threshold)


def trained(settings: Settings, dataset: str, preset: Recipe) -> list[Trained]:
    """Every seed of a preset that was trained, from 0 on; opens their test split."""
    for arch in (NAMED[preset.name], INSTEAD):
        found = []
        for seed in count():
            try:
                model = load_model(settings, model_name(preset.name, arch, seed))
            except NotFoundError:
                break
            validation = actions.evaluate_validation(settings, model.name)
            test = actions.evaluate(settings, model.name, dataset, actor=ACTOR)
            found.append(Trained(preset, model, validation, test))
        if found:
            return found
    return []


def line(one: Trained) -> tuple[str, ...]:
    """What one training came to."""
    card, test = one.model.card, one.test
    return (
        one.preset.name,
        network(card.arch).title,
        "ImageNet" if card.weights == "imagenet" else "random weights",
        f"{card.epochs}, kept {card.best_epoch}",
        f"{card.seconds / 60:.1f}",
        f"{_epoch_seconds(one.model):.1f}",
        auc(one.validation.auc, one.validation.auc_ci),
        auc(test.auc, test.auc_ci),
        *(percent(getattr(test, name), test.intervals[name]) for name in _RATES),
        REPORTS.get(one.preset.name, ""),
    )


def _epoch_seconds(model: Model) -> float:
    """What an epoch of the last stage took, in the median."""
    epochs = model.history
    last = epochs[-1]["stage"]
    return statistics.median(float(epoch["seconds"]) for epoch in epochs if epoch["stage"] == last)


def seeds_line(seeds: list[Trained]) -> tuple[str, ...]:
    """How far the seeds of a preset are apart."""
    return (
        seeds[0].preset.name,
        str(len(seeds)),
        spread([one.test.auc for one in seeds], 4),
        *(spread([100 * getattr(one.test, name) for one in seeds], 1) + " %" for name in _RATES),
        spread([one.model.card.seconds / 60 for one in seeds], 1),
    )


def question_line(question: str, one: list[Trained], other: list[Trained]) -> tuple[str, ...]:
    """Two presets, the seeds that both have side by side."""
    pairs = list(zip(one, other, strict=False))
    return (
        question,
        _told(one[0]),
        _told(other[0]),
        "; ".join(f"{a.test.auc:.4f} → {b.test.auc:.4f}" for a, b in pairs),
        _difference(*pairs[0]),
        "; ".join(f"{100 * a.test.accuracy:.1f} → {100 * b.test.accuracy:.1f} %" for a, b in pairs),
    )


def _difference(one: Trained, other: Trained) -> str:
    """Of the areas on the same films, in the sense of the arrows."""
    films, same = one.model.films("test"), other.model.films("test")
    if list(films.frame["image_id"]) != list(same.frame["image_id"]):
        raise ValueError("two presets were tested on different films")
    found = auc_difference(films.labels, same.scores, films.scores, films.groups)
    return f"{found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def _told(one: Trained) -> str:
    return f"{one.preset.name} ({network(one.model.card.arch).title})"


def recall_line(one: Trained) -> tuple[str, ...]:
    """The share of each kind of films that is called what it is."""
    point, intervals, kinds = _point(one.figures), one.figures.intervals, one.figures.kinds
    return (
        one.preset.name,
        percent(point.specificity, intervals["specificity"]),
        percent(point.sensitivity, intervals["sensitivity"]),
        *(
            percent(kinds[kind].sensitivity, kinds[kind].interval) if kind in kinds else _NONE
            for kind in ("bacterial", "viral")
        ),
    )


def _point(found: Figures) -> OperatingPoint:
    """Of figures that were asked for at a threshold."""
    if found.point is None:
        raise ValueError("figures without a threshold")
    return found.point


def sweep(model: Model) -> list[tuple[str, ...]]:
    """The test films at thresholds from 0.1 to 0.9, and at the lock."""
    lock = model.require_lock().threshold
    lines = []
    for threshold in sorted({*STEPS, lock}):
        found = measure(model.films("test"), threshold)
        point = _point(found)
        told = f"**{threshold:.3f}, locked**" if threshold == lock else f"{threshold:.1f}"
        rates = [percent(getattr(point, name), found.intervals[name]) for name in _SWEEP_RATES]
        lines.append((told, *rates, str(point.fn), str(point.fp)))
    return lines


def auc(value: float, interval: Interval) -> str:
    """An AUC with its interval, four decimals each."""
    return f"{value:.4f} ({interval[0]:.4f}–{interval[1]:.4f})"


def percent(value: float, interval: Interval) -> str:
    """A share with its interval."""
    return f"{100 * value:.1f} % ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})"


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard deviation of some trainings; the value alone of one."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def table(columns: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a line that ends early is empty from there on."""
    rule = tuple("---" for _ in columns)
    full = (cells + ("",) * (len(columns) - len(cells)) for cells in (columns, rule, *lines))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in full)


def not_run(settings: Settings, preset: Recipe) -> tuple[str, ...] | None:
    """The line of a preset that had only a trial of its own network; None if it was run with it."""
    arch = NAMED[preset.name]
    try:
        trial = load_model(settings, SMOKE + model_name(preset.name, arch))
    except NotFoundError:
        return None
    return _empty(
        preset, "not run: weights unavailable here", f"{trial.card.epochs} of a trial, random weights"
    )


def _empty(preset: Recipe, *said: str) -> tuple[str, ...]:
    """A line without figures."""
    return preset.name, network(NAMED[preset.name]).title, *said


def page(settings: Settings, dataset: str) -> str:
    """All of ``docs/results.md``."""
    every = {preset.name: trained(settings, dataset, preset) for preset in PRESETS}
    lines: list[tuple[str, ...]] = []
    for preset in PRESETS:
        trial, seeds = not_run(settings, preset), every[preset.name]
        told = [] if trial is None else [trial]
        told += [line(seeds[0])] if seeds else []
        lines += told or [_empty(preset, "not run yet")]
    ran = [seeds for seeds in every.values() if seeds]
    answered = [asked for asked in QUESTIONS if every[asked[1]] and every[asked[2]]]
    return f"""# Results

Written by `python -m scripts.results` from the models that `python -m scripts.presets` trained; don't edit.

{_films(settings, dataset)}

## The recipes

Seed 0 of each.

{table(COLUMNS, lines)}

## Other seeds

Mean ± standard deviation of the trainings that there are. The intervals above tell of other patients, these
of another draw of the same training; both have to be borne in mind.

{table(SEED_COLUMNS, (seeds_line(seeds) for seeds in ran))}

## The reports' questions

{table(QUESTION_COLUMNS, (question_line(asked, every[one], every[other]) for asked, one, other in answered))}

Each pair has the same films and the same seed; the difference is the other's AUC less the one's, by DeLong's
paired test with films clustered by patient. An interval that holds zero, or an answer that changes with the
seed, is no answer.

## Recall of each class

At the lock, seed 0; bacterial and viral by file name.

{table(RECALL_COLUMNS, (recall_line(seeds[0]) for seeds in ran))}

## Along the threshold

{_sweeps(settings, every)}

## Beside the reports

The last column of the first table isn't comparable with the others, only its recipes are:

- **Split.** The first report tested on the official test split, whose films were acquired and compressed
  differently from the training films; that split is not used here. The second split anew by image, so
  that films of one child stood on both sides. Here patients are held out, of the training split alone,
  which still flatters: the same hospital, the same compression for each class.
- **Threshold.** The reports classified at 0.5, and the second moved the threshold on the films that it then
  reported. Here the threshold is locked on validation before the test is opened.
- **Weights.** Where the row says so, MobileNetV2 stands for a network whose ImageNet weights weren't to
  be had.
- **Kept.** The reports kept the last epoch; here the one with the best validation AUC is kept.
- **Time.** A report's loop took 150 s an epoch (163 batches of 32 films) on a P100, since it read and resized
  every film anew. The seconds an epoch above are those of the last stage on one core of a processor: a frozen
  stage trains on what its backbone made of the films once. Both ways are measured side by side on one machine
  in [benchmarks.md](benchmarks.md): the rows `frozen_mobilenet`, `frozen_densenet` and `tail`.
"""


def _films(settings: Settings, dataset: str) -> str:
    there = load_dataset(settings, dataset).info
    splits = {
        name: f"{counts['films']} films of {counts['patients']} patients"
        for name, counts in there.splits.items()
    }
    return f"""The public training split of the Kermany set ({there.n} films, {there.patients} patients by
`{there.patient_key}`): {splits["train"]} to train on, {splits["validation"]} to choose the epoch and lock the
threshold by, {splits["test"]} held out for every figure below that is called test. Those are at the locked
threshold, and every interval is at 95 %, clustered by patient. All come from one hospital and one split:
another split moves them, and another hospital moves them much more. The times are of one machine without a
GPU, a core a training and other work beside."""


def _sweeps(settings: Settings, every: dict[str, list[Trained]]) -> str:
    """The shipped ensemble, and the recipe whose threshold the second report tuned."""
    parts = []
    with contextlib.suppress(NotFoundError):
        parts.append((f"The shipped `{ENSEMBLE}`", load_model(settings, ENSEMBLE)))
    if every[SWEPT]:
        parts.append((f"`{SWEPT}`, {network(every[SWEPT][0].model.card.arch).title}", every[SWEPT][0].model))
    return "\n\n".join(f"{title}:\n\n{table(SWEEP_COLUMNS, sweep(model))}" for title, model in parts)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.write_text(page(load_settings(), options.dataset), encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
