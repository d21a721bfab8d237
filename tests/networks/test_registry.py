import dataclasses
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from xraylab.errors import NotFoundError
from xraylab.networks import registry
from xraylab.networks.registry import build, network, networks

EVERY = pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)


def on_paper(entry, **options):
    """The network without memory for its weights."""
    with torch.device("meta"):
        return build(entry, **options).eval()


@contextmanager
def passed_by(net, names):
    """The network with submodules replaced by the identity."""
    kept = {name: net.get_submodule(name) for name in names}
    for name in names:
        net.set_submodule(name, nn.Identity())
    yield
    for name, module in kept.items():
        net.set_submodule(name, module)


def settled(entry):
    """A network with random weights that answers differently to different films."""
    torch.manual_seed(4)
    net = build(entry, classes=3)
    for name, parameter in net.named_parameters():
        if name.endswith("layer_scale"):  # ConvNeXt starts with blocks that do nothing
            nn.init.constant_(parameter, 0.3)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    side = entry.side if entry.name == "cnn" else 96  # the others take any side
    films = torch.randn(2, 3, side, side)
    with torch.no_grad():
        if any(isinstance(module, nn.BatchNorm2d) for module in net.modules()):
            net.train()(films)
    return net.eval(), films


@EVERY
def test_every_network_gives_one_output_a_class(entry):
    for classes in (2, 3):
        x = torch.zeros(2, 3, entry.side, entry.side, device="meta")
        assert on_paper(entry, classes=classes)(x).shape == (2, classes)


@EVERY
def test_parameters_and_operations_are_those_that_the_entry_states(entry):
    net = on_paper(entry)
    assert sum(parameter.numel() for parameter in net.parameters()) == entry.parameters
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, entry.side, entry.side, device="meta"))
    assert counter.get_total_flops() / 1e9 == pytest.approx(entry.gflop, rel=0.02)


@EVERY
def test_stages_and_head_share_all_parameters_out_between_them(entry):
    net = on_paper(entry)
    parts = [name for stage in entry.stages for name in stage] + [entry.head]
    owned = [id(parameter) for part in parts for parameter in net.get_submodule(part).parameters()]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(parameter) for parameter in net.parameters()}
    for stage in entry.stages:
        assert any(True for part in stage for _ in net.get_submodule(part).parameters()), stage


@EVERY
def test_a_network_goes_on_from_the_input_of_any_stage(entry):
    net, films = settled(entry)
    inputs, hooks = {}, []
    for number, stage in enumerate(entry.stages):

        def keep(_module, given, number=number):
            inputs[number] = given[0].clone()

        hooks.append(net.get_submodule(stage[0]).register_forward_pre_hook(keep))
    with torch.no_grad():
        whole = net(films)
        for hook in hooks:
            hook.remove()
        assert (whole[0] - whole[1]).abs().max() > 1e-3, "the test needs outputs that differ"
        for number in range(1, len(entry.stages)):
            before = [name for stage in entry.stages[:number] for name in stage]
            with passed_by(net, before):
                torch.testing.assert_close(net(inputs[number]), whole, rtol=1e-5, atol=1e-5)
        with passed_by(net, [entry.head]):
            features = net(films)
        assert features.ndim == 2, "a film's features are one row"
        torch.testing.assert_close(net.get_submodule(entry.head)(features), whole, rtol=1e-5, atol=1e-5)


@EVERY
def test_what_grad_cam_looks_at_is_a_map_that_nothing_changes_afterwards(entry):
    maps = []

    def keep(_module, _given, out):
        maps.append((out, out.clone()))

    net = build(entry).eval() if entry.name != "vgg16" else on_paper(entry)
    net.get_submodule(entry.cam_layer).register_forward_hook(keep)
    with torch.no_grad():
        net(torch.randn(1, 3, entry.side, entry.side, device=next(net.parameters()).device))
    ((out, at_the_time),) = maps
    assert out.ndim == 4, "Grad-CAM weighs maps, (B, channels, height, width)"
    assert 7 <= out.shape[2] == out.shape[3] <= 16
    assert out.is_meta or torch.equal(out, at_the_time)


@EVERY
def test_pretrained_parts_outside_the_head_stay_frozen_with_the_backbone(entry):
    net = on_paper(entry)
    kinds = {type(module) for module in net.get_submodule(entry.head).modules()}
    assert kinds <= {nn.Linear, nn.Dropout, nn.Sequential}


@pytest.mark.parametrize("entry", [e for e in networks() if e.imagenet], ids=lambda entry: entry.name)
def test_imagenet_weights_are_torchvisions_and_fit_by_name_and_shape(entry):
    weights = torchvision.models.get_weight(entry.imagenet)
    assert weights in torchvision.models.get_model_weights(entry.name)
    assert weights.url.endswith("/" + entry.imagenet_file)
    assert weights.meta["num_params"] == sum(p.numel() for p in on_paper(entry, classes=1000).parameters())
    mean, std = weights.transforms().mean, weights.transforms().std
    assert (entry.mean, entry.std) == (tuple(mean), tuple(std))


