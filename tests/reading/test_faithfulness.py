"""ROAD against smooth random maps, on a network whose answer is known."""

import dataclasses

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.road import ROADLeastRelevantFirst, ROADMostRelevantFirst
from torch import nn

from xraylab.evaluation.averaging import ALONE
from xraylab.networks.registry import network
from xraylab.reading import faithfulness as room
from xraylab.reading.faithfulness import Faithfulness, faithfulness, smooth
from xraylab.reading.heatmap import Heatmap
from xraylab.reading.loaded import LoadedModel, Part

SIDE = 128  # half of a film: what is removed is filled in by solving a system of its pixels
CORNER = SIDE // 8


class Corner(nn.Module):
    """Its pneumonia logit is how bright the upper left corner is, and nothing else."""

    def forward(self, x):
        brightness = x[:, 0, :CORNER, :CORNER].mean(dim=(1, 2))
        return torch.stack([torch.zeros_like(brightness), 10 * brightness], dim=1)


class _OnPaper:
    """A model of which only the name and the averaging are asked for."""

    name, averaging = "on paper", ALONE


@pytest.fixture
def loaded():
    entry = dataclasses.replace(network("small_cnn"), side=SIDE)
    return LoadedModel(_OnPaper, (Part(Corner(), entry),), torch.device("cpu"))


@pytest.fixture
def film():
    pixels = np.full((SIDE, SIDE), 40, np.uint8)
    pixels[: CORNER - 2, : CORNER - 2] = 220
    return pixels


def drawn(marked):
    values = np.zeros((8, 8), np.float32)
    values[marked] = 1
    return Heatmap("grad-cam", np.kron(values, np.ones((16, 16), np.float32)), ((8, 8),), fixed=True)


def test_a_map_that_marks_what_counts_is_more_faithful_than_random_ones_and_a_wrong_one_is_not(loaded, film):
    right = faithfulness(loaded, film, drawn((0, 0)), maps=6)
    wrong = faithfulness(loaded, film, drawn((7, 7)), maps=6)
    assert right.beaten >= 5
    assert right.share == right.beaten / 6
    assert wrong.gain < right.gain
    assert wrong.beaten < right.beaten


def test_it_is_the_same_again_and_tells_how_far_it_is(loaded, film):
    heard = []
    first = faithfulness(loaded, film, drawn((0, 0)), maps=2, on_progress=heard.append)
    assert first == faithfulness(loaded, film, drawn((0, 0)), maps=2)
    assert heard == [pytest.approx(done / 3) for done in (1, 2, 3)]


def test_a_blank_map_cannot_be_judged(loaded, film):
    blank = Heatmap("grad-cam", np.zeros((8, 8), np.float32), ((8, 8),), fixed=True)
    assert faithfulness(loaded, film, blank) is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library's mixing of tensors and arrays
def test_the_gain_is_that_of_pytorch_grad_cams_road(loaded, film, monkeypatch):
    """On the film as bytes and without its noise; the library's own works on the network's input."""
    one = smooth(np.random.default_rng(3), (7, 7), SIDE)
    x = torch.from_numpy(film.astype(np.float32) / 255)[None, None]
    net, part = loaded.parts[0].net, loaded.parts[0].entry
    target = lambda output: output[1] - output[0]  # noqa: E731
    found = []
    for road in (ROADLeastRelevantFirst, ROADMostRelevantFirst):
        scores = []
        for share in room.SHARES:
            metric = road(100 * (1 - share))
            metric.perturbation.imputer.noise = 0
            scores.append(float(metric(x, one[None], [target], net, return_diff=False)[0]))
        found.append(np.mean(scores) / part.std[0])
    theirs = (found[0] - found[1]) / 2
    assert room._gain(loaded, film, one) == pytest.approx(theirs, rel=0.02)


def test_what_is_beaten_is_counted_and_a_tie_is_no_win():
    assert Faithfulness(1.0, (0.5, 1.0, 2.0, -1.0)).beaten == 2
    assert Faithfulness(1.0, (0.5, 1.0, 2.0, -1.0)).share == 0.5
