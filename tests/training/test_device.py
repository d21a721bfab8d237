import pytest
import torch

from xraylab.errors import TrainingError
from xraylab.settings import load_settings
from xraylab.training.device import bf16_pays, pick_device, use_threads


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
