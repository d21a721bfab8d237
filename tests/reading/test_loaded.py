"""Weights from a model's folder to a network that scores."""

import numpy as np
import pytest
import safetensors.torch
import torch

from tests.support.brief import DATASET
from xraylab.data.datasets import load_dataset
from xraylab.models import load_model
from xraylab.networks.inference import logits
from xraylab.networks.registry import build, network
from xraylab.reading.loaded import load
from xraylab.reading.scoring import score_pixels
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.shipped"]


@pytest.fixture
def films(imported_home):
    """The films that the shipped models were trained beside; they aren't in a newcomer's home."""
    return load_dataset(load_settings(home=imported_home), DATASET)


def test_weights_in_half_precision_score_in_single(newcomer, films):
    model = load_model(newcomer, "cnn")
    stored = safetensors.torch.load(model.weights.read_bytes())
    assert {value.dtype for value in stored.values()} == {torch.float16, torch.int64}
    loaded = load(model)
    [part] = loaded.parts
    assert {value.dtype for value in part.net.state_dict().values()} == {torch.float32, torch.int64}

    entry = network("small_cnn")
    net = build(entry)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in stored.items()})
    expected = logits(net.eval(), entry, films.pixels, device=torch.device("cpu"))
    np.testing.assert_allclose(score_pixels(loaded, films.pixels).logit, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["cnn", "ensemble"])
def test_a_shipped_model_scores_as_it_did_where_it_was_made(newcomer, films, name):
    model = load_model(newcomer, name)
    scores = score_pixels(load(model), films.pixels, films.rows("validation")).score
    np.testing.assert_allclose(scores, model.films("validation").scores, rtol=0, atol=1e-6)
