import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.support.sizes import cases
from xraylab.data.phantoms import generate
from xraylab.errors import SettingsError
from xraylab.networks.backends import BACKENDS, forward
from xraylab.networks.inference import logits
from xraylab.networks.pretrained import weights_path
from xraylab.networks.registry import build, network
from xraylab.networks.weights import load_into
from xraylab.settings import load_settings

CPU = torch.device("cpu")
SIZES = cases([6, 1, 3], brief=2)  # of batches, in any order; each may be compiled anew
ENTRY = network("small_cnn")
# of a logit that spreads over 4
LIMIT = {"fp32": 1e-5, "bf16": 0.1, "compile": 1e-4, "openvino": 1e-4, "openvino-bf16": 0.1}


@pytest.fixture(scope="module")
def films():
    return np.stack([film.pixels for film in generate(6, seed=8)])


@pytest.fixture(scope="module")
def net(films, package_models):
    """The shipped model of phantoms, with logits spread over 4: random weights are another matter in bf16."""
    net = build(ENTRY)
    net.load_state_dict(load_file(package_models / "phantom" / "model.safetensors"))
    net.eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        net.get_submodule("classifier")[1].weight.div_(np.ptp(logits(net, ENTRY, films, device=CPU)) / 4)
    return net


@pytest.mark.sampled
@pytest.mark.parametrize(
    "backend", [pytest.param(name, marks=[pytest.mark.slow] * (name == "compile")) for name in BACKENDS]
)
def test_a_backend_scores_films_as_the_network_does(net, films, backend):
    if backend.startswith("openvino"):
        pytest.importorskip("openvino")
    before = {key: value.clone() for key, value in net.state_dict().items()}
    run = forward(net, ENTRY, backend, CPU)
    expected = logits(net, ENTRY, films, device=CPU)
    assert np.ptp(expected) > 3
    for size in SIZES:
        found = logits(net, ENTRY, films[:size], device=CPU, run=run)
        np.testing.assert_allclose(found, expected[:size], rtol=0, atol=LIMIT[backend])
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert np.array_equal(logits(net, ENTRY, films, device=CPU), expected)


def test_openvino_pads_the_even_and_uneven_sides_of_a_film_as_the_network_does(films, tmp_path):
    pytest.importorskip("openvino")
    entry = network("efficientnet_lite2")  # sides of 260 to 9 pixels, halved and rounded up
    torch.manual_seed(2)
    net = build(entry).to(memory_format=torch.channels_last)
    load_into(net, weights_path(load_settings(home=tmp_path), entry, "imagenet"), entry)
    run = forward(net, entry, "openvino", CPU)
    expected = logits(net, entry, films, device=CPU)
    assert np.ptp(expected) > 0.01
    for size in (6, 1):
        found = logits(net, entry, films[:size], device=CPU, run=run)
        np.testing.assert_allclose(found, expected[:size], rtol=0, atol=LIMIT["openvino"])


def test_films_are_scored_through_the_backend_that_is_handed_in(net, films):
    assert (logits(net, ENTRY, films, device=CPU, run=lambda x: torch.ones(len(x), 2)) == 0).all()


def test_a_missing_package_is_a_sentence_that_says_how_to_get_it(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(SettingsError, match="pip install openvino, or choose the backend fp32"):
        forward(net, ENTRY, "openvino", CPU)


def test_openvino_is_for_processors(net):
    with pytest.raises(SettingsError, match="runs on the processor, not on cuda"):
        forward(net, ENTRY, "openvino", torch.device("cuda"))


def test_a_machine_that_cannot_compile_is_told_so_before_the_first_film(net, monkeypatch):
    def compiled(_net):
        def fail(_x):
            raise RuntimeError("no g++")

        return fail

    monkeypatch.setattr(torch, "compile", compiled)
    with pytest.raises(SettingsError, match=r"can't compile Small CNN .* needs a C\+\+ compiler"):
        forward(net, ENTRY, "compile", CPU)


def test_an_unknown_backend_is_the_callers_mistake(net):
    with pytest.raises(ValueError, match="'tensorrt'; there are fp32, bf16, compile, openvino"):
        forward(net, ENTRY, "tensorrt", CPU)


def test_openvino_has_nothing_to_report_its_use_with():
    pytest.importorskip("openvino")
    code = """
import socket, sys, torch
def refuse(*_): raise AssertionError("openvino went to the network")
socket.socket.connect = refuse
from xraylab.networks.backends import forward
from xraylab.networks.pretrained import weights_path
from xraylab.networks.registry import build, network
from xraylab.networks.weights import load_into
from xraylab.settings import load_settings
entry = network("small_cnn")
forward(build(entry), entry, "openvino", torch.device("cpu"))
print(sys.modules["openvino_telemetry"])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "None"
