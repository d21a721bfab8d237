import pytest

from benchmarks.frame import Difference, Environment, Result, Results
from benchmarks.report import PAGE, RESULTS, page

HERE = Environment(torch="2", python="3.11", machine="x86_64", threads=2, bf16=True, amx=False)


def row(**fields):
    given = {
        "name": "sums",
        "compared": "A loop against a formula.",
        "target": 300.0,
        "median_ratio": 1234.0,
        "rounds": (1000.0, 1234.0, 1500.0),
        "reached": True,
        "differences": (Difference(what="sums", largest=1.2e-5, allowed=1e-4),),
        "environment": HERE,
    }
    return Result(**(given | fields))


def test_a_row_says_its_ratio_its_range_and_how_far_apart():
    made = page(Results(rows=(row(),)))
    assert "| sums | 1\u2009230 | 1\u2009000 to 1\u2009500 | 300 | yes |" in made
    assert "- largest difference: sums, 1.2e-05 (allowed 0.0001)" in made
    assert "3 rounds; torch 2, Python 3.11, x86_64, 2 threads, AVX512-BF16, teaching phantoms." in made


def test_a_row_that_missed_its_target_says_so():
    assert "| sums | 2.5 | 2.4 to 2.6 | 300 | no |" in page(
        Results(rows=(row(median_ratio=2.5, rounds=(2.4, 2.6), reached=False),))
    )


def test_a_row_that_was_not_run_says_why():
    skipped = row(
        median_ratio=None, rounds=(), reached=None, differences=(), skipped="this machine has no GPU"
    )
    assert "| sums | – | – | 300 | not run: this machine has no GPU |" in page(Results(rows=(skipped,)))


@pytest.mark.skipif(not RESULTS.exists(), reason="nothing has been measured yet")
def test_the_page_is_what_the_results_make():
    assert PAGE.read_text("utf-8") == page(Results.model_validate_json(RESULTS.read_bytes()))
