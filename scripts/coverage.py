"""
Simulate how often each interval that a screen shows contains the true value, and write the page about it.

- ``python -m scripts.coverage run`` draws films, counts, and writes ``docs/coverage.json`` and the page; it
  takes a few minutes on one core. ``--share 0.05`` draws less often
- ``python -m scripts.coverage page`` writes ``docs/coverage.md`` again from the stored counts

Nothing is read: patients and films are drawn, so that the true values are known.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from scripts.coverage_films import (
    CUT,
    Bounds,
    Films,
    auc_before,
    auc_difference_before,
    brier_before,
    draw_calls,
    draw_films,
    kappa_before,
    probabilities,
    sizes_before,
    sizes_of,
)
from xraylab.evaluation import jackknife
from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.intervals import auc_difference, auc_interval, wilson_interval
from xraylab.evaluation.measures import measures
from xraylab.evaluation.paired import rate_difference
from xraylab.evaluation.prevalence import predictive_values
from xraylab.evaluation.ratios import likelihood_ratios
from xraylab.evaluation.shift import difference
from xraylab.evaluation.thresholds import threshold_table
from xraylab.files import write_text

DOCS = Path(__file__).parents[1] / "docs"
STORED = DOCS / "coverage.json"
ICCS = (0.0, 0.3, 0.6)
LOW, HIGH = 0.93, 0.97  # the range that an interval at 95 % should keep
FEW_WRONG = 10  # with fewer wrong calls expected, coverage jumps from count to count
PREVALENCE = 0.1
_HALF = 0.5  # between a wrong call, 0, and a right one, 1
_POPULATION = 40_000  # patients of each class, drawn once for true values without a formula

Measured = dict[str, Bounds]


@dataclass
class Count:
    """How often one interval held, for one kind of films."""

    interval: str
    truth: float
    patients: int  # with films that count; of each class if there are two
    icc: float
    wrong: float = math.inf  # wrong calls expected, or wrongly ranked pairs of patients
    runs: int = 0
    known: int = 0  # runs with an interval
    held: int = 0
    above: int = 0  # the true value lies above the interval
    below: int = 0
    before_known: int = 0
    before_held: int = 0

    def add(self, bounds: Bounds, before: Bounds | None = None) -> None:
        """Count one run."""
        self.runs += 1
        if not math.isnan(bounds[0] + bounds[1]):
            self.known += 1
            self.above += self.truth > bounds[1]
            self.below += self.truth < bounds[0]
            self.held += bounds[0] <= self.truth <= bounds[1]
        if before is not None and not math.isnan(before[0] + before[1]):
            self.before_known += 1
            self.before_held += before[0] <= self.truth <= before[1]

    @property
    def coverage(self) -> float:
        """Share of the intervals that contain the true value."""
        return self.held / self.known if self.known else math.nan

    @property
    def before(self) -> float:
        """The same for the method of older versions; NaN if it is the same method."""
        return self.before_held / self.before_known if self.before_known else math.nan

    @property
    def error(self) -> float:
        """Standard error of the coverage, if the true coverage is 95 %."""
        return math.sqrt(0.95 * 0.05 / self.known) if self.known else math.nan


# ---- one class: rates ----


def rates(rate: float, patients: int, icc: float, runs: int) -> list[Count]:
    """Count the interval of a rate of one class, such as sensitivity."""
    rng = np.random.default_rng(int(1e6 * rate) + 7 * patients + int(10 * icc))
    count = Count("sensitivity or specificity", rate, patients, icc, wrong=(1 - rate) * 2.61 * patients)
    right, films = draw_calls(rng, (runs, patients), rate, icc)
    shares = right.sum(axis=1) / films.sum(axis=1)
    columns = (each.tolist() for each in (shares, sizes_of(right, films), sizes_before(right, films)))
    for share, size, former in zip(*columns, strict=True):
        count.add(wilson_interval(share * size, size), wilson_interval(share * former, former))
    return [count]


# ---- two classes: areas ----


def areas(area: float, patients: int, icc: float, runs: int) -> list[Count]:
    """Count the interval of one AUC."""
    rng = np.random.default_rng(int(1e6 * area) + 7 * patients + int(10 * icc))
    count = Count("AUC", area, patients, icc, wrong=(1 - area) * patients**2)
    for _ in range(runs):
        films = draw_films(rng, patients, (area, area), icc)
        count.add(auc_interval(films.labels, films.scores, films.patients), auc_before(films))
    return [count]


def area_differences(pair: tuple[float, float], patients: int, icc: float, runs: int) -> list[Count]:
    """Count the interval of the difference of two AUCs on the same films."""
    rng = np.random.default_rng(int(1e6 * pair[1]) + 7 * patients + int(10 * icc))
    name = f"difference of AUCs, {pair[0]} and {pair[1]}"
    count = Count(name, pair[0] - pair[1], patients, icc, wrong=(1 - pair[0]) * patients**2)
    for _ in range(runs):
        films = draw_films(rng, patients, pair, icc)
        found = auc_difference(films.labels, films.scores, films.others, films.patients)
        count.add((found.low, found.high), auc_difference_before(films))
    return [count]


# ---- two classes: everything else ----


def everything(pair: tuple[float, float], patients: int, icc: float, runs: int) -> list[Count]:
    """Count all other intervals, for two models on films of both classes."""
    rng = np.random.default_rng(int(1e6 * pair[0]) + 7 * patients + int(10 * icc))
    truth, wrong = true_values(pair, icc)
    films_of_a_class = 2.61 * patients
    counts = {
        name: Count(f"{name}, AUC {pair[0]}", value, patients, icc, wrong=wrong * films_of_a_class)
        for name, value in truth.items()
    }
    for _ in range(runs):
        films, elsewhere = draw_films(rng, patients, pair, icc), draw_films(rng, patients, pair, icc)
        before = {"Brier score": brier_before(films), "kappa": kappa_before(films)}
        for name, bounds in measured(films, elsewhere).items():
            counts[name].add(bounds, before.get(name))
    return list(counts.values())


@cache
def true_values(pair: tuple[float, float], icc: float) -> tuple[Mapping[str, float], float]:
    """Return the true values of ``measured``, and the smaller share of wrong calls of the two classes."""
    films = draw_films(np.random.default_rng(99), _POPULATION, pair, icc)
    first, second = (
        measures(films.labels, probabilities(each), _HALF) for each in (films.scores, films.others)
    )
    point = threshold_table(films.labels, films.scores).at(CUT)
    predicted = predictive_values(films.table, CUT, PREVALENCE)
    values = {
        "PPV": first["ppv"],
        "NPV": first["npv"],
        "F1": first["f1"],
        "accuracy": first["accuracy"],
        "balanced accuracy": first["balanced_accuracy"],
        "kappa": first["kappa"],
        "Matthews correlation": first["mcc"],
        "average precision": first["average_precision"],
        "Brier score": first["brier"],
        "LR+": point.lr_positive,
        "LR−": point.lr_negative,
        f"PPV at {PREVALENCE:.0%}": predicted.ppv,
        f"NPV at {PREVALENCE:.0%}": predicted.npv,
        "difference of sensitivities": first["sensitivity"] - second["sensitivity"],
        "difference of kappas": first["kappa"] - second["kappa"],
        "difference of F1": first["f1"] - second["f1"],
        "difference of average precisions": first["average_precision"] - second["average_precision"],
        "shift: difference of sensitivities": 0.0,
        "shift: difference of AUCs": 0.0,
    }
    return values, min(1 - first["sensitivity"], 1 - first["specificity"])


def measured(films: Films, elsewhere: Films) -> Measured:
    """Compute every interval of the first model, of both models, and of two sets of films."""
    table, of = films.table, (films.labels, films.scores)
    both = (*of, films.others, films.patients)
    ratios, predicted = likelihood_ratios(table, CUT), predictive_values(table, CUT, PREVALENCE)
    agreement = jackknife.rate_intervals(*of, films.patients, CUT, rates=("kappa", "mcc"))
    apart = jackknife.rate_difference_intervals(*both, (CUT, CUT), rates=("kappa", "f1"))
    ill = films.labels == 1
    found = rate_difference(films.scores[ill] >= CUT, films.others[ill] >= CUT, films.patients[ill])
    return {
        "PPV": table.interval("ppv", CUT),
        "NPV": table.interval("npv", CUT),
        "F1": table.interval("f1", CUT),
        "accuracy": table.interval("accuracy", CUT),
        "balanced accuracy": balanced_accuracy_interval(table, CUT),
        "kappa": agreement["kappa"],
        "Matthews correlation": agreement["mcc"],
        "average precision": jackknife.average_precision_interval(*of, films.patients),
        "Brier score": jackknife.brier_interval(films.labels, probabilities(films.scores), films.patients),
        "LR+": ratios.positive_interval,
        "LR−": ratios.negative_interval,
        f"PPV at {PREVALENCE:.0%}": predicted.ppv_interval,
        f"NPV at {PREVALENCE:.0%}": predicted.npv_interval,
        "difference of sensitivities": (found.low, found.high),
        "difference of kappas": apart["kappa"],
        "difference of F1": apart["f1"],
        "difference of average precisions": jackknife.average_precision_difference_interval(*both),
        **_between_sets(films, elsewhere),
    }


def _between_sets(films: Films, elsewhere: Films) -> Measured:
    """Compute the intervals of differences between two sets of films, as the shift panel shows them."""
    tables = [films.table, elsewhere.table]
    rates_of = [(table.at(CUT).sensitivity, table.interval("sensitivity", CUT)) for table in tables]
    areas_of = [
        (each.table.auc, auc_interval(each.labels, each.scores, each.patients)) for each in (films, elsewhere)
    ]
    apart = [difference(*pair[0], *pair[1]) for pair in (rates_of, areas_of)]
    names = ("shift: difference of sensitivities", "shift: difference of AUCs")
    return {name: (each.low, each.high) for name, each in zip(names, apart, strict=True)}


# ---- the kinds of films ----

CASES: tuple[tuple[Callable[..., list[Count]], Sequence[object], Sequence[int], int], ...] = (
    (rates, (0.8, 0.95, 0.98), (20, 40, 60, 100, 200, 400), 4000),
    (areas, (0.9, 0.99, 0.998), (10, 20, 50, 100, 200), 1000),
    (area_differences, ((0.995, 0.985), (0.95, 0.9)), (5, 20, 60, 200), 500),
    (everything, ((0.9, 0.85), (0.99, 0.97)), (20, 60, 200), 1000),
)
BAND = (0.98, 245, 0.3)  # pneumonias above the lower end of a band, patients, ICC: the audit's case


def store(counts: Sequence[Count]) -> None:
    """Write what was counted so far."""
    write_text(STORED, json.dumps([asdict(count) for count in counts], indent=0) + "\n")


def run(share: float) -> list[Count]:
    """Draw all kinds of films, a share of the full number of times."""
    counts = rates(*BAND, max(1, round(4000 * share)))
    for family, values, patients, runs in CASES:
        for value in values:
            for number in patients:
                for icc in ICCS:
                    counts += family(value, number, icc, max(1, round(runs * share)))
                    store(counts)
                    print(counts[-1].interval, value, number, icc, f"{counts[-1].coverage:.3f}", flush=True)
    return counts


# ---- the page ----

_HEAD = """# How often the intervals contain the true value

