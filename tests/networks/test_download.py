import dataclasses
import hashlib
import os
import resource
import subprocess
import sys

import pytest

from xraylab import transfer
from xraylab.errors import StorageError, WeightsError
from xraylab.networks import download
from xraylab.networks.download import ensure_weights, fetch_imagenet
from xraylab.networks.pretrained import instead
from xraylab.networks.registry import network
from xraylab.settings import load_settings

CONTENT = os.urandom(3_000_000)
NAME = f"resnet18-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
pytest_plugins = ["tests.support.remote"]
ENTRY = dataclasses.replace(network("resnet18"), imagenet_file=NAME)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path)


@pytest.fixture
def published(server, monkeypatch):
    """Let torchvision's address be one of the test server's."""

    server.content = CONTENT

    def publish(way):
        address = f"{server.origin}/{way}/{NAME}"
        monkeypatch.setattr(download, "_url", lambda _: address)
        return address

    return publish


def quietly(_done, _total):
    pass


def inside(settings):
    return [file.name for file in settings.weights.iterdir()]


@pytest.mark.parametrize(("way", "total"), [("whole", len(CONTENT)), ("unknown length", 0)])
def test_weights_are_downloaded_under_torchvisions_name_with_progress(settings, published, way, total):
    published(way.replace(" ", "-"))
    told = []
    file = fetch_imagenet(settings, ENTRY, on_progress=lambda *now: told.append(now))
    assert file == settings.weights / NAME
    assert file.read_bytes() == CONTENT
    assert inside(settings) == [NAME]
    assert told[0] == (0, total)
    assert told[-1] == (len(CONTENT), total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_weights_are_downloaded_once(settings, published, server):
    published("whole")
    files = {ensure_weights(settings, ENTRY, "imagenet", quietly) for _ in range(2)}
    assert files == {settings.weights / NAME}
    assert server.asked == [0]


def test_other_sources_are_never_asked_of_the_network(settings, published, server, tmp_path):
    published("whole")
    mine = tmp_path / "mine.pth"
    mine.touch()
    assert ensure_weights(settings, ENTRY, str(mine), quietly) == mine
    with pytest.raises(WeightsError, match="no ImageNet weights for Small CNN"):
        ensure_weights(settings, network("small_cnn"), "imagenet", quietly)
    with pytest.raises(WeightsError, match="nor a weights file"):
        ensure_weights(settings, ENTRY, "elsewhere", quietly)
    assert server.asked == []


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("missing", "127.0.0.1 answered 404"),
        ("cut", "the connection broke off"),
        ("wrong", "the file received has another SHA-256"),
    ],
)
def test_a_download_that_fails_says_why_and_leaves_nothing(settings, published, way, why):
    published(way)
    with pytest.raises(WeightsError) as caught:
        fetch_imagenet(settings, ENTRY, on_progress=quietly)
    assert str(caught.value) == (
        f"The ImageNet weights of ResNet18 couldn't be downloaded: {why}. {instead(settings, ENTRY)}"
    )
    assert inside(settings) == []


def test_without_a_connection_the_file_and_its_place_are_named(settings, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "_url", lambda _: "http://127.0.0.1:9/" + NAME)  # nobody listens there
    with pytest.raises(WeightsError) as caught:
        fetch_imagenet(settings, ENTRY, on_progress=quietly)
    assert f"this machine has no connection to 127.0.0.1. Place {NAME} in" in str(caught.value)
    assert "You can start from what is on this machine: ImageNet weights of EfficientNet-Lite0, " in str(
        caught.value
    )
    assert inside(settings) == []


def test_a_server_that_falls_silent_is_given_up(settings, published, monkeypatch):
    published("slow")
    monkeypatch.setattr(transfer, "_TIMEOUT", 0.2)
    with pytest.raises(WeightsError, match="the connection broke off"):
        fetch_imagenet(settings, ENTRY, on_progress=quietly)
    assert inside(settings) == []


def test_a_cancelled_download_leaves_nothing(settings, published):
    published("whole")

    def cancel(done, _total):
        if done > len(CONTENT) // 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_imagenet(settings, ENTRY, on_progress=cancel)
    assert inside(settings) == []


def test_a_full_disk_is_a_sentence_and_leaves_nothing(settings, published):
    published("whole")
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT) // 2, hard))
    try:
        with pytest.raises(StorageError, match="is full"):
            fetch_imagenet(settings, ENTRY, on_progress=quietly)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert inside(settings) == []


KILLED = """
import sys, dataclasses
from pathlib import Path
from xraylab.networks import download
from xraylab.networks.registry import network
from xraylab.settings import load_settings
home, name, address = sys.argv[1:]
download._url = lambda _: address
entry = dataclasses.replace(network("resnet18"), imagenet_file=name)
download.fetch_imagenet(
    load_settings(home=Path(home)), entry, on_progress=lambda done, _: print(done, flush=True)
)
"""


def test_a_killed_download_leaves_no_file_and_the_next_starts_anew(settings, published):
    command = [sys.executable, "-c", KILLED, str(settings.home), NAME, published("slow")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while 0 <= int(process.stdout.readline()) < len(CONTENT) // 2:
            pass
        process.kill()
    (left,) = inside(settings)
    assert left.endswith(".partial"), "the test needs a download that was under way"
    published("whole")
    assert fetch_imagenet(settings, ENTRY, on_progress=quietly).read_bytes() == CONTENT
    assert inside(settings) == [NAME]


def test_a_download_leaves_the_partial_file_of_another_one_alone(settings, published):
    published("whole")

    def meanwhile(done, _total):
        if done == len(CONTENT):
            assert len(inside(settings)) == 1
            fetch_imagenet(settings, ENTRY, on_progress=quietly)
            assert len(inside(settings)) == 2

    assert fetch_imagenet(settings, ENTRY, on_progress=meanwhile).read_bytes() == CONTENT
    assert inside(settings) == [NAME]
