"""Several processes on one training, on the processor; a GPU each is the same code with another backend."""

import json
import socket

import pytest
import safetensors.torch
import torch

from tests.support.brief import DATASET
from tests.support.waiting import exit_code
from xraylab import actions
from xraylab.models import load_model
from xraylab.networks.registry import build, network
from xraylab.runs import launch, ranks
from xraylab.training.recipe import Recipe, Stage

pytest_plugins = ["tests.support.trained", "tests.support.forked"]

RECIPE = Recipe(
    name="shared",
    stages=(
        Stage(trains="head", epochs=2, learning_rate=1e-2, views=2),
        Stage(trains="all", epochs=1, learning_rate=1e-3),
    ),
    batch_size=16,
    dropout=0.0,
)


def command(name, recipe, weights):
    options = {"--dataset": DATASET, "--arch": "small_cnn", "--recipe": recipe, "--weights": weights}
    words = [str(word) for option in options.items() for word in option]
    return ["xraylab.__main__", "train", *words, "--run", name, "--json"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_train_what_one_would(imported, tmp_path, forks):
    recipe, weights = tmp_path / "shared.json", tmp_path / "first.safetensors"
    recipe.write_text(RECIPE.model_dump_json())
    torch.manual_seed(0)
    safetensors.torch.save_file(build(network("small_cnn")).state_dict(), weights)
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    processes = [
        forks.start(
            *command("together", recipe, weights),
            env=together | {"RANK": str(rank), "LOCAL_RANK": str(rank), "XRAYLAB_THREADS": "1"},
            output=tmp_path / f"output-{rank}",
        )
        for rank in range(2)
    ]
    assert [exit_code(process) for process in processes] == [0, 0]
    outputs = [(tmp_path / f"output-{rank}").read_bytes() for rank in range(2)]
    assert json.loads(outputs[0])["model"] == "together"
    assert outputs[1] == b""

    request = actions.request_training(
        imported, dataset=DATASET, arch="small_cnn", recipe=str(recipe), weights=str(weights), name="alone"
    )
    actions.train(imported, request)
    both = [load_model(imported, name).history for name in ("together", "alone")]
    assert [len(history) for history in both] == [3, 3]
    for shared, alone in zip(*both, strict=True):
        if shared["stage"] == "head":  # in the other stage each process's batch norms see its own share
            assert shared["train_loss"] == pytest.approx(alone["train_loss"], abs=1e-5)
            assert shared["validation_loss"] == pytest.approx(alone["validation_loss"], abs=1e-5)
    assert both[0][-1]["train_loss"] != both[1][-1]["train_loss"], "two shares, or it was one process"


def test_a_worker_does_not_take_itself_for_one_of_several(imported, monkeypatch):
    for name in ranks.VARIABLES:
        monkeypatch.setenv(name, "2")
    assert ranks.several()
    assert not ranks.leads()
    assert not set(launch._environment(imported)) & set(ranks.VARIABLES)


def test_a_process_alone_leads(monkeypatch):
    for name in ranks.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert ranks.leads()
    assert not ranks.several()
