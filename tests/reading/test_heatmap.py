import dataclasses
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from PIL import Image
from torch.nn import functional

from tests.support.brief import DATASET, MODEL
from xraylab.data.datasets import load_dataset
from xraylab.data.phantoms import generate
from xraylab.errors import HeatmapError
from xraylab.models import load_model
from xraylab.models.heatmap_scale import MapScale, read_scale
from xraylab.networks.inputs import finding_logit, to_input
from xraylab.networks.registry import build, networks
from xraylab.reading.faithfulness import faithfulness
from xraylab.reading.heatmap import METHODS, QUICK, heatmap, heatmaps, overlay_png, raw_maps
from xraylab.reading.loaded import LoadedModel, Part, load
from xraylab.reading.measure_scale import measure_scale, positives
from xraylab.reading.scoring import score_pixels
from xraylab.reading.turns import OneAtATime

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def loaded(trained):
    """A barely trained model whose every feature speaks for pneumonia, so that its maps are not empty."""
    loaded = load(load_model(trained, MODEL))
    part = dataclasses.replace(loaded.parts[0], scale=None)  # that of the weights as they were
    loaded = dataclasses.replace(loaded, parts=(part,))
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
    assert values.max() > 0.5


def test_a_heatmap_is_grad_cam_of_the_finding_logit(loaded, films):
    """Selvaraju's formula by hand: maps weighed by their mean gradient, ReLU, scaled to 0 ... 1."""
    x = to_input(torch.from_numpy(films[1][None]), loaded.parts[0].entry)
    maps = loaded.parts[0].net.get_submodule("features")(x).requires_grad_()
    pooled = maps.amax(dim=(2, 3))  # as SmallCNN does after its features
    finding_logit(loaded.parts[0].net.get_submodule("classifier")(pooled))[0].backward()
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

    monkeypatch.setattr("xraylab.reading.heatmap.finding_logit", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        heatmap(loaded, films[0])
    assert not any(module._forward_hooks for module in loaded.parts[0].net.modules())
    with ThreadPoolExecutor(1) as another:
        assert another.submit(loaded.in_turn, lambda: "served").result(10) == "served"


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


class Watched(OneAtATime):
    """Turns that count their pieces, and know whether one runs now."""

    def __init__(self):
        super().__init__()
        self.pieces = self.depth = 0

    def __call__(self, piece):
        self.depth += 1
        self.pieces += self.depth == 1
        try:
            return super().__call__(piece)
        finally:
            self.depth -= 1


def test_no_film_goes_through_a_network_out_of_turn(loaded, films):
    watched = Watched()
    in_turns, outside = dataclasses.replace(loaded, in_turn=watched), []
    handle = loaded.parts[0].net.register_forward_pre_hook(lambda *_: outside.append(watched.depth == 0))
    score_pixels(in_turns, np.stack(films))
    assert watched.pieces == 1
    drawn = heatmaps(in_turns, films[0], QUICK)[0]
    assert watched.pieces == 2  # one for all quick methods, so that a film is read in two turns
    heatmaps(in_turns, films[0], ("score-cam",))
    assert watched.pieces > 4  # it takes minutes, and other readers go between
    before = watched.pieces
    faithfulness(in_turns, films[0], drawn, maps=2)
    assert watched.pieces == before + 3
    before = watched.pieces
    score_pixels(in_turns, np.stack(films * 5))
    assert watched.pieces == before + 3  # 20 films: another reader waits for 8 of them
    handle.remove()
    assert outside
    assert not any(outside)


def test_the_overlay_is_clear_at_nothing_and_lightest_and_opaque_at_the_most():
    picture = Image.open(io.BytesIO(overlay_png(np.array([[0, 0.5, 1]], np.float32))))
    assert (picture.mode, picture.size) == ("RGBA", (3, 1))
    rgba = np.asarray(picture)[0].astype(int)
    assert rgba[:, 3].tolist() == [0, 128, 255]
    assert rgba[0, :3].sum() < rgba[1, :3].sum() < rgba[2, :3].sum()


def with_scale(loaded, **changed):
    sha256 = loaded.model.card.model_sha256
    values = {"films": 1, "quantile": 0.99, "strongest": {"grad-cam": 1.0}} | changed
    scale = MapScale(model_sha256=sha256, **values)
    return dataclasses.replace(loaded, parts=(dataclasses.replace(loaded.parts[0], scale=scale),))


def test_full_colour_is_fixed_so_that_a_weak_map_cannot_glow(loaded, films):
    part = loaded.parts[0]
    film = torch.from_numpy(films[1][None])
    (raw,) = raw_maps(part.net, part.entry, film, ("grad-cam",))
    assert raw.max() > 0
    strong = heatmaps(with_scale(loaded, strongest={"grad-cam": float(raw.max()) / 2}), films[1])[0]
    weak = heatmaps(with_scale(loaded, strongest={"grad-cam": float(raw.max()) * 10}), films[1])[0]
    assert strong.fixed
    assert weak.fixed
    assert strong.values.max() == 1
    assert strong.strength.max() == pytest.approx(2, rel=0.05)
    assert weak.values.max() == pytest.approx(0.1, rel=0.05)
    own = heatmaps(loaded, films[1])[0]
    assert not own.fixed
    assert own.values.max() == pytest.approx(1, rel=0.05)
    assert own.grids == (raw.shape,)


@pytest.mark.parametrize("name", METHODS)
def test_each_method_is_pytorch_grad_cams_but_for_the_scale(loaded, films, name, monkeypatch):
    part = loaded.parts[0]
    (raw,) = raw_maps(part.net, part.entry, torch.from_numpy(films[1][None]), (name,))
    monkeypatch.setattr("tqdm.tqdm", lambda values: values)
    theirs = {"score-cam": pytorch_grad_cam.ScoreCAM}.get(name, METHODS[name].cam)
    layer = part.net.get_submodule(part.entry.cam_layer)
    x = to_input(torch.from_numpy(films[1][None]), part.entry).requires_grad_()
    with theirs(part.net, [layer]) as cam:
        image = cam(x, [lambda output: finding_logit(output[None])[0]])[0]
    ours = functional.interpolate(
        torch.from_numpy(np.maximum(raw, 0))[None, None], size=x.shape[-1], mode="bilinear"
    )[0, 0].numpy()
    np.testing.assert_allclose((ours - ours.min()) / np.ptp(ours), image, atol=1e-3)


def test_several_methods_at_once_are_those_of_each_alone(loaded, films):
    together = heatmaps(loaded, films[2], QUICK)
    assert [one.method for one in together] == list(QUICK)
    for one in together:
        np.testing.assert_allclose(one.values, heatmap(loaded, films[2], one.method), atol=1e-6)


@pytest.mark.parametrize("where", ["features.0", "classifier.1"])
def test_a_value_that_is_no_number_is_a_fault_and_not_a_blank_map(loaded, films, where):
    with torch.no_grad():
        loaded.parts[0].net.get_submodule(where).weight.fill_(float("nan"))
    with pytest.raises(HeatmapError, match="that are not numbers"):
        heatmap(loaded, films[0])
    assert not any(module._forward_hooks for module in loaded.parts[0].net.modules())


def test_a_training_leaves_the_scale_of_its_validation_positives(trained):
    model = load_model(trained, MODEL)
    scale = read_scale(model)
    dataset = load_dataset(trained, DATASET)
    ill = positives(dataset.targets("finding"), dataset.rows("validation"))
    part = load(model).parts[0]
    assert part.scale == scale
    cells = [
        np.maximum(raw_maps(part.net, part.entry, torch.tensor(film)[None], ("grad-cam",))[0], 0)
        for film in dataset.pixels[ill]
    ]
    assert scale.films == len(ill) > 0
    assert scale.strongest["grad-cam"] == pytest.approx(np.quantile(cells, 0.99), rel=1e-4)
    assert scale.randomised is None or abs(scale.randomised) < 1


def test_a_scale_of_other_weights_and_a_damaged_one_are_none(trained):
    model = load_model(trained, MODEL)
    file = model.folder / "scale.json"
    text = file.read_text()
    file.write_text(text.replace(model.card.model_sha256, "0" * 64))
    assert read_scale(model) is None
    file.write_text(text[:-20])
    assert read_scale(model) is None
    file.unlink()
    assert read_scale(model) is None


def test_positives_are_spread_evenly_and_never_more_than_asked():
    labels = np.array([0, 1] * 50)
    rows = np.arange(20, 100)
    found = positives(labels, rows, most=5)
    assert len(found) == 5
    assert (labels[found] == 1).all()
    assert found[0] == 21
    assert found[-1] == 99
    assert len(positives(np.zeros(4, int), np.arange(4))) == 0


def test_maps_that_do_not_hang_on_the_weights_are_found_out(loaded, films, monkeypatch):
    """The likeness to maps of random networks is 1 where maps follow the film alone."""
    part = loaded.parts[0]
    grid = np.arange(16, dtype=np.float32).reshape(4, 4)
    monkeypatch.setattr("xraylab.reading.measure_scale.raw_maps", lambda *_: [grid] * 4)
    scale = measure_scale(part.net, part.entry, np.stack(films), classes=2, model_sha256="")
    assert scale.randomised == pytest.approx(1)
