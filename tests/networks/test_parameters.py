import pytest
import torch

from xraylab.networks.parameters import Layer, measure, parameter_table, totals
from xraylab.networks.registry import build, network, networks

EVERY = pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)


@EVERY
def test_the_layers_of_a_table_hold_all_parameters(entry):
    table = parameter_table(entry, classes=2, tail=None)
    assert sum(layer.parameters for layer in table) == entry.parameters
    assert totals(table) == (entry.parameters, 0)
    assert len({layer.name for layer in table}) == len(table)


@EVERY
@pytest.mark.parametrize("tail", [0, 1])
def test_what_trains_is_the_head_and_the_last_stages(entry, tail):
    with torch.device("meta"):
        net = build(entry, classes=3)
    parts = [entry.head, *(part for stage in entry.stages[len(entry.stages) - tail :] for part in stage)]
    expected = sum(p.numel() for part in parts for p in net.get_submodule(part).parameters())
    table = parameter_table(entry, classes=3, tail=tail)
    assert totals(table) == (expected, sum(p.numel() for p in net.parameters()) - expected)
    last = {"head"} | ({str(len(entry.stages))} if tail else set())
    assert {layer.stage for layer in table if layer.trainable} == last


def test_a_table_reads_from_film_to_head():
    table = parameter_table(network("cnn"), classes=2, tail=0)
    assert table[0] == Layer("features.0", "Conv2d", (32, 224, 224), 896, False, "1")
    assert table[-2] == Layer("classifier.0", "Linear", (256,), 1_605_888, False, "6")
    assert table[-1] == Layer("classifier.3", "Linear", (2,), 514, True, "head")
    assert totals(table) == (514, 2_261_920)


def test_parameters_of_a_block_itself_are_not_lost():
    kinds = {layer.kind for layer in parameter_table(network("convnext_tiny"), classes=2, tail=0)}
    assert kinds == {"Conv2d", "LayerNorm2d", "CNBlock", "LayerNorm", "Linear"}


def test_a_table_is_worked_out_once():
    tables = [parameter_table(network("vgg16"), classes=2, tail=1) for _ in range(2)]
    assert tables[0] is tables[1]


def test_measuring_gives_what_an_entry_states():
    entry = network("mobilenet_v2")
    parameters, gflop = measure(entry)
    assert parameters == entry.parameters
    assert gflop == pytest.approx(entry.gflop, rel=0.002)
