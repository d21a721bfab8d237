import dataclasses
import os

import numpy as np
import pytest
import torch

from xraylab.networks.registry import build, network
from xraylab.training import cache
from xraylab.training.cache import ActivationCache, cache_key

ENTRY = network("small_cnn")
CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_activations_come_back_bit_for_bit(tmp_path, kind):
    kept = ActivationCache(tmp_path / "new" / "folder")
    made = torch.randn(7, 3, 4).to(kind)
    assert kept.read("one") is None
    kept.write("one", made)
    found = kept.read("one")
    assert found.dtype == kind
    assert torch.equal(found, made)


@pytest.mark.parametrize("content", [b"", b"half of", None])
def test_a_damaged_file_is_made_again(tmp_path, content):
    kept = ActivationCache(tmp_path)
    kept.write("one", torch.ones(50))
    file = tmp_path / "one.safetensors"
    file.write_bytes(file.read_bytes()[:-20] if content is None else content)
    assert kept.read("one") is None
    assert not file.exists()
    kept.write("one", torch.ones(50))
    assert kept.read("one").sum() == 50


def test_the_one_that_nobody_asked_for_longest_gives_way(tmp_path):
    kept = ActivationCache(tmp_path, limit=2500)
    for age, name in enumerate(["first", "second"]):
        kept.write(name, torch.zeros(256))  # 1024 bytes and a header
        os.utime(tmp_path / f"{name}.safetensors", (1000 + age, 1000 + age))
    assert kept.read("first") is not None
    kept.write("third", torch.zeros(256))
    assert kept.read("second") is None
    assert kept.read("first") is not None
    assert kept.read("third") is not None
    kept.write("too large", torch.zeros(1000))
    assert {file.stem for file in tmp_path.iterdir()} == {"first", "third"}


def test_a_disk_without_room_is_no_reason_to_fail(tmp_path, monkeypatch):
    kept = ActivationCache(tmp_path)
    monkeypatch.setattr(cache, "_SPARE", 2**62)
    kept.write("one", torch.zeros(8))
    assert kept.read("one") is None

    def full(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "replacing", full)
    monkeypatch.setattr(cache, "_SPARE", 0)
    kept.write("one", torch.zeros(8))
    assert kept.read("one") is None


def key(net, entry=ENTRY, tail=1, **changes):
    given = {"films": "a", "rows": np.arange(4), "batch": 8, "device": CPU, "autocast": False}
    return cache_key(net, entry, tail, **(given | changes))


def test_the_key_tells_apart_all_that_activations_hang_on_and_nothing_else():
    torch.manual_seed(0)
    net = build(ENTRY)
    mine = key(net)
    assert key(net) == mine
    others = [
        key(net, tail=0),
        key(net, tail=2),
        key(net, entry=dataclasses.replace(ENTRY, side=96)),
        key(net, films="b"),
        key(net, rows=np.arange(4)[::-1]),
        key(net, batch=4),
        key(net, autocast=True),
        key(net, device=torch.device("cuda")),
        key(build(ENTRY)),
    ]
    assert len({mine, *others}) == 1 + len(others)
    with torch.no_grad():
        net.get_submodule(ENTRY.stages[-1][0]).weight.add_(1)
        net.get_submodule(ENTRY.head)[1].weight.add_(1)
    assert key(net) == mine
    with torch.no_grad():
        net.get_submodule(ENTRY.stages[0][1]).running_mean.add_(1)
    assert key(net) != mine
