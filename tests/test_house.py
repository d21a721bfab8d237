"""The limits on how the code reads, and how they are measured."""

from pathlib import Path

import pytest

from scripts import house

MEDIAN_BODY, NINETIETH_BODY = 6, 18  # lines
LONGEST_FILE, LONGEST_CLASS = 450, 250  # lines; a file or class stays below

SAMPLE = '''
"""A module."""

import math  # a cause


class Thing:
    """A class."""

    size = 1

    def area(self) -> float:
        """Return the area.

        More about it.
        """
        # The reason
        side = self.size
        return math.pi * side


def nothing() -> None:
    """Do nothing."""


value = eval("1")  # noqa: S307
'''


@pytest.fixture(scope="module")
def whole():
    return house.measure([file for files in house.rooms().values() for file in files])


def test_bodies_are_counted_without_their_docstrings_and_comments_without_directives(monkeypatch, tmp_path):
    monkeypatch.setattr(house, "PACKAGE", tmp_path)
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE, "utf-8")
    measured = house.measure([file])
    assert measured.bodies == (0, 2)  # counted from the first statement
    assert measured.files == {f"{tmp_path.name}/sample.py": len(SAMPLE.splitlines())}
    assert measured.classes == {f"{tmp_path.name}/sample.py:Thing": 10}
    assert measured.comments == 2
    assert measured.statements == 8


def test_function_bodies_are_short(whole):
    assert whole.median <= MEDIAN_BODY
    assert whole.ninetieth <= NINETIETH_BODY


def test_no_file_and_no_class_is_long(whole):
    assert {name: n for name, n in whole.files.items() if n >= LONGEST_FILE} == {}
    assert {name: n for name, n in whole.classes.items() if n >= LONGEST_CLASS} == {}


def test_every_file_of_the_package_belongs_to_a_room():
    package = Path(house.PACKAGE)
    measured = {file for files in house.rooms().values() for file in files}
    assert measured == set(package.rglob("*.py"))
