import numpy as np
import pytest
import torch
from scipy.special import expit

from xraylab.data.phantoms import generate
from xraylab.evaluation.averaging import probability
from xraylab.networks.inference import logits
from xraylab.networks.inputs import to_input
from xraylab.networks.passes import BATCH, batch_on
from xraylab.networks.registry import build, network

CPU = torch.device("cpu")
THREADS = 2


@pytest.fixture(scope="module", autouse=True)
def threads():
    """Score with two threads: the tolerance was measured with them, and a worker of pytest has one."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def films():
    return np.stack([film.pixels for film in generate(BATCH + 1, seed=8)])


@pytest.fixture(scope="module", params=["small_cnn", "mobilenet_v2", "efficientnet_lite0"])
def scorer(request, films):
    """A network whose batch norms have seen the films, so that its scores differ from film to film."""
    torch.manual_seed(3)
    entry = network(request.param)
    net = build(entry).to(memory_format=torch.channels_last)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # keep the statistics of the one pass that follows
    with torch.no_grad():
        net.train()(to_input(torch.from_numpy(films[:8]), entry))
        linear = net.get_submodule(entry.head)[1]
        linear.weight.div_(np.ptp(logits(net, entry, films, device=CPU)) / 4)
        linear.bias[1] -= np.median(logits(net, entry, films, device=CPU))
    return lambda pixels, rows=None: probability(logits(net, entry, pixels, rows, device=CPU))


def test_a_films_score_does_not_depend_on_its_batch_or_its_place_in_it(scorer, films):
    together = scorer(films)  # a full batch, and one film in a batch of its own
    assert np.ptp(together) > 0.01, "the test needs scores that differ"
    np.testing.assert_allclose(scorer(films[::-1])[::-1], together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(scorer(films[:5]), together[:5], rtol=0, atol=1e-6)
    alone = [scorer(films[place : place + 1])[0] for place in (0, 4, BATCH - 1)]
    np.testing.assert_allclose(alone, together[[0, 4, BATCH - 1]], rtol=0, atol=1e-6)


def test_rows_choose_the_films_and_their_order(scorer, films):
    rows = np.array([7, 2, 7])
    np.testing.assert_allclose(scorer(films, rows), scorer(films[rows]), atol=1e-6)


def test_scoring_puts_the_network_into_eval_mode_and_leaves_it_untouched(films):
    entry = network("small_cnn")
    net = build(entry).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    first = logits(net, entry, films[:4], device=CPU)
    assert not net.training
    np.testing.assert_array_equal(logits(net, entry, films[:4], device=CPU), first)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_read_only_memory_map_is_scored_like_an_array(tmp_path, scorer, films):
    np.save(tmp_path / "films.npy", films[:3])
    mapped = np.load(tmp_path / "films.npy", mmap_mode="r")
    np.testing.assert_array_equal(scorer(mapped), scorer(films[:3]))


def test_progress_counts_films_and_may_stop_the_scoring(films):
    entry, told = network("small_cnn"), []
    logits(build(entry), entry, films, device=CPU, on_progress=told.append)
    size = batch_on(torch.device("cpu"))
    assert told == [*range(size, BATCH + 1, size), BATCH + 1]

    def stop(_done):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        logits(build(entry), entry, films, device=CPU, on_progress=stop)


def test_no_films_have_no_scores():
    entry = network("small_cnn")
    assert logits(build(entry), entry, np.empty((0, 256, 256), np.uint8), device=CPU).shape == (0,)


def test_the_sigmoid_is_scipys_and_never_overflows():
    x = np.array([-800.0, -40.0, -1.5, 0.0, 1e-9, 3.0, 40.0, 800.0])
    np.testing.assert_allclose(probability(x), expit(x), rtol=1e-12)
