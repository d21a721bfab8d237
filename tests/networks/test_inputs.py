import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from xraylab.networks.inputs import finding_logit, to_grey, to_input
from xraylab.networks.registry import network, networks


@pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)
@pytest.mark.parametrize("value", [0, 51, 255])
def test_an_even_film_becomes_its_normalised_grey_in_all_three_channels(entry, value):
    x = to_input(torch.full((2, 256, 256), value, dtype=torch.uint8), entry)
    assert x.shape == (2, 3, entry.side, entry.side)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    expected = (value / 255 - np.array(entry.mean)) / np.array(entry.std)
    np.testing.assert_allclose(x.numpy(), np.broadcast_to(expected[None, :, None, None], x.shape), atol=1e-5)


def test_imagenet_networks_are_normalised_channel_by_channel():
    entry = network("mobilenet_v2")
    assert entry.mean == (0.485, 0.456, 0.406)
    assert entry.std == (0.229, 0.224, 0.225)


def test_a_film_is_shrunk_by_averaging_and_not_by_leaving_pixels_out():
    film = torch.zeros(1, 256, 256, dtype=torch.uint8)
    film[:, ::2] = 200  # stripes of one row: leaving rows out would give 0 or 200
    inner = to_grey(film, network("small_cnn"))[0, 0, 8:-8, 8:-8] * 255
    assert inner.min() > 90
    assert inner.max() < 110


def test_the_stored_film_is_left_as_it_is():
    film = torch.full((1, 256, 256), 77, dtype=torch.uint8)
    to_input(film, network("small_cnn"))
    assert (film == 77).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_the_finding_logit_is_the_log_odds_of_not_normal(classes):
    outputs = np.random.default_rng(2).normal(0, 4, (50, classes))
    normal = softmax(outputs, axis=1)[:, 0]
    logit = finding_logit(torch.from_numpy(outputs)).numpy()
    np.testing.assert_allclose(logit, np.log((1 - normal) / normal), rtol=1e-9)


def test_the_finding_logit_stays_exact_where_the_softmax_is_saturated():
    outputs = np.array([[0.0, 500.0], [500.0, 0.0], [0.0, 60.0]])
    logit = finding_logit(torch.from_numpy(outputs)).numpy()
    expected = log_softmax(outputs, axis=1)
    np.testing.assert_allclose(logit, expected[:, 1] - expected[:, 0])
    assert logit.dtype == np.float64
