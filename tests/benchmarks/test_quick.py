"""The rows of the whole quick job, on few films."""

import psutil
import pytest

from benchmarks import quick
from benchmarks.frame import Estimated
from benchmarks.material import Material


@pytest.mark.slow
def test_both_ways_run_and_the_published_scores_are_the_networks(tmp_path):
    row = quick.QuickWhole()
    row.prepare(Material(films=64, folder=tmp_path))
    [difference] = row.check()
    assert difference.largest <= difference.allowed
    usual = row.baseline()
    assert isinstance(usual, Estimated)
    assert usual.seconds > 0
    row.ours()
    assert row.number == 2


def test_what_spins_ends_with_the_block():
    before = {process.pid for process in psutil.Process().children()}
    with quick._spinning():
        during = {process.pid for process in psutil.Process().children()} - before
        assert len(during) == quick._SPINNING
    assert not during & {process.pid for process in psutil.Process().children()}
