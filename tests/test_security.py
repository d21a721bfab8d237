"""Each line of the threat model names a test that is there."""

import re
from pathlib import Path

import pytest

from xraylab.door.limits import LIMITS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_the_page_names_is_there(file, test):
    assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8")


def test_each_line_of_a_table_of_attacks_names_its_test():
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and line.count("|") == 4]
    attacks = [row for row in rows if "attack" not in row and "---" not in row]
    assert len(attacks) >= 22
    assert [row for row in attacks if "::" not in row] == []


def test_the_page_has_the_limits_of_the_code():
    assert f"{LIMITS.sessions} tabs; the next" in PAGE
    assert f"{LIMITS.session_bytes // 2**20:,} MB per tab and {LIMITS.server_bytes // 2**20:,} MB" in PAGE
