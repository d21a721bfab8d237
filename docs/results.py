"""
Write ``docs/results.md`` from the models that ``python -m docs.presets`` trained in the present home.

``python -m docs.results --dataset NAME [--out FILE]`` evaluates each on the test split at the threshold that
its training locked on validation; that opens the test split, which is logged as ever.
"""

import argparse
from pathlib import Path

from docs.presets import INSTEAD, NAMED, SMOKE, model_name
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.documents import Evaluated, Interval
from xraylab.errors import NotFoundError
from xraylab.models import Card, load_model
from xraylab.networks.registry import network
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import PRESETS, Recipe

ACTOR = "docs.results"
OUT = Path(__file__).parent / "results.md"

# What the two reports printed, and on what.
REPORTS = {
    "resnet50-transfer": "77.9 % accuracy (first report: ResNet50, official test, threshold 0.5)",
    "cnn-scratch": "71.8 % accuracy (first report: official test, threshold 0.5)",
    "densenet121-finetune": "94 % accuracy, AUC 0.985 (second report: DenseNet121, a new split by image)",
}
COLUMNS = (
    *("Recipe", "Network", "Starts from", "Epochs", "Minutes", "Validation AUC", "Test AUC"),
    *("Accuracy", "Sensitivity", "Specificity", "The report's figure"),
)


def row(settings: Settings, dataset: str, preset: Recipe) -> tuple[str, ...] | None:
    """One line of the table; None if the preset hasn't been run."""
    for arch in (NAMED[preset.name], INSTEAD):
        try:
            model = load_model(settings, model_name(preset.name, arch))
        except NotFoundError:
            continue
        validation = actions.evaluate_validation(settings, model.name)
        test = actions.evaluate(settings, model.name, dataset, actor=ACTOR)
        return _cells(model.card, validation, test)
    return None


def _cells(card: Card, validation: Evaluated, test: Evaluated) -> tuple[str, ...]:
    recipe = str(card.recipe["name"])
    return (
        recipe,
        network(card.arch).title,
        "ImageNet" if card.weights == "imagenet" else "random weights",
        f"{card.epochs}, kept {card.best_epoch}",
        f"{card.seconds / 60:.1f}",
        auc(validation.auc, validation.auc_ci),
        auc(test.auc, test.auc_ci),
        *(_percent(getattr(test, name), test.intervals[name]) for name in _RATES),
        REPORTS.get(recipe, ""),
    )


_RATES = ("accuracy", "sensitivity", "specificity")


def auc(value: float, interval: Interval) -> str:
    """An AUC with its interval, four decimals each."""
    return f"{value:.4f} ({interval[0]:.4f}–{interval[1]:.4f})"


def _percent(value: float, interval: Interval) -> str:
    return f"{100 * value:.1f} % ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})"


def not_run(settings: Settings, preset: Recipe) -> tuple[str, ...] | None:
    """The line of a preset that had only a trial of its own network; None if it was run with it."""
    arch = NAMED[preset.name]
    try:
        trial = load_model(settings, SMOKE + model_name(preset.name, arch))
    except NotFoundError:
        return None
    return _line(
        preset, "not run: weights unavailable here", f"{trial.card.epochs} of a trial, random weights"
    )


def _line(preset: Recipe, *said: str) -> tuple[str, ...]:
    """A line without figures."""
    cells = (preset.name, network(NAMED[preset.name]).title, *said)
    return cells + ("",) * (len(COLUMNS) - len(cells))


def page(settings: Settings, dataset: str) -> str:
    """All of ``docs/results.md``."""
    lines: list[tuple[str, ...]] = []
    for preset in PRESETS:
        told = [line for line in (not_run(settings, preset), row(settings, dataset, preset)) if line]
        lines += told or [_line(preset, "not run yet")]
    there = load_dataset(settings, dataset).info
    splits = {
        name: f"{counts['films']} films of {counts['patients']} patients"
        for name, counts in there.splits.items()
    }
    return f"""# Results of the presets

Written by `python -m docs.results` from the models that `python -m docs.presets` trained; don't edit.

One training each, seed 0, on the public training split of the Kermany set ({there.n} films,
{there.patients} patients by `{there.patient_key}`): {splits["train"]} to train on, {splits["validation"]}
to choose the epoch and lock the threshold by, {splits["test"]} for the figures in the last columns. Those
are at the locked threshold, and every interval is at 95 %, clustered by patient. All come from one
hospital and one split: another seed or another split moves them, and another hospital moves them much
more. The times are of one machine without a GPU, often with other work beside.

{table(COLUMNS, lines)}

## Beside the reports

The figures in the last column are not comparable with ours, only their recipes are:

- **Split.** The first report tested on the official test split, whose films were acquired and compressed
  differently from the training films; that split is not used here. The second split anew by image, so
  that films of one child stood on both sides. Here patients are held out, of the training split alone,
  which still flatters: the same hospital, the same compression for each class.
- **Threshold.** The reports classified at 0.5. Here the threshold is locked on validation before the test
  is opened.
- **Weights.** Where the row says so, MobileNetV2 stands for a network whose ImageNet weights weren't to
  be had.
- **Kept.** The reports kept the last epoch; here the one with the best validation AUC is kept.

`equal-epochs` against `densenet121-finetune` is the comparison that the second report asks for: the same
network for the same 20 epochs, once with the head alone and once with 5 of them spent on its last stage
too.
"""


def table(columns: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    rule = tuple("---" for _ in columns)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, rule, *lines))


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
