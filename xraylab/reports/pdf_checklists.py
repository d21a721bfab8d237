"""
The checklists of an evaluation's PDF: for each item, on which page it is answered.

- page numbers come from the layout itself, so none can be wrong
"""

from collections.abc import Mapping
from typing import Any

from reportlab.platypus import PageBreak

from xraylab.documents import Checklist, ChecklistItem, EvaluationReport
from xraylab.formats import count
from xraylab.reports.typeset import Head, Pages, grid, headed, note, spaced

_UNKNOWN_PAGE = 88  # at the first layout, as wide as a real one
_ABOUT = (
    "Items in our own words; the published list is the authority. “Yes” means that this document says "
    "something about the item on that page, not that a study is complete or sound."
)
_SEALED = "The test films are sealed, so pages with results are those of the validation films."
_WORDS = {"not applicable": "not applicable", "only you": "only you can answer"}


def checklist_pages(report: EvaluationReport, titles: Mapping[str, str], pages: Pages) -> list[Any]:
    """Set each checklist on a new page."""
    return [part for each in report.checklists for part in _checklist(each, report, titles, pages)]


def _checklist(
    each: Checklist, report: EvaluationReport, titles: Mapping[str, str], pages: Pages
) -> list[Any]:
    answered = sum(item.answer == "yes" for item in each.items)
    sealed = f" {_SEALED}" if report.test is None else ""
    remark = f" {each.remark}" if each.remark else ""
    heads = [Head("", 0.5), Head("Item", 2.7), Head("Answer", 1.5), Head("Where, why, what to add", 3.7)]
    return [
        PageBreak(),
        headed(f"Checklist: {each.name}", f"checklist/{each.name}", "head"),
        note(
            f"{each.source}. {count(answered)} of {count(len(each.items))} items are answered here. "
            f"{_ABOUT}{sealed}{remark}"
        ),
        grid(heads, [_row(item, titles, pages) for item in each.items], tight=True),
    ]


def _row(item: ChecklistItem, titles: Mapping[str, str], pages: Pages) -> list[Any]:
    where = "; ".join(dict.fromkeys(titles[key] for key in item.sections))
    words = [f"{where}." if where else "", item.remark]
    cells = (item.number, item.topic, _answer(item, pages), " ".join(filter(None, words)))
    return [spaced(cell, "small cell") for cell in cells]


def _answer(item: ChecklistItem, pages: Pages) -> str:
    """Write the answer, with the pages of all sections that give it."""
    if item.answer != "yes":
        return _WORDS[item.answer]
    numbers = sorted({pages.get(key, _UNKNOWN_PAGE) for key in item.sections})
    return f"yes, page{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
