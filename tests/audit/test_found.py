"""One result of the audit, as a record."""

import math

import pytest
from pydantic import ValidationError

from xraylab.audit.found import Found

DUPLICATES = {
    "check": "duplicates",
    "severity": "low",
    "figure": 3,
    "sentence": "Three pictures occur twice.",
}


def test_a_result_can_be_stored_and_read_again():
    found = Found(
        **DUPLICATES, films=("a.png", "b.png"), mend="Leave out one of each.", mend_by=("leave out",)
    )
    assert Found.model_validate_json(found.model_dump_json()) == found


def test_a_result_of_an_earlier_version_has_no_step_of_a_mend():
    assert Found.model_validate(DUPLICATES | {"mend": "Remove one of each."}).mend_by == ()


@pytest.mark.parametrize(
    "wrong", [{"check": "looks odd"}, {"severity": "medium"}, {"figure": math.nan}, {"sentence": None}]
)
def test_what_no_check_can_say_is_refused(wrong):
    with pytest.raises(ValidationError):
        Found(**(DUPLICATES | wrong))
