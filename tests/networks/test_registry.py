import subprocess
import sys

import pytest
import torch

from xraylab.errors import NotFoundError
from xraylab.networks.registry import CLASSES, build, network, networks


@pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)
def test_every_network_gives_one_output_a_class(entry):
    net = build(entry, classes=3).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 3, entry.side, entry.side)).shape == (2, 3)
        assert build(entry).eval()(torch.zeros(1, 3, entry.side, entry.side)).shape == (1, len(CLASSES))


@pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)
def test_every_network_has_the_parts_that_its_entry_names(entry):
    net = build(entry)
    assert sum(parameter.numel() for parameter in net.get_submodule(entry.head).parameters()) > 0
    seen = []
    net.get_submodule(entry.cam_layer).register_forward_hook(lambda _, __, out: seen.append(out.shape))
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, entry.side, entry.side))
    assert len(seen) == 1
    assert len(seen[0]) == 4, "Grad-CAM weighs maps, (B, channels, height, width)"
    assert min(seen[0][2:]) > 1


@pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)
def test_the_same_seed_builds_the_same_weights(entry):
    nets = []
    for _ in range(2):
        torch.manual_seed(5)
        nets.append(build(entry).state_dict())
    assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[0])


def test_names_are_looked_up():
    assert [network(entry.name) for entry in networks()] == list(networks())
    assert len({entry.name for entry in networks()}) == len(networks())


def test_an_unknown_network_is_answered_with_those_there_are():
    with pytest.raises(NotFoundError, match=r"no network “resnet9000”\. There are: mobilenet_v2, small_cnn"):
        network("resnet9000")


def test_the_registry_opens_without_torch():
    code = "import sys, xraylab.networks.registry, xraylab.networks.pretrained; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