Written by `python -m scripts.coverage run`; don't edit.

The script draws patients and films whose true values are known, computes every interval that a screen
shows, and counts how often it contains the true value. An interval at 95 % should do so in 95 of 100 runs.
The range aimed at is 93 to 97.

- Patients have 1, 2, 3, 5 or 10 films (45, 25, 12, 10 and 8 of 100). Films of one patient are correlated
  by an ICC of 0, 0.3 or 0.6: calls by a beta-binomial distribution, scores by a normal effect of the
  patient. In the shipped predictions, misses have ICCs of 0.26 to 0.36.
- Each cell says *before → now*: the coverage of the method of older versions, and of the present one. One
  number alone is the present method; the older one wasn't simulated. Patients are those of one class.
- **Bold** is below 93 by more than two standard errors. *w* marks more than 97: the interval is wider than
  it needs to be. That happens where few wrong calls are expected, because coverage then jumps with every
  single one of them, and where an area is often exactly 1, so that only the number of patients is known.
  Too wide is better than too narrow.
- With {runs} runs a coverage of 95 has a standard error of {errors}.
"""
_METHODS = """## The methods

- **Rates**: Wilson's interval on an effective number of films. The design effect is Rao and Scott's,
  averaged with a correlation of 1 that weighs as much as three quarters of a wrong call. The quantile is
  Student's, with Satterthwaite's degrees of freedom for the part of the variance that pairs of films
  cause, expressed as a smaller number of films. With one film per patient it is plain Wilson. Before: Rao
  and Scott's design effect alone.
