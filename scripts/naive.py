"""
Measure what a split by image would have claimed: ``python -m scripts.naive [--dataset NAME]``.

- with a dataset of the present home the comparison is made and kept in ``docs/naive.json``; it takes minutes,
  and the test split takes no part
- without one only the section of ``docs/results.md`` is written again, which ``scripts.results`` writes too
"""

import argparse
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

from scripts import DOCS
from xraylab import actions
from xraylab.audit.naive import PARTS, Claim, Measured, Naive, method, signed
from xraylab.data.datasets import load_dataset
from xraylab.files import Record, write_text
from xraylab.formats import auc, auc_interval, interval, percent
from xraylab.settings import Settings, load_settings

STORED, PAGE = DOCS / "naive.json", DOCS / "results.md"
TITLE = "## What a split by image would have claimed"
COLUMNS = ("Split", "AUC", "Accuracy")
_BY = "Written by `python -m scripts.naive` from `docs/naive.json`; don't edit."
_HOW = (
    f"In each draw the films are dealt into {PARTS} parts, once film by film and once patient by patient. "
    "Each part is held out in turn, the next one chooses epoch and threshold, the others train the head on "
    "features computed once for all. So every film is held out by each way in each draw, and the two "
    "ways differ in nothing but the split. Intervals are at 95 %, clustered by patient; that of the "
    "difference takes into account that both ways hold out the same films. Other networks may differ: one "
    "that is fine-tuned throughout can learn single patients better than a head on frozen features."
)
_SECTION = re.compile(rf"{re.escape(TITLE)}\n.*?(?=\n## |\Z)", re.DOTALL)


class Kept(Record):
    """One comparison, and the films that it was made on."""

    films: str  # for a sentence
    patient_key: str
    naive: Naive


def measured(settings: Settings, dataset: str) -> Kept:
    """Make the comparison on a dataset of the home."""
    info = load_dataset(settings, dataset).info
    naive = actions.audit(settings, dataset, parts=["naive"]).naive
    if naive is None:
        raise SystemExit(f"nothing was measured on {dataset}")
    films = f"{info.n} films of the public training split of the Kermany set"
    return Kept(films=films, patient_key=info.patient_key, naive=naive)


def section(kept: Kept) -> str:
    """Return the section of ``docs/results.md``."""
    naive = kept.naive
    rows = (
        ("by image", *_cells(naive.by_image)),
        ("by patient", *_cells(naive.by_patient)),
        ("difference", signed(naive.auc), f"{signed(naive.accuracy, points=True)} points"),
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in (COLUMNS, ("---",) * len(COLUMNS), *rows))
    films = (
        f"The {kept.films}, patients by `{kept.patient_key}`, {naive.network}, recipe `{naive.recipe}`. "
        f"{method(naive)} All of it took {naive.minutes:.0f} minutes on a processor with other work running."
    )
    parts = [TITLE, _BY, _wrapped(naive.sentence), table, _wrapped(films), _wrapped(_HOW)]
    return "\n\n".join(parts) + "\n"


def _cells(claim: Claim) -> tuple[str, str]:
    return (
        _cell(auc, auc_interval, claim.auc),
        _cell(percent, interval, claim.accuracy),
    )


def _cell(
    write: Callable[[float], str], write_interval: Callable[[float, float], str], value: Measured
) -> str:
    return f"{write(value.value)} ({write_interval(*value.bounds)})"


def _wrapped(text: str) -> str:
    """Break a paragraph at 115 characters, as pages here are."""
    return textwrap.fill(text, 115, break_long_words=False, break_on_hyphens=False)


def with_section(page: str, text: str) -> str:
    """Put a section into a page: in the place of its last version, or at the end."""
    if _SECTION.search(page):
        return _SECTION.sub(lambda _: text, page)
    return f"{page.rstrip()}\n\n{text}"


def read(file: Path = STORED) -> Kept:
    """Read the comparison that was kept last."""
    return Kept.model_validate_json(file.read_text("utf-8"))


def main(arguments: list[str] | None = None) -> None:
    """Measure if a dataset is named, and write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset")
    parser.add_argument("--stored", type=Path, default=STORED)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    if options.dataset:
        kept = measured(load_settings(), options.dataset)
        write_text(options.stored, kept.model_dump_json(indent=2) + "\n")
    page = options.page.read_text("utf-8")
    write_text(options.page, with_section(page, section(read(options.stored))))
    print(options.page)


if __name__ == "__main__":
    main()
