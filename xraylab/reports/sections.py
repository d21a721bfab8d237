"""
Sections of an evaluation's PDF: their keys and titles, in one place for the pages and for the checklists.

- a section is listed only if the document has something to say in it
- the keys of a split's sections begin with the name of the split, those of the model card with ``card``
"""

from xraylab.documents import EvaluationReport, SplitReport
from xraylab.formats import percent
from xraylab.reports.card import UNDESCRIBED

SPLIT_TITLES = {"validation": "Validation films", "test": "Test films"}
_OF_SPLITS = {
    "charts": "",  # titled by the name of the split
    "confusion": "At the lock",
    "figures": "All figures",
    "patients": "By patient",
    "unclear": "Films without a clear answer",
    "size": "Films for a narrower interval",
    "calibration": "Calibration and net benefit",
}
_OF_PROVENANCE = {
    "flow": "Flow of films and patients",
    "openings": "Openings of the test films",
    "hashes": "Hashes of the films",
}


def sections(report: EvaluationReport) -> dict[str, str]:
    """Return the title of each section that the PDF of a report holds, by its key, in the order of pages."""
    titles = {
        "lock": "The lock",
        "key figures": "Key figures",
        "prevalence": f"If {percent(report.prevalence)} of the films have {report.finding.name}",
        "methods": "How films were prepared, scored and counted",
        "validation": "What the validation films were used for",
        **({} if report.provenance is None else _OF_PROVENANCE),
    }
    for split in (report.validation, report.test):
        if split is not None:
            titles |= _of_split(split)
    return titles | _of_card(report.card)


def _of_split(split: SplitReport) -> dict[str, str]:
    kinds = {"kinds": f"Sensitivity by kind of {split.finding.name}"} if split.kinds else {}
    titles = {f"{split.split}/{key}": title for key, title in (_OF_SPLITS | kinds).items()}
    return titles | {f"{split.split}/charts": SPLIT_TITLES[split.split]}


def _of_card(markdown: str) -> dict[str, str]:
    """Return the headings of the model card, without those under which nobody has written anything."""
    titles = {}
    for part in markdown.split("\n## ")[1:]:
        title, _, words = part.partition("\n")
        if UNDESCRIBED not in words:
            titles[f"card/{title}"] = title
    return titles
