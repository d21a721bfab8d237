"""The paces of networks, which the first guess of a training's time needs."""

import pytest

from scripts import paces
from xraylab.networks.registry import network, networks


@pytest.mark.parametrize("hardware", [True, False])
def test_a_pace_is_the_speed_over_that_of_a_product(monkeypatch, hardware):
    monkeypatch.setattr(paces, "bf16_pays", lambda _: hardware)
    monkeypatch.setattr(paces, "matrix_product", lambda: 200.0)
    monkeypatch.setattr(paces, "_seconds", lambda work: work() or 0.5)
    entry = network("small_cnn")
    forward, train = paces.paces(entry)
    assert forward == pytest.approx(16 * entry.gflop / 0.5 / 200)
    assert train == pytest.approx(32 * 3 * entry.gflop / 0.5 / 200)


def test_the_time_is_the_middle_one_of_three_after_a_first(monkeypatch):
    now, steps = [0.0], iter([100.0, 1.0, 5.0, 2.0])

    def work():
        now[0] += next(steps)

    monkeypatch.setattr(paces.time, "perf_counter", lambda: now[0])
    assert paces._seconds(work) == 2.0


def test_every_network_has_paces_of_its_own():
    known = [entry.pace for entry in networks() if entry.builder.startswith("xraylab.")]
    assert len(known) >= 12
    assert all(0.05 < pace < 20 for both in known for pace in both)
