from datetime import UTC, datetime

import pytest

from xraylab import formats
from xraylab.app import wording

NNBSP = "\u202f"


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


def test_an_option_of_a_command_is_left_out_on_a_screen():
    assert wording.on_screen("Replace it (--replace). Agree (--yes).") == "Replace it. Agree."
    assert wording.on_screen("films (2024) -- old") == "films (2024) -- old"


def test_a_name_is_not_read_as_markdown():
    assert wording.plain("a_b*[x](y)$1.png") == r"a\_b\*\[x\]\(y\)\$1\.png"


def test_a_name_neither_turns_nor_breaks_what_stands_round_it():
    assert wording.plain("a\N{RIGHT-TO-LEFT OVERRIDE}gnp\n\n# b\x1b") == "a\ufffdgnp \\# b\ufffd"
    assert wording.plain("שלום é 中") == "שלום é 中"


@pytest.mark.parametrize(
    ("difference", "written"),
    [
        ((0.021, -0.02, 0.04), ("+2.1", "−2.0 to +4.0")),
        ((-0.0001, -0.03, 0.0), ("0.0", "−3.0 to 0.0")),
        ((0.5, float("nan"), float("nan")), ("+50.0", "")),
        ((float("nan"),) * 3, (formats.DASH, "")),
    ],
)
def test_a_difference_has_its_sign_unless_it_is_written_like_none(difference, written):
    assert wording.points(*difference) == written


@pytest.mark.parametrize(
    ("p", "written"),
    [(0.0321, "p = 0.032"), (0.0004, "p <0.001"), (1.0, "p = 1.000"), (float("nan"), f"p {formats.DASH}")],
)
def test_a_p_value_is_never_zero(p, written):
    assert wording.p_words(p) == written
