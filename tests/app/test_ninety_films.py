"""Ninety films train without a connection and without a choice, on the command line and on the page."""

import socket

import pytest

from tests.support.screens import written
from tests.support.workers import ONE_THREAD, made_once
from xraylab import actions
from xraylab.actions.training import carry_out
from xraylab.data import phantoms
from xraylab.models import load_model
from xraylab.networks.registry import network
from xraylab.runs import table
from xraylab.settings import load_settings

INSTALLED = network("efficientnet_lite0")  # its weights come with a requirement of the package
NOTE = (
    "The recipe's batches of 64 films are larger than the training set of 63, so each batch has all training "
    "films."
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with ninety films; the second training in it finds the activations of the first."""

    def make(home):
        phantoms.write(home / "source", 90, seed=8)
        actions.import_dataset(load_settings(home=home), home / "source", "films")

    return made_once(tmp_path_factory, "ninety", make)


@pytest.fixture
def settings(home, monkeypatch):
    for name, value in (("HOME", str(home)), ("THREADS", ONE_THREAD), ("DEVICE", "cpu")):
        monkeypatch.setenv(f"XRAYLAB_{name}", value)

    def refuse(*_):
        raise OSError("no connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return load_settings()


def check(settings, name):
    card = load_model(settings, name).card
    assert card.dataset.splits["train"]["films"] == 63
    assert (card.arch, card.recipe["name"], card.weights) == (INSTALLED.name, "quick", "imagenet")
    assert card.weights_sha256 == INSTALLED.imagenet_sha256
    assert card.notes == (NOTE,)


def test_on_the_command_line(run, settings):
    document = run("train", "--dataset", "films")
    check(settings, document["model"])
    assert document["notes"] == [NOTE]
    assert document["val"]["auc"] > 0.5


def test_on_the_page(show, settings):
    app = show("train")
    assert app.selectbox(key="train network").value == INSTALLED
    assert "Starts from ImageNet weights." in written(app)
    next(button for button in app.button if button.label == "Train").click().run()
    assert not app.error
    [run] = carry_out(settings, table.list_runs(settings, states=["queued"]))
    check(settings, run.name)
    assert NOTE in written(show("train"))
