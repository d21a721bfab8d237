"""How often reader and model agree: counted in one place, by call, with an interval for each."""

import math

import pytest
from scipy.stats import binomtest

from xraylab.records import Agreement, agreements, all_agreements

TB = "tuberculosis"


def test_agreement_is_counted_by_call_and_only_where_both_gave_a_clear_answer():
    films = [
        ("no pneumonia", "negative", "pneumonia"),
        ("pneumonia", "positive", "pneumonia"),
        ("pneumonia", "negative", "pneumonia"),
        ("unsure", "positive", "pneumonia"),
        ("pneumonia", "review", "pneumonia"),
        ("pneumonia", None, "pneumonia"),
        (None, "positive", "pneumonia"),
    ]
    groups = agreements(films)
    assert list(groups.items()) == [("pneumonia", Agreement(1, 2)), ("no pneumonia", Agreement(1, 1))]
    assert all_agreements(groups.values()) == Agreement(2, 3)


def test_calls_on_two_findings_are_not_counted_together():
    groups = agreements([("pneumonia", "positive", TB), ("pneumonia", "negative", "pneumonia")])
    assert groups == {"pneumonia": Agreement(0, 1), TB: Agreement(1, 1)}


@pytest.mark.parametrize(("agreed", "n"), [(0, 4), (3, 4), (4, 4), (37, 50)])
def test_the_interval_is_wilsons(agreed, n):
    expected = binomtest(agreed, n).proportion_ci(method="wilson")
    assert Agreement(agreed, n).interval == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert Agreement(agreed, n).rate == agreed / n


def test_without_films_there_is_no_rate():
    none = all_agreements(agreements([]).values())
    assert none == Agreement(0, 0)
    assert math.isnan(none.rate)
    assert all(map(math.isnan, none.interval))
