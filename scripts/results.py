"""
Write ``docs/results.md`` from the models that ``python -m scripts.presets`` trained in the present home.

``python -m scripts.results --dataset NAME [--out FILE]`` evaluates each on the test split at the threshold
that its training locked on validation; this opens the test split, and is logged as always. Run it only when
every choice has been made, including the shipped models.
"""

import argparse
import contextlib
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from scripts import DOCS, naive
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

# Figures that the two reports printed, and their test set.
REPORTS = {
    "resnet50-transfer": "77.9 % accuracy (first report: ResNet50, official test, threshold 0.5)",
    "cnn-scratch": "71.8 % accuracy (first report: official test, threshold 0.5)",
    "densenet121-finetune": "94 % accuracy, AUC 0.985 (second report: DenseNet121, a new split by image)",
}
COLUMNS = (
    *("Recipe", "Network", "Starts from", "Epochs", "Minutes", "Seconds per epoch"),
    *("Validation AUC", "Test AUC", "Accuracy", "Sensitivity", "Specificity", "The report's figure"),
)
SEED_COLUMNS = ("Recipe", "Seeds", "Test AUC", "Accuracy", "Sensitivity", "Specificity", "Minutes")
QUESTION_COLUMNS = (
    *("Question", "First", "Second", "Test AUC, seed by seed", "Difference, seed 0"),
    "Accuracy, seed by seed",
)
RECALL_COLUMNS = ("Recipe", "Normal", "Pneumonia", "Bacterial", "Viral")
SWEEP_COLUMNS = (
    *("Threshold", "Sensitivity", "Specificity", "PPV", "NPV", "Accuracy", "Balanced accuracy"),
    *("Missed", "False alarms"),
)

# Each question with the two presets that answer it, the simpler one first.
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
        """Figures of the test films at the lock, also for each kind of pneumonia."""
        return measure(self.model.films("test"), self.test.threshold)


def trained(settings: Settings, dataset: str, preset: Recipe) -> list[Trained]:
    """Open the test split of every trained seed of a preset, from 0 on, and return the trainings."""
    for arch in (NAMED[preset.name], INSTEAD):
        trainings = []
        for seed in count():
            try:
                model = load_model(settings, model_name(preset.name, arch, seed))
            except NotFoundError:
                break
            validation = actions.evaluate_validation(settings, model.name)
            test = actions.evaluate(settings, model.name, dataset, actor=ACTOR)
            trainings.append(Trained(preset, model, validation, test))
        if trainings:
            return trainings
    return []


def line(one: Trained) -> tuple[str, ...]:
    """Return the table line of one training."""
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
    """Return the median seconds per epoch of the last stage."""
    epochs = model.history
    last = epochs[-1]["stage"]
    return statistics.median(float(epoch["seconds"]) for epoch in epochs if epoch["stage"] == last)


def seeds_line(seeds: list[Trained]) -> tuple[str, ...]:
    """Return the table line with the spread over the seeds of a preset."""
    return (
        seeds[0].preset.name,
        str(len(seeds)),
        spread([one.test.auc for one in seeds], 4),
        *(spread([100 * getattr(one.test, name) for one in seeds], 1) + " %" for name in _RATES),
        spread([one.model.card.seconds / 60 for one in seeds], 1),
    )


def question_line(question: str, one: list[Trained], other: list[Trained]) -> tuple[str, ...]:
    """Return the table line of two presets, for the seeds that both have."""
    pairs = list(zip(one, other, strict=False))
    return (
        question,
        _named(one[0]),
        _named(other[0]),
        "; ".join(f"{a.test.auc:.4f} → {b.test.auc:.4f}" for a, b in pairs),
        _difference(*pairs[0]),
        "; ".join(f"{100 * a.test.accuracy:.1f} → {100 * b.test.accuracy:.1f} %" for a, b in pairs),
    )


def _difference(one: Trained, other: Trained) -> str:
    """Return the AUC of the second minus the first, with its interval, on the same films."""
    films, same = one.model.films("test"), other.model.films("test")
    if list(films.frame["image_id"]) != list(same.frame["image_id"]):
        raise ValueError("two presets were tested on different films")
    apart = auc_difference(films.labels, same.scores, films.scores, films.groups)
    return f"{apart.value:+.4f} ({apart.low:+.4f} to {apart.high:+.4f})"


def _named(one: Trained) -> str:
    return f"{one.preset.name} ({network(one.model.card.arch).title})"


def recall_line(one: Trained) -> tuple[str, ...]:
    """Return the table line with the recall of each class and kind."""
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


def _point(figures: Figures) -> OperatingPoint:
    """Return the operating point of figures that have a threshold."""
    if figures.point is None:
        raise ValueError("figures without a threshold")
    return figures.point


def sweep(model: Model) -> list[tuple[str, ...]]:
    """Return the table lines for thresholds from 0.1 to 0.9, and for the lock."""
    lock = model.require_lock().threshold
    lines = []
    for threshold in sorted({*STEPS, lock}):
        figures = measure(model.films("test"), threshold)
        point = _point(figures)
        title = f"**{threshold:.3f}, locked**" if threshold == lock else f"{threshold:.1f}"
        rates = [percent(getattr(point, name), figures.intervals[name]) for name in _SWEEP_RATES]
        lines.append((title, *rates, str(point.fn), str(point.fp)))
    return lines


def auc(value: float, interval: Interval) -> str:
    """Write an AUC with its interval, with four decimals each."""
    return f"{value:.4f} ({interval[0]:.4f}–{interval[1]:.4f})"


