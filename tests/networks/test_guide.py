"""The guide's example is a network that does what the guide asks of one."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
import torch
from torch import nn

from xraylab.networks.parameters import measure

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-network.md"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The entry that the guide's project file names."""
    project, entry, network = re.findall(r"```(?:toml|python)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    package = tmp_path / "my_networks"
    package.mkdir()
    (package / "__init__.py").write_text(entry)
    (package / "tiny.py").write_text(network)
    monkeypatch.syspath_prepend(tmp_path)
    points = tomllib.loads(project)["project"]["entry-points"]["xraylab.networks"]
    module, _, name = points["tiny"].partition(":")
    return getattr(importlib.import_module(module), name)


def test_the_guides_network_keeps_its_promises(example):
    parameters, gflop = measure(example)
    assert (parameters, round(gflop, 5)) == (example.parameters, example.gflop)
    module, _, function = example.builder.partition(":")
    net = getattr(importlib.import_module(module), function)(3)
    films, given = torch.randn(2, 3, example.side, example.side), []
    net.get_submodule(example.stages[1][0]).register_forward_pre_hook(lambda _, x: given.append(x[0]))
    expected = net(films)
    for name in example.stages[0]:
        net.set_submodule(name, nn.Identity())
    torch.testing.assert_close(net(given[0]), expected)
