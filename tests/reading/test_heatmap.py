import dataclasses
import io
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from tests.brief import MODEL
from xraylab.data.phantoms import generate
from xraylab.models import load_model
from xraylab.networks.inputs import pneumonia_logit, to_input
from xraylab.networks.registry import build, networks
from xraylab.reading.heatmap import heatmap, overlay_png
from xraylab.reading.loaded import LoadedModel, Part, load
from xraylab.reading.scoring import score_pixels

pytest_plugins = ["tests.trained"]


@pytest.fixture
def loaded(trained):
    """A barely trained model whose every feature speaks for pneumonia, so that its maps are not empty."""
    loaded = load(load_model(trained, MODEL))
    weight = loaded.parts[0].net.get_submodule("classifier")[1].weight
    with torch.no_grad():
        weight[0], weight[1] = -weight[0].abs(), weight[1].abs()
    return loaded


@pytest.fixture(scope="module")
def films():
    return [film.pixels for film in generate(4, seed=21)]


def test_a_heatmap_is_the_film_in_small_and_runs_from_0_to_1(loaded, films):
    values = heatmap(loaded, films[0])
    assert values.shape == (loaded.parts[0].entry.side, loaded.parts[0].entry.side)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() == pytest.approx(1, abs=1e-3) or values.max() == 0


def test_a_heatmap_is_grad_cam_of_the_pneumonia_logit(loaded, films):
    """Selvaraju's formula by hand: maps weighed by their mean gradient, ReLU, scaled to 0 ... 1."""
    x = to_input(torch.from_numpy(films[1][None]), loaded.parts[0].entry)
    maps = loaded.parts[0].net.get_submodule("features")(x).requires_grad_()
    pooled = maps.amax(dim=(2, 3))  # as SmallCNN does after its features
    pneumonia_logit(loaded.parts[0].net.get_submodule("classifier")(pooled))[0].backward()
    weighed = (maps * maps.grad.mean(dim=(2, 3), keepdim=True)).sum(dim=1, keepdim=True)
    cam = functional.interpolate(weighed.clamp(min=0), size=x.shape[-1], mode="bilinear").detach()[0, 0]
    cam = ((cam - cam.min()) / (cam.max() - cam.min()).clamp(min=1e-7)).numpy()
    assert np.corrcoef(heatmap(loaded, films[1]).ravel(), cam.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)
def test_every_network_has_heatmaps_that_differ_from_film_to_film(entry, films):
    if entry.name != "cnn":  # the others take any side; this one is quick
        entry = dataclasses.replace(entry, side=96)
    torch.manual_seed(2)
    net = build(entry).eval().requires_grad_(requires_grad=False)
    with torch.no_grad():
        last = [module for module in net.get_submodule(entry.head).modules() if hasattr(module, "weight")][-1]
        last.weight[0], last.weight[1] = -last.weight[0].abs(), last.weight[1].abs()
    loaded = LoadedModel(None, (Part(net, entry),), torch.device("cpu"))
    maps = [heatmap(loaded, film) for film in films[:2]]
    assert all(values.shape == (entry.side, entry.side) for values in maps)
    assert all(np.isfinite(values).all() for values in maps)
    assert all(values.max() > 0 for values in maps)
    assert np.abs(maps[0] - maps[1]).max() > 0.01


def test_a_map_of_nothing_is_a_valid_answer(loaded, films):
    with torch.no_grad():
        for parameter in loaded.parts[0].net.get_submodule("classifier").parameters():
            parameter.zero_()
    values = heatmap(loaded, films[0])
    assert not values.any()
    assert not np.asarray(Image.open(io.BytesIO(overlay_png(values))))[..., 3].any()


def test_no_hook_stays_and_scores_stay_the_same(loaded, films):
    before = score_pixels(loaded, np.stack(films)).score
    heatmap(loaded, films[0])
    assert not any(
        module._forward_hooks or module._backward_hooks for module in loaded.parts[0].net.modules()
    )
    assert not any(parameter.requires_grad for parameter in loaded.parts[0].net.parameters())
    np.testing.assert_array_equal(score_pixels(loaded, np.stack(films)).score, before)


def test_hooks_are_removed_when_grad_cam_fails(loaded, films, monkeypatch):
    def fail(_):
        raise RuntimeError("no memory")

    monkeypatch.setattr("xraylab.reading.heatmap.pneumonia_logit", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        heatmap(loaded, films[0])
    assert not any(module._forward_hooks for module in loaded.parts[0].net.modules())
    assert not loaded.busy.locked()


def test_a_row_of_a_read_only_store_has_a_heatmap(loaded, films, tmp_path):
    np.save(tmp_path / "films.npy", np.stack(films))
    stored = np.load(tmp_path / "films.npy", mmap_mode="r")
    np.testing.assert_array_equal(heatmap(loaded, stored[2]), heatmap(loaded, films[2]))


def test_two_threads_on_one_model_get_their_own_maps_and_scores(loaded, films):
    maps = [heatmap(loaded, film) for film in films]
    scores = [score_pixels(loaded, film[None]).score[0] for film in films]
    assert np.abs(maps[0] - maps[1]).max() > 0.05, "the test needs maps that differ"
    faults = []

    def work(place):
        try:
            for _ in range(4):
                np.testing.assert_allclose(heatmap(loaded, films[place]), maps[place], atol=1e-4)
                score = score_pixels(loaded, films[place][None]).score[0]
                np.testing.assert_allclose(score, scores[place], rtol=0, atol=1e-6)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(films))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_the_overlay_is_clear_at_nothing_and_lightest_and_opaque_at_the_most():
    picture = Image.open(io.BytesIO(overlay_png(np.array([[0, 0.5, 1]], np.float32))))
    assert (picture.mode, picture.size) == ("RGBA", (3, 1))
    rgba = np.asarray(picture)[0].astype(int)
    assert rgba[:, 3].tolist() == [0, 128, 255]
    assert rgba[0, :3].sum() < rgba[1, :3].sum() < rgba[2, :3].sum()
