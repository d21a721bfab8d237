"""
Counts: files that can't be read, unequal classes, and a validation split that is too small.

- plain facts of an import, judged by fixed limits that stand here
- patients are counted where an interval depends on them: films of one patient are not independent
"""

import pandas as pd

from xraylab.audit.found import MOST_FILMS, Found, Severity
from xraylab.data.datasets import SPLITS, DatasetInfo
from xraylab.evaluation.few import FEWEST_PATIENTS
from xraylab.evaluation.intervals import wilson_interval
from xraylab.evaluation.sample_size import films_needed
from xraylab.findings import Finding
from xraylab.formats import NARROW_SPACE, count, interval, percent

MANY_UNREADABLE = 0.05  # of all files; the films that are left may no longer stand for all
RARE = 0.1  # share of a class below which a network may ignore it
UNEQUAL = 0.1  # difference of the share of a class between two splits
RATE = 0.9  # sensitivity or specificity for which the width of an interval is told
TOO_WIDE, NARROW = 0.2, 0.1  # from end to end; reached with 37 and 141 patients of a class


def check_unreadable(info: DatasetInfo) -> Found:
    """Judge the files that an import could not read."""
    n = len(info.refused)
    if not n:
        sentence = f"All {count(info.n)} files could be read."
        return Found(check="unreadable", severity="none", figure=0, sentence=sentence)
    share = n / (n + info.n)
    were = "file" if n == 1 else "files"
    return Found(
        check="unreadable",
        severity="high" if share > MANY_UNREADABLE else "low",
        figure=n,
        sentence=f"{count(n)} {were} of {count(n + info.n)} ({percent(share)}) could not be read.",
        films=tuple(refused.file for refused in info.refused)[:MOST_FILMS],
        mend="Export these files again, and import the films again.",
    )


def check_class_balance(catalog: pd.DataFrame, finding: Finding) -> Found:
    """Judge how frequent the finding is, in all splits together and in each of them."""
    films = catalog[catalog["split"].isin(SPLITS)]
    if films.empty:
        return Found(
            check="class_balance", severity="none", figure=None, sentence="No film is in a split to count."
        )
    ill = films["label"] == 1
    by_split = ill.groupby(films["split"]).mean()
    shares = {name: float(by_split[name]) for name in SPLITS if name in by_split.index}
    share = float(ill.mean())
    each = ", ".join(f"{percent(value)} in {name}" for name, value in shares.items())
    severity, mend = _judge_shares(share, shares, finding)
    return Found(
        check="class_balance",
        severity=severity,
        figure=share,
        sentence=f"{percent(share)} of {count(len(films))} films are labelled {finding.classes[1]}: {each}.",
        mend=mend,
    )


def _judge_shares(share: float, shares: dict[str, float], finding: Finding) -> tuple[Severity, str | None]:
    lacking = [name for name, value in shares.items() if value in (0, 1)]
    if lacking:
        both = " and ".join(finding.classes)
        return "high", f"Add films, so that {' and '.join(lacking)} have both {both} films."
    if min(share, 1 - share) < RARE:
        rare = finding.classes[int(share < RARE)]
        return "low", f"Add {rare} films, or judge models by sensitivity and specificity, not by accuracy."
    if max(shares.values()) - min(shares.values()) > UNEQUAL:
        return "low", "Judge predictive values at the prevalence of your patients, not at that of a split."
    return "none", None


def check_small_validation(catalog: pd.DataFrame, finding: Finding) -> Found:
    """Judge whether the validation split is large enough to choose a threshold on.

    The figure is the width of the 95 % interval, by patient, of a sensitivity or specificity of 90 %, the
    wider of the two.
    """
    films = catalog[catalog["split"] == "validation"]
    ill, well = (films.loc[films["label"] == label, "patient"].nunique() for label in (1, 0))
    fewest = min(ill, well)
    patients = f"{count(ill)} {_patients(ill)} {finding.ill} and {count(well)} {finding.well}"
    if not fewest:
        return Found(
            check="small_validation",
            severity="high",
            figure=None,
            sentence=f"The validation split has {patients}, so no threshold can be chosen on it.",
            mend=_mend_small(),
        )
    low, high = wilson_interval(RATE * fewest, fewest)
    which = "sensitivity" if ill <= well else "specificity"
    severity: Severity = "high" if high - low > TOO_WIDE else "low" if fewest < FEWEST_PATIENTS else "none"
    return Found(
        check="small_validation",
        severity=severity,
        figure=high - low,
        sentence=(
            f"The validation split has {patients}: a {which} of {percent(RATE)} measured on it has a "
            f"95{NARROW_SPACE}% interval of {interval(low, high)}{NARROW_SPACE}%."
        ),
        mend=None if severity == "none" else _mend_small(),
    )


def _patients(n: int) -> str:
    return "patient" if n == 1 else "patients"


def _mend_small() -> str:
    needed = films_needed(RATE, NARROW / 2)
    return (
        f"Add films until validation has {count(needed)} patients of each class, which gives an interval of "
        f"{100 * NARROW:.0f} points."
    )
