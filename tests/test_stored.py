"""Stored files and their fields: what is read, and what is an ``OSError`` or no value."""

import json
import os
from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from xraylab.stored import Count, Finite, Moment, moment, read_file, read_lines, read_object


def test_a_file_is_read_whole_and_nothing_else_is(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(b"{}")
    assert read_file(file) == b"{}"
    assert read_file(file, most=2) == b"{}"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for place, most in ((file, 1), (tmp_path, 9), (tmp_path / "pipe", 9), (tmp_path / "circle", 9)):
        with pytest.raises(OSError, match=place.name):
            read_file(place, most)


def test_lines_that_cannot_be_read_are_passed_over(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = ['{"a": 1}', '{"a": NaN}', "[" * 100_000, "[1]", '{"b": 2', '{"c": 3}']
    file.write_text("\n".join(lines))
    assert read_lines(file) == [{"a": 1}, {"c": 3}]
    assert read_lines(tmp_path / "missing") == []


@pytest.mark.parametrize("text", ["[]", "[" * 100_000, "{", '{"a": Infinity}', "1" * 10_000])
def test_an_object_that_cannot_be_read_is_none(tmp_path, text):
    file = tmp_path / "a.json"
    file.write_text(text)
    assert read_object(file) is None
    file.write_text(json.dumps({"a": 1}))
    assert read_object(file) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("2026-11-28T10:00:00", datetime(2026, 11, 28, 10, tzinfo=UTC)),
        ("2026-11-28T10:00:00+02:00", datetime(2026, 11, 28, 8, tzinfo=UTC)),
        ("2026-11-28T10:00:00Z", datetime(2026, 11, 28, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("yesterday", None),
        (17, None),
    ],
)
def test_a_stored_time_is_a_time_with_a_zone_or_none(text, known):
    assert moment(text) == known
    if known is not None:
        assert TypeAdapter(Moment).validate_python(text) == known


@pytest.mark.parametrize(("kind", "value"), [(Finite, "nan"), (Finite, 1e999), (Count, -1), (Count, 10**13)])
def test_a_number_of_a_record_is_finite_and_within_its_limits(kind, value):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)
