"""
Found: what one check of the audit says about a dataset.

- "none" means that nothing was found, not that nothing is there
- a figure that can't be measured is None, and the sentence says why
"""

from collections.abc import Mapping
from typing import Literal

from xraylab.files import Record
from xraylab.stored import Finite

Check = Literal[
    "unreadable",
    "class_balance",
    "duplicates",
    "near_duplicates",
    "patient_leakage",
    "acquisition_shortcut",
    "small_validation",
    "label_errors",
    "outside_lungs",
    "shift",
]
Severity = Literal["none", "low", "high"]
Mend = Literal["split again", "one encoding", "leave out"]

TITLES: Mapping[Check, str] = {
    "unreadable": "Unreadable files",
    "class_balance": "Shares of the classes",
    "duplicates": "Identical pictures",
    "near_duplicates": "Versions of one picture",
    "patient_leakage": "Patients in several splits",
    "acquisition_shortcut": "Files that give the label away",
    "small_validation": "Size of the validation split",
    "label_errors": "Labels that may be wrong",
    "outside_lungs": "Labels told outside the lungs",
    "shift": "Splits that look different",
}

MOST_FILMS = 1000  # that one record names, the worst first
MOST_EXAMPLES = 12  # of films that are all alike; a person looks at a few


class Found(Record):
    """Result of one check, with a sentence for a clinician."""

    check: Check
    severity: Severity  # "high" means that figures of this dataset may be wrong because of it
    figure: Finite | None  # the number that the check is about; the sentence says which
    sentence: str  # plain English, with the numbers in it
    films: tuple[str, ...] = ()  # image ids, the worst first, at most MOST_FILMS
    mend: str | None = None  # what can be done about it, in one sentence
    mend_by: tuple[Mend, ...] = ()  # the steps of ``mend`` that do it, in order; none if only a person can
