import math

import pytest

from xraylab import formats
from xraylab.app import wording as screens

NNBSP = "\u202f"


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.951, f"95.1{NNBSP}%"),
        (1.0, f"100.0{NNBSP}%"),
        (0.0, f"0.0{NNBSP}%"),
        (2 / 3, f"66.7{NNBSP}%"),
        (0.99951, f">99.9{NNBSP}%"),
        (0.9994, f"99.9{NNBSP}%"),
        (0.0004, f"<0.1{NNBSP}%"),
        (0.0006, f"0.1{NNBSP}%"),
        (1 - 1e-16, f"100.0{NNBSP}%"),  # all films, but for rounding
        (math.nan, "\u2013"),
    ],
)
def test_a_percentage_has_one_decimal(share, written):
    assert formats.percent(share) == written


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
    assert formats.interval(low, high) == written


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
    assert formats.score(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0123, "0.012"),
        (0.0004, "<0.001"),
        (0.0, "<0.001"),
        (0.04996, "0.04996"),  # below 0.05, and it shows
        (0.05, "0.050"),
        (1.0, "1.000"),
        (math.nan, "\u2013"),
    ],
)
def test_a_p_has_three_decimals_and_never_reads_like_the_level_it_is_below(value, written):
    assert formats.p_value(value) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0"), (999, "999"), (5216, "5\u2009216"), (1234567, "1\u2009234\u2009567")],
)
def test_thousands_are_set_apart_by_a_thin_space(number, written):
    assert formats.count(number) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.2, f"under 1{NNBSP}s"),
        (40, f"40{NNBSP}s"),
        (59.7, f"1{NNBSP}min"),
        (125, f"2{NNBSP}min"),
        (3599, f"1{NNBSP}h\u00a000{NNBSP}min"),
        (3900, f"1{NNBSP}h\u00a005{NNBSP}min"),
        (math.nan, "\u2013"),
        (math.inf, "\u2013"),
    ],
)
def test_a_duration_reads_as_a_person_says_it(seconds, written):
    assert formats.duration(seconds) == written


@pytest.mark.parametrize(
    ("n", "written"),
    [(4_170_669, "4.2 MB"), (214_384_716, "214 MB"), (999_999_999, "1.0 GB"), (2_463_365_435, "2.5 GB")],
)
def test_a_size_reads_as_a_person_says_it(n, written):
    assert formats.size(n) == written


def test_which_epoch_was_kept_is_said_with_its_reason():
    assert formats.kept_epoch(3, 9, "best") == "epoch 3 of 9, by validation AUC"
    assert formats.kept_epoch(9, 9, "last") == "epoch 9 of 9, the last"


def test_the_screens_have_no_second_way_to_write_a_number():
    ours = {name for name, it in vars(formats).items() if callable(it) and not name.startswith("_")}
    second = {
        name for name in ours & set(vars(screens)) if getattr(screens, name) is not getattr(formats, name)
    }
    assert {"percent", "interval", "score", "auc", "count", "duration", "kept_epoch", "p_value"} <= ours
    assert second == set()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.90699, "0.907"),
        (-0.25, "−0.250"),
        (3.456, "3.46"),
        (34.36, "34.4"),
        (191.3, "191"),
        (1087.2, "1\u2009087"),
        (0.0, "0.000"),
        (0.0001, "<0.001"),
        (-0.0001, ">−0.001"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "–"),
    ],
)
def test_ratios_of_any_size_are_written_with_what_can_be_told(value, written):
    assert formats.ratio(value) == written


def test_the_upper_end_of_a_ratio_may_be_infinite_and_an_unknown_one_is_a_dash():
    assert formats.ratio_interval(34.3, math.inf) == "34.3–∞"
    assert formats.ratio_interval(math.nan, math.nan) == "–"
