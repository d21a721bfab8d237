"""
Checklists: what a report answers of TRIPOD+AI, CLAIM 2024 and STARD-AI.

- the items are in ``checklists.json``, in our own words; each names the sections that would answer it
- "yes" is never typed: an item has it only if the report holds one of these sections
- otherwise the item doesn't apply, or only the author of a study can answer it
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from xraylab.documents import Checklist, ChecklistItem, EvaluationReport
from xraylab.findings import Finding
from xraylab.models import ENSEMBLE
from xraylab.reports.sections import sections

_FILE = Path(__file__).with_name("checklists.json")
_ANY_SPLIT = "*/"  # the test films if they may be shown, else the validation films


def with_checklists(report: EvaluationReport) -> EvaluationReport:
    """Return the report with an answer to each item of each checklist."""
    titles = sections(report)
    return report.model_copy(update={"checklists": [_answered(each, report, titles) for each in _lists()]})


@cache
def _lists() -> list[dict[str, Any]]:
    lists: list[dict[str, Any]] = json.loads(_FILE.read_text("utf-8"))
    return lists


def _answered(each: dict[str, Any], report: EvaluationReport, titles: Mapping[str, str]) -> Checklist:
    return Checklist(
        name=each["name"],
        source=each["source"],
        remark=each.get("remark", ""),
        items=[_item(item, report, titles) for item in each["items"]],
    )


def _item(item: dict[str, Any], report: EvaluationReport, titles: Mapping[str, str]) -> ChecklistItem:
    applies = item.get("only_if") != ENSEMBLE or report.arch == ENSEMBLE
    split = "validation/" if report.test is None else "test/"
    keys = [key.replace(_ANY_SPLIT, split) for key in item.get("see", ())]
    held = [key for key in keys if applies and key in titles]
    return ChecklistItem(
        number=item["number"],
        topic=_about(item["topic"], report.finding),
        answer="yes" if held else item["otherwise"],
        sections=held,
        remark=_about(item.get("adds" if held else "why", ""), report.finding),
    )


def _about(text: str, finding: Finding) -> str:
    return text.replace("{finding}", finding.name).replace("{without}", finding.without)
