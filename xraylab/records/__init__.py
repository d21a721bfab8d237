"""
The case log of films that were read, and pictures of films on request.

- nothing here identifies a patient: there is no field for a name, file name, identifier or date of the film
- a picture is kept only on request, and is encoded anew, so nothing else from its file is kept with it
"""

from xraylab.records.calls import (
    CALLS,
    Agreement,
    Call,
    agreements,
    agrees,
    all_agreements,
    call_words,
)
from xraylab.records.log import (
    LONGEST_NOTE,
    Case,
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
from xraylab.records.restoring import facts_of, restore
from xraylab.records.sweeping import sweep

__all__ = [
    "CALLS",
    "LONGEST_NOTE",
    "Agreement",
    "Call",
    "Case",
    "Kept",
    "NewCase",
    "Tags",
    "agreements",
    "agrees",
    "all_agreements",
    "all_cases",
    "call_words",
    "change",
    "delete",
    "facts_of",
    "find",
    "full_trail",
    "keep",
    "note_export",
    "restore",
    "sweep",
]
