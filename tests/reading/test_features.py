"""Whether a film is like the training films: from the pass that scores it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from scripts.starter import learn_novelty
from tests.support.brief import BOTH, DATASET, MEMBERS, MODEL
from xraylab import actions
from xraylab.actions.operating_points import evaluate_validation
from xraylab.data.datasets import load_dataset
from xraylab.evaluation.novelty import FEWEST
from xraylab.findings import PNEUMONIA
from xraylab.imaging import Film
from xraylab.models import NOVELTY_FILE, decides_alike, load_model, novelty_bytes
from xraylab.networks import backends
from xraylab.networks.inference import all_outputs
from xraylab.networks.passes import BATCH
from xraylab.networks.registry import build, network, networks
from xraylab.reading.features import FeatureReader, coarse, learn
from xraylab.reading.gate import UNCHECKED
from xraylab.reading.loaded import load
from xraylab.reading.read import read_film
from xraylab.reading.scoring import score_pixels

pytest_plugins = ["tests.support.averaged"]
CPU = torch.device("cpu")


def clouds(n, seed):
    """Films that are alike: a light middle, and clouds."""
    rng = np.random.default_rng(seed)
    rows = np.exp(-(((np.arange(256) - 128) / 60) ** 2)) * 120 + 60
    films = np.empty((n, 256, 256), np.uint8)
    for film in films:
        grid = rng.normal(0, 15, (8, 8)).astype(np.float32)
        film[:] = np.clip(rows + np.asarray(Image.fromarray(grid).resize((256, 256))), 0, 255)
    return films


def stripes(n, seed):
    rng = np.random.default_rng(seed)
    return np.stack([np.tile(rng.integers(0, 256, 256, dtype=np.uint8), (256, 1)).T for _ in range(n)])


@pytest.fixture(scope="module")
def films():
    return clouds(2 * FEWEST + 40, 1)


def learnt(part, films):
    rows = np.arange(FEWEST), np.arange(FEWEST, 2 * FEWEST)
    return learn(part.net, part.entry, films, *rows, device=CPU)


@pytest.fixture
def loaded(averaged, films):
    """An ensemble whose members know the films."""
    one = load(load_model(averaged, BOTH))
    return replace(one, parts=tuple(replace(part, novelty=learnt(part, films)) for part in one.parts))


def test_films_of_another_sort_are_beyond_the_limit_and_others_like_them_are_not(loaded, films):
    assert (score_pixels(loaded, films[2 * FEWEST :]).novelty > 1).mean() < 0.1
    assert (score_pixels(loaded, stripes(5, 2)).novelty > 1).all()
    assert (score_pixels(loaded, 255 - films[:5]).novelty > 1).all()


def test_it_depends_on_the_film_alone_and_not_on_its_batch(loaded, films):
    some = np.concatenate([films[: BATCH + 1], stripes(3, 3)])
    together = score_pixels(loaded, some).novelty
    rows = np.array([BATCH, 0, BATCH + 2])
    np.testing.assert_allclose(score_pixels(loaded, some, rows).novelty, together[rows], rtol=1e-4)
    alone = [score_pixels(loaded, film[None]).novelty[0] for film in some[rows]]
    np.testing.assert_allclose(alone, together[rows], rtol=1e-4)


def test_an_ensembles_is_the_mean_of_its_members(loaded, films):
    each = [score_pixels(replace(loaded, parts=(part, part)), films[:4]).novelty for part in loaded.parts]
    np.testing.assert_allclose(score_pixels(loaded, films[:4]).novelty, np.mean(each, axis=0), rtol=1e-6)
    first, second = loaded.parts
    half = replace(loaded, parts=(first, replace(second, novelty=None)))
    np.testing.assert_allclose(score_pixels(half, films[:4]).novelty, each[0], rtol=1e-6)


def test_the_score_is_the_same_to_the_last_bit_with_one_pass_and_no_hook_stays(loaded, films):
    plain = replace(loaded, parts=tuple(replace(part, novelty=None) for part in loaded.parts))
    passed = []  # films in each pass
    count = loaded.parts[0].net.register_forward_hook(lambda _net, given, _made: passed.append(len(given[0])))
    with_features = score_pixels(loaded, films[:40])
    assert sum(passed) == 40
    count.remove()
    without = score_pixels(plain, films[:40])
    np.testing.assert_array_equal(with_features.logit, without.logit)
    assert np.isnan(without.novelty).all()
    assert not any(module._forward_hooks for part in loaded.parts for module in part.net.modules())


def test_a_network_whose_features_are_no_numbers_knows_no_film(loaded, films):
    [broken, sound] = loaded.parts
    hook = broken.net.get_submodule(broken.entry.middle).register_forward_hook(
        lambda _module, _given, made: made * torch.nan
    )
    try:
        assert (score_pixels(loaded, films[:3]).novelty == np.inf).all()
    finally:
        hook.remove()
    rows = np.arange(FEWEST), np.arange(FEWEST, 2 * FEWEST)
    net = build(sound.entry)
    with torch.no_grad():
        net.get_submodule(sound.entry.stages[0][0]).weight.fill_(torch.nan)
    assert learn(net, sound.entry, films, *rows, device=CPU) is None


def test_too_few_films_teach_nothing_and_cost_no_pass(films):
    entry = network("small_cnn")
    few, enough = np.arange(FEWEST - 1), np.arange(FEWEST)
    for rows in ((few, enough), (enough, few)):
        assert learn(None, entry, films, *rows, device=CPU) is None


@pytest.mark.parametrize("entry", networks(), ids=lambda entry: entry.name)
def test_every_network_shows_one_row_of_features_a_film(entry, films):
    if entry.gflop > 9:
        pytest.skip("slow, and built like smaller ones")
    torch.manual_seed(0)
    reader = FeatureReader(films, np.array([3, 1]))
    net = build(entry)
    all_outputs(net, entry, films, np.array([3, 1]), device=CPU, on_features=reader)
    assert reader.made.shape[0] == 2
    assert 256 + 64 <= reader.made.shape[1] < 256 + 2048
    np.testing.assert_array_equal(reader.made[:, -256:], coarse(films[[3, 1]]))


def test_the_coarse_look_knows_neither_brightness_nor_contrast(films):
    faint = (films[:3] // 2 + 40).astype(np.uint8)
    np.testing.assert_allclose(coarse(faint), coarse(films[:3]), atol=0.15)
    assert np.abs(coarse(np.full((1, 256, 256), 90, np.uint8))).max() == 0


def test_a_backend_that_shows_no_features_tells_nothing(loaded, films):
    other = replace(
        loaded.parts[0], run=backends.forward(loaded.parts[0].net, network("small_cnn"), "bf16", CPU)
    )
    told = score_pixels(replace(loaded, parts=(other, other)), films[:2])
    assert np.isnan(told.novelty).all()
    assert np.isfinite(told.score).all()


@pytest.fixture
def knowing(trained, films):
    """A model that keeps what its training films are like."""
    model = load_model(trained, MODEL)
    part = load(model).parts[0]
    raw = novelty_bytes(learnt(part, films), model_sha256=model.card.model_sha256, layer=part.entry.middle)
    (model.folder / NOVELTY_FILE).write_bytes(raw)
    model.write_lock(0.0, "value:0", actor="app")
    return load_model(trained, MODEL)


def test_a_strange_film_is_scored_and_not_decided_until_a_person_says_so(knowing, phantom_folder):
    film = sorted(phantom_folder.rglob("*.png"))[0].read_bytes()
    assert knowing.tells_novelty
    reading = read_film(load(knowing), Film("film.png", film))  # to a model that knows clouds alone
    assert reading.warnings == ("The film is unlike those that the model was trained on.",)
    assert (reading.decision, reading.notes) == (None, (decides_alike(knowing),))
    assert reading.score is not None
    decided = reading.decided_anyway()
    assert (decided.decision, decided.overridden, decided.warnings) == ("positive", True, reading.warnings)


@pytest.mark.parametrize("damage", [None, b"", b"damaged"])
def test_without_its_file_a_model_reads_on_and_says_that_it_cannot_tell(
    trained, knowing, phantom_folder, damage
):
    film = sorted(phantom_folder.rglob("*.png"))[0].read_bytes()
    score = read_film(load(knowing), Film("film.png", film)).score
    (knowing.folder / NOVELTY_FILE).unlink()
    if damage is not None:
        (knowing.folder / NOVELTY_FILE).write_bytes(damage)
    model = load_model(trained, MODEL)
    reading = read_film(load(model), Film("film.png", film))
    assert (reading.warnings, reading.decision) == ((), "positive")
    assert reading.notes == (decides_alike(model), UNCHECKED)
    assert reading.score == score
    assert "isn’t checked" in actions.model_card(trained, MODEL)


def test_evaluate_counts_the_films_that_the_same_gate_warns_of(trained, knowing, other_phantoms):
    told = actions.evaluate(trained, MODEL, str(other_phantoms), actor="test")
    folders = [
        str(folder) for folder in sorted(other_phantoms.rglob("*")) if folder.name in PNEUMONIA.classes
    ]
    rows = actions.predict(trained, MODEL, folders)
    assert told.warned == sum(bool(row.warnings) for row in rows) == told.n
    assert "at most 0.5 % of them exceed it" in actions.model_card(trained, MODEL)


def test_evaluate_counts_them_among_the_films_that_a_model_held_out(trained, knowing, phantom_folder):
    held_out = knowing.films("validation").frame["image_id"]
    rows = actions.predict(trained, MODEL, [str(phantom_folder / name) for name in held_out])
    told = actions.evaluate(trained, MODEL, DATASET, split="validation", actor="test")
    assert told.warned == sum(bool(row.warnings) for row in rows) == told.n > 0
    assert evaluate_validation(trained, MODEL).warned is None  # that looks at stored scores alone


def test_a_model_of_few_films_gets_no_file(averaged):
    model = load_model(averaged, MEMBERS[0])
    learn_novelty(model, load_dataset(averaged, DATASET))
    assert not (model.folder / NOVELTY_FILE).exists()
    assert not load_model(averaged, BOTH).tells_novelty
