"""
The case log of films that were read, and pictures of films on request.

- nothing here identifies a patient: there is no field for a name, file name, identifier or date of the film
- a picture is kept only on request, and is encoded anew, so nothing else from its file is kept with it
"""

from xraylab.records.log import (
    CALLS,
    LONGEST_NOTE,
    Call,
    Case,
    NewCase,
    all_cases,
    call_words,
    change,
    delete,
    find,
    full_trail,
    keep,
    note_export,
)
from xraylab.records.pictures import Kept, Tags
from xraylab.records.sweeping import sweep

__all__ = [
    "CALLS",
    "LONGEST_NOTE",
    "Call",
    "Case",
    "Kept",
    "NewCase",
    "Tags",
    "all_cases",
    "call_words",
    "change",
    "delete",
    "find",
    "full_trail",
    "keep",
    "note_export",
    "sweep",
]
