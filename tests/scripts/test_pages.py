"""The words that a script writes stand on its page, so that a change of one is a change of both."""

import ast
from pathlib import Path

import pytest

from scripts import DOCS
from tests.support.serving import ROOT

WRITTEN = ("gate", "heatmaps", "results")
LEAST = 30  # characters; shorter parts are between two figures


def words_of(script: Path):
    """Return the fixed parts of every text of several lines that a script fills with figures."""
    texts = [
        node for node in ast.walk(ast.parse(script.read_text("utf-8"))) if isinstance(node, ast.JoinedStr)
    ]
    parts = [[part.value for part in text.values if isinstance(part, ast.Constant)] for text in texts]
    long = [text for text in parts if any("\n" in part for part in text)]
    return [part.strip() for text in long for part in text if len(part.strip()) >= LEAST]


@pytest.mark.parametrize("name", WRITTEN)
def test_the_words_of_a_script_stand_on_its_page(name):
    page = (DOCS / f"{name}.md").read_text("utf-8")
    words = words_of(ROOT / "scripts" / f"{name}.py")
    assert len(words) > 4
    assert [part for part in words if part not in page] == []