@pytest.mark.parametrize(
    "given",
    [{"imagenet": "X.V1"}, {"imagenet_package": "x"}, {"imagenet_file": "x.pth"}],
    ids=lambda given: next(iter(given)),
)
def test_published_weights_have_a_file_and_a_publisher(given):
    with pytest.raises(ValueError, match="small_cnn: give imagenet_file with imagenet or imagenet_package"):
        dataclasses.replace(network("small_cnn"), **given)


def test_densenet_is_torchvisions_number_for_number():
    ours, films = settled(network("densenet121"))
    theirs = torchvision.models.densenet121(weights=None, num_classes=3).eval()
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours(films), theirs(films), rtol=0, atol=1e-6)


def test_the_reports_cnn_has_the_parameters_of_its_listing_and_says_so():
    """Convolutions 656,032; Linear(6272, 256) 1,605,888; Linear(256, 2) 514."""
    entry = network("cnn")
    net = on_paper(entry)
    assert sum(p.numel() for p in net.parameters()) == 656_032 + 1_605_888 + 514 == 2_262_434
    layers = [type(m).__name__ for m in net.modules() if not list(m.children())]
    block = ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "Dropout"]
    assert layers == block * 5 + ["Linear", "ReLU", "Dropout", "Linear"]
    widths = [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [32, 32, 64, 64, 64, 64, 128, 128, 128, 128]
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.25, 0.25, 0.4, 0.4, 0.4, 0.5]
    assert "2,262,434" in entry.about
    assert "2,326,082" in entry.about


@pytest.mark.parametrize("name", ["small_cnn", "cnn", "mobilenet_v2", "densenet121", "efficientnet_lite0"])
def test_the_same_seed_builds_the_same_weights(name):
    nets = []
    for _ in range(2):
        torch.manual_seed(5)
        nets.append(build(network(name)).state_dict())
    assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[0])


def test_names_are_looked_up():
    assert [network(entry.name) for entry in networks()] == list(networks())
    assert len({entry.name for entry in networks()}) == len(networks())


def test_an_unknown_network_is_answered_with_those_there_are():
    with pytest.raises(
        NotFoundError, match=r"no network “resnet9000”\. There are: mobilenet_v2, efficientnet_lite0,"
    ):
        network("resnet9000")


def test_the_registry_opens_without_torch():
    code = "import sys, xraylab.networks.registry, xraylab.networks.pretrained; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


OUTSIDE = """
import dataclasses
from xraylab.networks.registry import network
ONE = dataclasses.replace(network("small_cnn"), name="{name}", builder="{module}:build")
TWO = [dataclasses.replace(ONE, name="{name}_wide"), dataclasses.replace(ONE, name="{name}_deep")]
NOT_ONE = [3]
ILL_NAMED = dataclasses.replace(ONE, name="../{name}")
OURS = dataclasses.replace(ONE, name="cnn")
def build(classes):
    from xraylab.networks.builders import small_cnn
    return small_cnn(classes)
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package of networks for the length of a test: its entry points, by name."""

    def install(module, **points):
        (tmp_path / f"{module}.py").write_text(OUTSIDE.format(name=f"{module}_net", module=module))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = "\n".join(f"{name} = {value}" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[xraylab.networks]\n{lines}\n")
        registry._outside.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    registry._outside.cache_clear()


def test_networks_of_another_package_are_listed_last_and_built(installed):
    ours = networks()
    installed("guest_one", one="guest_one:ONE", more="guest_one:TWO")
    assert networks()[: len(ours)] == ours
    assert {entry.name for entry in networks()[len(ours) :]} == {
        "guest_one_net",
        "guest_one_net_wide",
        "guest_one_net_deep",
    }
    assert build(network("guest_one_net_deep"), classes=3)(torch.zeros(2, 3, 128, 128)).shape == (2, 3)


def test_other_packages_are_asked_once(installed, monkeypatch):
    installed("guest_two", one="guest_two:ONE")
    networks()
    monkeypatch.setattr(registry, "entry_points", lambda **_: pytest.fail("asked again"))
    assert "guest_two_net" in {entry.name for entry in networks()}


@pytest.mark.parametrize("broken", ["guest_three:MISSING", "no_such_module:X", "guest_three:NOT_ONE"])
def test_a_broken_package_is_logged_and_the_others_stay(installed, caplog, broken):
    ours = networks()
    installed("guest_three", bad=broken, good="guest_three:ONE")
    assert [entry.name for entry in networks()[len(ours) :]] == ["guest_three_net"]
    assert f"the networks of guest_three ({broken}) can't be used" in caplog.text


def test_a_name_that_could_not_be_a_files_is_refused(installed, caplog):
    ours = networks()
    installed("guest_four", bad="guest_four:ILL_NAMED")
    assert networks() == ours
    assert "can't be the name of a network" in caplog.text


def test_nobody_takes_a_name_of_ours(installed, caplog):
    ours = networks()
    installed("guest_five", ours="guest_five:OURS")
    assert networks() == ours
    assert network("cnn").builder == "xraylab.networks.builders:cnn"
    assert "the network cnn of guest_five is left out: the name is taken" in caplog.text