def percent(value: float, interval: Interval) -> str:
    """Write a share with its interval, in percent."""
    return f"{100 * value:.1f} % ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})"


def spread(values: list[float], digits: int) -> str:
    """Write mean ± standard deviation of some trainings, or only the value of one."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def table(columns: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    """Write a Markdown table; missing cells at the end of a line are empty."""
    rule = tuple("---" for _ in columns)
    full = (cells + ("",) * (len(columns) - len(cells)) for cells in (columns, rule, *lines))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in full)


def not_run(settings: Settings, preset: Recipe) -> tuple[str, ...] | None:
    """Return the line of a preset whose own network was only tried out; None if there was no trial."""
    arch = NAMED[preset.name]
    try:
        trial = load_model(settings, SMOKE + model_name(preset.name, arch))
    except NotFoundError:
        return None
    return _empty(
        preset, "not run: weights unavailable here", f"{trial.card.epochs} of a trial, random weights"
    )


def _empty(preset: Recipe, *cells: str) -> tuple[str, ...]:
    """Return a line without figures."""
    return preset.name, network(NAMED[preset.name]).title, *cells


def page(settings: Settings, dataset: str) -> str:
    """Return the text of ``docs/results.md``."""
    every = {preset.name: trained(settings, dataset, preset) for preset in PRESETS}
    lines: list[tuple[str, ...]] = []
    for preset in PRESETS:
        trial, seeds = not_run(settings, preset), every[preset.name]
        own = [] if trial is None else [trial]
        own += [line(seeds[0])] if seeds else []
        lines += own or [_empty(preset, "not run yet")]
    ran = [seeds for seeds in every.values() if seeds]
    answered = [row for row in QUESTIONS if every[row[1]] and every[row[2]]]
    return f"""# Results

Written by `python -m scripts.results` from the models that `python -m scripts.presets` trained; don't edit.

{_films(settings, dataset)}

{_seen(every)}

## The recipes

Seed 0 of each.

{table(COLUMNS, lines)}

## Other seeds

Mean ± standard deviation of the trainings. The intervals above show the variation between patients. These
figures show the variation between trainings. Keep both in mind.

{table(SEED_COLUMNS, (seeds_line(seeds) for seeds in ran))}

## The reports' questions

{table(QUESTION_COLUMNS, (question_line(text, every[one], every[other]) for text, one, other in answered))}

Both models of a pair have the same films and the same seed. The difference is the AUC of the second minus
that of the first, by DeLong's paired test with films clustered by patient. If the interval contains zero,
or the answer changes with the seed, the question is open.

The questions are tested together, so an interval that narrowly excludes zero is no answer either: by
Holm's rule the smallest p has to be below 0.05 divided by the number of questions, the next one below 0.05
divided by one question less, and so on. Recipes also differ in their number of epochs, so a
difference isn't due to one of their choices alone.

## Recall of each class

At the lock, for seed 0. File names say whether a pneumonia is bacterial or viral.

{table(RECALL_COLUMNS, (recall_line(seeds[0]) for seeds in ran))}

## Along the threshold

{_sweeps(settings, every)}

## Compared with the reports

The last column of the first table isn't comparable with the others. Only the recipes are:

- **Split.** The first report tested on the official test split. Its films were acquired and compressed
  differently from the training films, and it is not used here. The second report made a new split by image,
  so films of one child were on both sides. Here patients are held out, all of them from the training split.
  That still flatters: the hospital is the same, and so is the compression of each class.
- **Threshold.** The reports classified at 0.5, and the second moved the threshold on the films that it then
  reported. Here the threshold is locked on validation before the test is opened.
- **Weights.** If the row says so, MobileNetV2 replaces a network whose ImageNet weights weren't available.
- **Kept.** The reports kept the last epoch. Here the epoch with the best validation AUC is kept.
- **Time.** A report's loop took 150 s per epoch (163 batches of 32 films) on a P100, because it read and
  resized every film anew. The seconds per epoch above are those of the last stage on one core of a
  processor: a frozen stage trains on features that its backbone computed once.
  [benchmarks.md](benchmarks.md) measures both ways side by side on one machine: the rows
  `frozen_mobilenet`, `frozen_densenet` and `tail`.

{naive.section(naive.read())}"""


def _seen(every: dict[str, list[Trained]]) -> str:
    """Say how often the test films were opened for this page."""
    return (
        f"The test films were opened for each of {sum(map(len, every.values()))} trainings on this page, so "
        "a difference between two of\nthem may be chance. The shipped models were trained and tested on the "
        "identical split."
    )


def _films(settings: Settings, dataset: str) -> str:
    info = load_dataset(settings, dataset).info
    splits = {
        name: f"{counts['films']} films of {counts['patients']} patients"
        for name, counts in info.splits.items()
    }
    return f"""The public training split of the Kermany set ({info.n} films, {info.patients} patients by
`{info.patient_key}`) was split into {splits["train"]} to train on, {splits["validation"]} to choose the
epoch and lock the threshold, and {splits["test"]} held out for every figure below that is called test. Test
figures are at the locked threshold. Every interval is at 95 %, clustered by patient. All figures come from
one hospital and one split. Another split changes them, and another hospital changes them much more. Times
are from one machine without a GPU, with one core per training and other work running."""


def _sweeps(settings: Settings, every: dict[str, list[Trained]]) -> str:
    """Write the sweeps of the shipped ensemble and of the recipe that the second report tuned."""
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
