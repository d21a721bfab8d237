"""One pass of the films: the head's input, and what the middle layer shows."""

import numpy as np
import pytest
import torch

from xraylab.networks.inference import all_outputs
from xraylab.networks.passes import middle_means
from xraylab.networks.registry import build, network
from xraylab.training import seen
from xraylab.training.cache import ActivationCache
from xraylab.training.seen import see

CPU = torch.device("cpu")
NAMES = ("small_cnn", "mobilenet_v2", "resnet18", "densenet121", "efficientnet_lite0")


@pytest.fixture(scope="module")
def films():
    return np.random.default_rng(5).integers(0, 256, (7, 256, 256)).astype(np.uint8)


def made(name):
    torch.manual_seed(1)
    return build(network(name)).eval(), network(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_head_gives_what_the_scorer_gives_and_the_middle_what_it_records(films, name):
    net, entry = made(name)
    found = see(net, entry, films, device=CPU)
    recorded = []
    rows = np.array([6, 0, 3])
    expected = all_outputs(net, entry, films, rows, device=CPU, on_features=recorded.append)
    torch.testing.assert_close(found.outputs(net, entry, rows), expected, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(found.middle[rows], np.concatenate(recorded), rtol=1e-5, atol=1e-6)
    means = middle_means(net, entry, films, rows, device=CPU)
    np.testing.assert_allclose(means, np.concatenate(recorded), rtol=1e-5, atol=1e-6)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_the_layers_behind_the_middle_arent_run(films):
    net, entry = made("mobilenet_v2")
    ran = []
    net.get_submodule(entry.stages[-1][-1]).register_forward_hook(lambda *_: ran.append("last stage"))
    middle_means(net, entry, films, np.arange(2), device=CPU)
    assert ran == []


def test_some_films_are_seen_in_their_order(films):
    net, entry = made("small_cnn")
    rows = np.array([5, 1, 2])
    some, every = see(net, entry, films, rows, device=CPU), see(net, entry, films, device=CPU)
    torch.testing.assert_close(some.inputs, every.inputs[rows])
    np.testing.assert_allclose(some.middle, every.middle[rows], rtol=1e-6)


def test_a_second_training_takes_what_the_first_kept_bit_for_bit(films, tmp_path, monkeypatch):
    net, entry = made("small_cnn")
    cache, told = ActivationCache(tmp_path), []
    first = see(net, entry, films, films="hash", cache=cache, device=CPU, on_progress=told.append)
    assert first.computed
    assert told == [7]
    with torch.no_grad():
        for weight in net.get_submodule(entry.head).parameters():
            weight.zero_()  # another head, as of another seed
    monkeypatch.setattr(seen, "_pass", lambda *_: pytest.fail("the films passed again"))
    second = see(net, entry, films, films="hash", cache=cache, device=CPU)
    assert not second.computed
    assert torch.equal(second.inputs, first.inputs)
    np.testing.assert_array_equal(second.middle, first.middle)


@pytest.mark.parametrize("change", ["films", "weights", "damage", "one file", "no hash"])
def test_what_was_kept_for_something_else_isnt_taken(films, tmp_path, change):
    net, entry = made("small_cnn")
    cache, name = ActivationCache(tmp_path), "hash"
    see(net, entry, films, films=name, cache=cache, device=CPU)
    if change == "films":
        name = "another"
    elif change == "weights":
        with torch.no_grad():
            next(net.parameters()).add_(1)
    elif change == "damage":
        for file in tmp_path.iterdir():
            file.write_bytes(file.read_bytes()[:-9])
    elif change == "one file":
        next(tmp_path.glob("*.middle.safetensors")).unlink()
    else:
        name = ""
    assert see(net, entry, films, films=name, cache=cache, device=CPU).computed
