import math
from datetime import UTC, datetime

import pytest

from xraylab.app import wording

NNBSP = "\u202f"


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.951, f"95.1{NNBSP}%"),
        (1.0, f"100.0{NNBSP}%"),
        (0.0, f"0.0{NNBSP}%"),
        (2 / 3, f"66.7{NNBSP}%"),
        (math.nan, "\u2013"),
    ],
)
def test_a_percentage_has_one_decimal(share, written):
    assert wording.percent(share) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.93, 0.967, "93.0\u201396.7"),
        (0.0, 1.0, "0.0\u2013100.0"),
        (math.nan, 0.5, "\u2013"),
        (0.5, math.nan, "\u2013"),
    ],
)
def test_an_interval_is_two_percentages_without_the_sign(low, high, written):
    assert wording.interval(low, high) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.4123, "0.412"),
        (1.0, "1.000"),
        (0.99951, ">0.999"),
        (math.nextafter(1.0, 0.0), ">0.999"),
        (0.9994, "0.999"),
        (0.0, "0.000"),
        (0.0004, "<0.001"),
        (0.0009, "<0.001"),
        (0.001, "0.001"),
        (5e-324, "<0.001"),
        (math.nan, "\u2013"),
    ],
)
def test_a_score_has_three_decimals_and_never_pretends_to_be_an_end(value, written):
    assert wording.score(value) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0"), (999, "999"), (5216, "5\u2009216"), (1234567, "1\u2009234\u2009567")],
)
def test_thousands_are_set_apart_by_a_thin_space(number, written):
    assert wording.count(number) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.2, f"under 1{NNBSP}s"),
        (40, f"40{NNBSP}s"),
        (59.7, f"1{NNBSP}min"),
        (125, f"2{NNBSP}min"),
        (3599, f"1{NNBSP}h 00{NNBSP}min"),
        (3900, f"1{NNBSP}h 05{NNBSP}min"),
        (math.nan, "\u2013"),
    ],
)
def test_a_duration_reads_as_a_person_says_it(seconds, written):
    assert wording.duration(seconds) == written


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 5, 12, 14, 5), "12 May, 14:05"),
        (datetime(2026, 1, 3, 0, 0), "3 Jan, 00:00"),
        (datetime(2025, 12, 31, 23, 59), "31 Dec 2025, 23:59"),
    ],
)
def test_a_moment_names_its_year_only_when_it_is_another(moment, written):
    assert wording.when(moment, now=datetime(2026, 6, 1)) == written


def test_a_moment_with_a_time_zone_is_told_in_local_time():
    moment = datetime(2026, 5, 12, 12, 0, tzinfo=UTC)
    local = moment.astimezone().replace(tzinfo=None)
    assert wording.when(moment, now=local) == wording.when(local, now=local)


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, f"0{NNBSP}B"),
        (999, f"999{NNBSP}B"),
        (1200, f"1.2{NNBSP}kB"),
        (999_990, f"1.0{NNBSP}MB"),
        (1_240_000_000, f"1.2{NNBSP}GB"),
        (3_000_000_000_000, f"3.0{NNBSP}TB"),
    ],
)
def test_a_size_has_decimal_units(size, written):
    assert wording.bytes_size(size) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (720, 720, f"about 12{NNBSP}min"),
        (600, 1800, f"roughly 10 to 30{NNBSP}min"),
        (620, 1900, f"roughly 10 to 30{NNBSP}min"),
        (12, 36, f"roughly 10 to 40{NNBSP}s"),
        (20, 60, f"roughly 0.5 to 1{NNBSP}min"),
        (50, 150, f"roughly 0.5 to 2{NNBSP}min"),
        (900, 2700, f"roughly 15 to 40{NNBSP}min"),
        (2400, 7200, f"roughly 0.5 to 2{NNBSP}h"),
        (36_000, 108_000, f"roughly 10 to 30{NNBSP}h"),
        (6.6, 7.2, f"roughly 7{NNBSP}s"),
    ],
)
def test_a_guess_says_no_more_than_is_known(low, high, written):
    assert wording.time_to_expect(low, high) == written


def test_a_name_is_not_read_as_markdown():
    assert wording.plain("a_b*[x](y)$1.png") == r"a\_b\*\[x\]\(y\)\$1\.png"