- **AUC**: DeLong's variance with Obuchowski's extension, on the logit scale, with Student's quantile by
  Satterthwaite and at most one degree of freedom fewer than the patients of the rarer class. Before:
  1.96.
- **Difference of AUCs**: MOVER, from the intervals of both and their correlation. Before: the difference
  plus or minus 1.96 standard errors.
- **Average precision, kappa, Matthews correlation, Brier score**: a jackknife of patients on the logit or
  Fisher's scale, with Student's quantile by Satterthwaite. Before: the percentiles of a bootstrap of
  patients. There is no interval at the end of a scale, such as a kappa of 1; these runs are left out.
- **Differences of rates and of the numbers above**, likelihood ratios, PPV and NPV at a prevalence:
  MOVER.

Tried and left out: a t quantile by the number of patients with a wrong call (97 to 100), one by all
patients less one (no change), BCa percentiles (90 to 98), a Wilson interval for the AUC (84 to 97).
"""


def page(counts: Sequence[Count]) -> str:
    """Write the page from the counts."""
    runs = sorted({count.runs for count in counts})
    errors = ", ".join(f"{100 * math.sqrt(0.95 * 0.05 / number):.1f}" for number in runs)
    text = [_HEAD.format(runs=" or ".join(f"{number:,}" for number in runs), errors=errors), _band(counts[0])]
    text += ["## The intervals\n", f"| interval | true value | patients | {' | '.join(map(_icc, ICCS))} |"]
    text.append("| --- | --- | --- " + "| --- " * len(ICCS) + "|")
    rows: dict[tuple[str, int, object], dict[float, Count]] = {}
    for count in counts[1:]:
        exact = (
            count.truth if count.interval.startswith(("sensitivity or", "AUC", "difference of AUCs")) else 0
        )
        rows.setdefault((count.interval, count.patients, exact), {})[count.icc] = count
    for (interval, patients, _), cells in rows.items():
        truths = {f"{count.truth:.3g}".replace("-", "−") for count in cells.values()}
        written = " | ".join(_cell(cells[icc]) for icc in ICCS)
        text.append(f"| {interval} | {' / '.join(sorted(truths))} | {patients} | {written} |")
    return "\n".join(text) + f"\n\n{_METHODS}"


def _band(count: Count) -> str:
    return (
        "## Misses below a band\n\n"
        f"The upper end of the pneumonias missed below a review band (2 % missed, {count.patients} patients, "
        f"ICC {count.icc}) is the lower end of a sensitivity. Where it should be too low in 2.5 of 100 runs, "
        f"the older method was in about 5.6. The present one is in {100 * count.below / count.known:.1f}.\n"
    )


def _icc(icc: float) -> str:
    return f"ICC {icc:g}"


def _cell(count: Count) -> str:
    if not count.known:
        return "no interval"
    now = f"{100 * count.coverage:.1f}"
    if count.coverage + 2 * count.error < LOW:
        now = f"**{now}**"
    if count.coverage > HIGH:
        now += " w"
    return now if math.isnan(count.before) else f"{100 * count.before:.1f} → {now}"


def main() -> None:
    """Run the command that was given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "page"))
    parser.add_argument("--share", type=float, default=1.0, help="share of the full number of runs")
    options = parser.parse_args()
    if options.command == "run":
        run(options.share)
    write_text(DOCS / "coverage.md", page([Count(**count) for count in json.loads(STORED.read_text())]))


if __name__ == "__main__":
    main()
