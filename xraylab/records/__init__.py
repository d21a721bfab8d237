"""
What readers keep of the films they read: the case log, its trail, and pictures where they were asked for.

- nothing here tells whose film it is: no name, file name, identifier or date of the film has a place to go
- pictures are kept only on request, encoded anew; what else a file held does not come along
"""

from xraylab.records.log import (
    CALLS,
    LONGEST_NOTE,
    Call,
    Case,
    Entry,
    NewCase,
    all_cases,
    change,
    delete,
    find,
    full_trail,
    keep,
    note_export,
)
from xraylab.records.pictures import Kept, Tags

__all__ = [
    "CALLS",
    "LONGEST_NOTE",
    "Call",
    "Case",
    "Entry",
    "Kept",
    "NewCase",
    "Tags",
    "all_cases",
    "change",
    "delete",
    "find",
    "full_trail",
    "keep",
    "note_export",
]
