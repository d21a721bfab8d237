import subprocess
import sys
import time

import pytest
import torch

from xraylab.errors import TrainingError
from xraylab.settings import load_settings
from xraylab.training import device
from xraylab.training.device import FreeCores, bf16_pays, cores, pick_device, threads, use_threads


def settings(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setenv(f"XRAYLAB_{name.upper()}", value)
    return load_settings()


def test_the_processor_is_taken_when_asked_for(monkeypatch):
    assert pick_device(settings(monkeypatch, device="cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("cuda", "mps", "picked"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_best_there_is(monkeypatch, cuda, mps, picked):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device(settings(monkeypatch, device="auto")).type == picked


def test_a_device_that_is_not_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=r"ask for the device cuda, .* XRAYLAB_DEVICE to auto"):
        pick_device(settings(monkeypatch, device="cuda"))


def test_the_settings_limit_the_threads(monkeypatch):
    before = torch.get_num_threads()
    try:
        use_threads(settings(monkeypatch, threads="1"))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_bf16_is_not_used_where_it_is_unknown():
    assert bf16_pays(torch.device("mps")) is False
    assert isinstance(bf16_pays(torch.device("cpu")), bool)


@pytest.fixture
def follows(monkeypatch):
    """Return what follows other programs on eight cores: given their core seconds and ours in two seconds."""
    before, used = torch.get_num_threads(), [(0.0, 0.0, 0.0)]
    monkeypatch.setattr(device, "_used", lambda: used[-1])
    monkeypatch.setattr(device, "cores", lambda: 8)

    def follow(free_cores, others, own, seconds=2.0):
        at, every, ours = used[-1]
        used.append((at + seconds, every + others + own, ours + own))
        free_cores.follow()
        return torch.get_num_threads()

    yield follow
    torch.set_num_threads(before)


def test_as_many_threads_are_used_as_cores_are_free(follows, monkeypatch):
    free_cores = FreeCores(settings(monkeypatch, threads="0"))
    assert follows(free_cores, others=0.1, own=16) == 8
    assert follows(free_cores, others=6.2, own=9.8) == 5
    assert follows(free_cores, others=16, own=0) == 1
    assert follows(free_cores, others=0.0, own=2) == 8
    assert follows(free_cores, others=16, own=0, seconds=0.3) == 8, "not looked at more than once a second"


def test_a_number_of_threads_that_was_chosen_stays(follows, monkeypatch):
    free_cores = FreeCores(settings(monkeypatch, threads="3"))
    torch.set_num_threads(3)
    assert follows(free_cores, others=16, own=0) == 3


def test_a_block_keeps_its_number_of_threads_and_gives_back_the_one_before(follows, monkeypatch):
    free_cores = FreeCores(settings(monkeypatch, threads="0"))
    follows(free_cores, others=8, own=8)
    with threads(1):
        assert follows(free_cores, others=0, own=2) == 1
    assert torch.get_num_threads() == 4
    assert follows(free_cores, others=0, own=2) == 8


def test_this_machine_tells_what_it_is_doing():
    began, every, own = device._used()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    later, all_later, own_later = device._used()
    assert later > began
    assert 0.1 < own_later - own <= all_later - every + 0.1  # the system counts in hundredths of a second
    assert 1 <= cores() <= 4096


def test_freed_memory_is_used_again():
    """A process that frees and asks for 64 MB again and again soon asks the system for no more pages.

    The first few times don't count: how the freed memory lies decides, by chance, when it fits.
    """
    script = """
import resource, sys, torch
from xraylab.training.device import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def pages_of_20():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
pages_of_20()
print(pages_of_20())
"""
    pages = {
        way: int(subprocess.run([sys.executable, "-c", script, way], check=True, capture_output=True).stdout)
        for way in ("keep", "leave")
    }
    if sys.platform == "linux":
        assert pages["keep"] < pages["leave"] / 5
