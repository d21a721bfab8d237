"""Audit: look for what would make results on a dataset wrong, here or in the background."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from xraylab import documents
from xraylab.audit.checks import OnStep, worst_first
from xraylab.audit.found import Found
from xraylab.audit.kept import keep
from xraylab.audit.looks import described
from xraylab.audit.naive import Naive
from xraylab.audit.shift import Differing, differences, severity, told
from xraylab.data.datasets import SPLITS, Dataset, load_dataset
from xraylab.errors import ComparisonError
from xraylab.evaluation.reliability import share_interval
from xraylab.evaluation.shift import difference
from xraylab.findings import capital
from xraylab.formats import count, counted, interval, percent
from xraylab.runs import auditing
from xraylab.runs.auditing import PARTS, AuditProgress, Part, carry_out
from xraylab.settings import Settings


def audit(
    settings: Settings, name: str, *, parts: Collection[Part] = PARTS, on_step: OnStep | None = None
) -> documents.Audited:
    """Audit a dataset in this process. Each result is kept with the dataset as soon as it is there.

    Parameters
    ----------
    parts : collection of str
        ``quick``: all that needs no network. ``slow``: labels and what is outside the lungs, minutes for
        thousands of films. ``naive``: what a split by image would have claimed, minutes too.
    on_step : callable, optional
        Called with what is being done, in words, and with how much is done and in all; may raise to stop.

    Raises
    ------
    NotFoundError, DatasetError
        If there is no such dataset, it is damaged, or its patients can't tell what ``naive`` asks.
    """
    dataset = load_dataset(settings, name)
    findings: list[Found] = []
    naive: Naive | None = None
    for result in carry_out(settings, dataset, parts, on_step or (lambda *_: None)):
        if isinstance(result, Found):
            findings.append(result)
            keep(dataset, [result])
        else:
            naive = result
            keep(dataset, naive=result)
    return documents.Audited(name=name, findings=worst_first(findings), naive=naive)


def start_audit(settings: Settings, name: str, parts: Collection[Part] = PARTS) -> bool:
    """Start an audit in the background; return False if one of this dataset is at work.

    Raises
    ------
    NotFoundError, DatasetError
        If there is no such dataset, or it is damaged.
    TrainingError, StorageError
        If no process can be started.
    """
    return auditing.start(settings, load_dataset(settings, name), parts)


def audit_progress(settings: Settings, dataset: Dataset) -> AuditProgress | None:
    """Return how far the audit of a dataset in the background is; None if none was started."""
    return auditing.progress_of(settings, dataset)


def cancel_audit(settings: Settings, name: str) -> None:
    """Ask the audit of a dataset in the background to stop; it keeps what it has found."""
    auditing.cancel(settings, name)


def compare_datasets(settings: Settings, name: str, other: str) -> documents.ComparedDatasets:
    """Say how the films of two datasets differ, in their pictures and their files, class by class.

    Films of the other dataset that show a picture of the first one are left out. Patients of the two are
    taken for different people.

    Raises
    ------
    NotFoundError, DatasetError
        If there is no such dataset, or it is damaged.
    ComparisonError
        If they ask for different findings, or hold the same films.
    """
    first, second = (load_dataset(settings, each) for each in (name, other))
    _check_comparable(first, second)
    films = [_films(dataset, number) for number, dataset in enumerate((first, second))]
    new = ~films[1]["pixel_sha256"].isin(films[0]["pixel_sha256"])
    same, films[1] = int((~new).sum()), films[1][new]
    if films[1].empty:
        raise ComparisonError(f"All films of “{other}” are in “{name}” too, so there is nothing to compare.")
    [found] = differences(pd.concat(films, ignore_index=True), [("0", "1")])
    return _document((first, second), films, found, same)


def _check_comparable(first: Dataset, second: Dataset) -> None:
    findings = first.info.finding, second.info.finding
    if findings[0].name != findings[1].name:
        raise ComparisonError(
            f"“{first.info.name}” asks for {findings[0].name} and “{second.info.name}” for "
            f"{findings[1].name}, so their classes can't be compared. Import one of them with the other's "
            "finding."
        )


def _films(dataset: Dataset, number: int) -> pd.DataFrame:
    """Return the films of a dataset that are in a split, with their measures, as one of two sets."""
    films = described(dataset.catalog, dataset.pixels)
    films = films[films["split"].isin(SPLITS)]
    return films.assign(split=str(number), group=f"{number} " + films["group"].astype(str))


def _document(
    datasets: tuple[Dataset, Dataset], films: list[pd.DataFrame], found: list[Differing], same: int
) -> documents.ComparedDatasets:
    shares = [float(each["label"].mean()) for each in films]
    first_in, second_in = (
        share_interval(each["label"].to_numpy(np.int64), each["group"].factorize()[0]) for each in films
    )
    apart = difference(shares[1], second_in, shares[0], first_in)
    document = documents.ComparedDatasets(
        names=(datasets[0].info.name, datasets[1].info.name),
        finding=datasets[0].info.finding.name,
        n=(len(films[0]), len(films[1])),
        patients=(films[0]["group"].nunique(), films[1]["group"].nunique()),
        same_pictures=same,
        prevalence=(shares[0], shares[1]),
        prevalence_ci=(first_in, second_in),
        prevalence_difference=documents.Difference(value=apart.value, low=apart.low, high=apart.high),
        severity=severity(found),
        sentences=[],
        differences=[one for one in found if one.fires],
        tested=len(found),
    )
    return document.model_copy(update={"sentences": _sentences(document, found, datasets[0])})


def _sentences(document: documents.ComparedDatasets, found: list[Differing], dataset: Dataset) -> list[str]:
    """Say what differs, what doesn't, and what was left out."""
    first, second = document.names
    finding = dataset.info.finding
    differ = told(found, finding, f"The films of “{second}”", f"those of “{first}” with the same label")
    if not differ:
        differ = [
            f"No measure was shown to differ between films of “{first}” and “{second}” with the same label."
            if found
            else "Whether their films differ can't be told: one of them has too few patients of each class."
        ]
    own, other = (
        f"{percent(share)} ({interval(*bounds)}) of the films of “{name}”"
        for share, bounds, name in zip(
            document.prevalence, document.prevalence_ci, document.names, strict=True
        )
    )
    sentences = [*differ, f"{capital(other)} and {own} are {finding.ill}."]
    if document.same_pictures:
        sentences.append(
            f"{counted(document.same_pictures, 'film')} of “{second}” shown in “{first}” too "
            f"{'was' if document.same_pictures == 1 else 'were'} left out of the comparison with "
            f"{count(document.n[0])} films."
        )
    return sentences
