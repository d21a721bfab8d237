import math
from types import SimpleNamespace

import pytest

from xraylab.errors import StorageError
from xraylab.imaging.perturbations import SUITE
from xraylab.networks.registry import network
from xraylab.settings import load_settings
from xraylab.training import duration as module
from xraylab.training.duration import (
    Duration,
    Speed,
    Speeds,
    expected_device,
    expected_duration,
    read_speeds,
    record_speed,
)
from xraylab.training.recipe import Recipe, Stage

FILMS = {"train": 1000, "validation": 200, "test": 300}
ENTRY = SimpleNamespace(name="net", gflop=0.5, pace=(1.0, 1.5), stages=(("a",), ("b",), ("c",), ("d",)))
MEASURED = Speeds(
    speeds=(
        Speed(device="cpu", arch="net", kind="forward", gflop_per_second=10),
        Speed(device="cpu", arch="net", kind="train", gflop_per_second=5),
    )
)
START, HEAD = module._START, module._HEAD_STEP
MAPS = 100 + 3 * 12  # passes for the heatmaps' scale
LEARNT = 2 / 3 * (1000 + 200)  # up to the middle layer, for what the training films are like
AFTER = 500 + LEARNT + MAPS  # scored, learnt, mapped


def _recipe(*stages):
    return Recipe(name="r", stages=stages)


@pytest.mark.parametrize(
    ("stage", "forward", "train", "steps"),
    [
        # films through the whole network: for a head alone each once, else the stage's own and those after it
        (Stage(trains="head", epochs=10, learning_rate=1e-3), 1500 + MAPS, 0, 10_000),
        (Stage(trains="head", epochs=10, learning_rate=1e-3, views=3), 3200 + AFTER, 0, 10_000),
        (Stage(trains="all", epochs=4, learning_rate=1e-3), 4 * 200 + AFTER, 4 * 1000, 0),
        # the last of four stages is a quarter of the network
        (
            Stage(trains="tail:1", epochs=4, learning_rate=1e-3),
            0.75 * 1200 + 4 * 0.25 * 200 + AFTER,
            4 * 0.25 * 1000,
            4000,
        ),
    ],
)
def test_the_time_of_each_kind_of_stage(stage, forward, train, steps):
    expected = START + forward * 0.5 / 10 + train * 1.5 / 5 + steps * HEAD
    found = expected_duration(_recipe(stage), ENTRY, FILMS, MEASURED)

    assert found.seconds == pytest.approx(expected)
    assert found.measured


def test_stages_add_up_and_what_comes_after_them_is_done_once():
    tail = Stage(trains="tail:1", epochs=10, learning_rate=1e-3)
    all_ = Stage(trains="all", epochs=4, learning_rate=1e-3)
    both = expected_duration(_recipe(tail, all_), ENTRY, FILMS, MEASURED).seconds
    alone = sum(expected_duration(_recipe(stage), ENTRY, FILMS, MEASURED).seconds for stage in (tail, all_))

    assert both == pytest.approx(alone - START - AFTER * 0.5 / 10)


def test_on_a_gpu_the_held_out_films_pass_once_more_on_the_processor():
    head = _recipe(Stage(trains="head", epochs=10, learning_rate=1e-3))
    gpu = Speeds(speeds=tuple(speed.model_copy(update={"device": "cuda"}) for speed in MEASURED.speeds))
    found = expected_duration(head, ENTRY, FILMS, gpu, device="cuda")

    assert found.seconds == pytest.approx(START + (1200 + AFTER) * 0.5 / 10 + 10_000 * HEAD)


def test_the_suite_scores_the_held_out_films_under_each_change():
    plain = _recipe(Stage(trains="all", epochs=1, learning_rate=1e-3))
    more, less = (
        expected_duration(recipe, ENTRY, FILMS, MEASURED).seconds
        for recipe in (plain.model_copy(update={"suite": True}), plain)
    )

    assert more - less == pytest.approx(len(SUITE) * 500 * 0.5 / 10)


def test_a_network_that_never_ran_here_borrows_another_s_speed_and_says_so():
    other = SimpleNamespace(name="other", gflop=1.0, pace=ENTRY.pace, stages=ENTRY.stages)
    recipe = _recipe(Stage(trains="all", epochs=1, learning_rate=1e-3))
    own, borrowed = (expected_duration(recipe, entry, FILMS, MEASURED) for entry in (ENTRY, other))

    assert borrowed.seconds - START == pytest.approx(2 * (own.seconds - START))
    assert not borrowed.measured


def test_a_borrowed_speed_is_carried_over_by_the_paces(monkeypatch):
    monkeypatch.setattr(module, "_has_bf16", lambda: True)
    fast, slow = network("resnet18"), network("mobilenet_v2")
    measured = Speeds(
        speeds=tuple(
            Speed(device="cpu", arch=fast.name, kind=kind, gflop_per_second=100.0) for kind in module.KINDS
        )
    )
    for kind, number in (("forward", 0), ("train", 1)):
        borrowed = measured.nearest("cpu", slow, kind)
        assert borrowed == pytest.approx(100 * slow.pace[number] / fast.pace[number])
    monkeypatch.setattr(module, "_has_bf16", lambda: False)
    assert measured.nearest("cpu", slow, "train") == pytest.approx(100 * slow.pace[0] / fast.pace[0])


def test_a_speed_that_is_not_needed_is_not_missed():
    forward = Speeds(speeds=MEASURED.speeds[:1])
    head = _recipe(Stage(trains="head", epochs=1, learning_rate=1e-3))
    everything = _recipe(Stage(trains="all", epochs=1, learning_rate=1e-3))

    assert expected_duration(head, ENTRY, FILMS, forward).measured
    assert not expected_duration(everything, ENTRY, FILMS, forward).measured


def test_who_has_trained_a_whole_network_knows_how_fast_it_scores():
    train = Speeds(speeds=(Speed(device="cpu", arch=ENTRY.name, kind="train", gflop_per_second=50),))
    everything = _recipe(Stage(trains="all", epochs=2, learning_rate=1e-3))

    assert expected_duration(everything, ENTRY, FILMS, train).measured


def test_before_any_training_a_matrix_product_gives_a_first_guess():
    found = expected_duration(
        _recipe(Stage(trains="all", epochs=1, learning_rate=1e-3)), ENTRY, FILMS, Speeds()
    )

    assert not found.measured
    assert START < found.seconds < 86_400
    assert module._first_guess("cpu", ENTRY, "forward") > 0


def test_a_guess_is_a_range_of_one_to_three():
    low, high = Duration(600.0, measured=False).range
    assert high / low == pytest.approx(3)
    assert math.sqrt(low * high) == pytest.approx(600)
    assert Duration(600.0, measured=True).range == (600.0, 600.0)


def test_runs_one_after_another_are_as_sure_as_the_least_sure():
    total = Duration(10.0, measured=True) + Duration(5.0, measured=False)
    assert total == Duration(15.0, measured=False)


def test_a_speed_is_kept_the_newest_in_place_of_the_last(tmp_path):
    settings = load_settings(home=tmp_path)
    record_speed(settings, "cuda:0", "net", "train", 100.0)
    record_speed(settings, "cpu", "net", "train", 5.0)
    record_speed(settings, "cuda:1", "net", "train", 200.0)
    speeds = read_speeds(settings)

    assert speeds.of("cuda", "net", "train") == 200.0
    assert speeds.of("cpu", "net", "train") == 5.0
    assert speeds.of("cpu", "net", "forward") is None
    assert len(speeds.speeds) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["speeds.json"]


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf])
def test_a_speed_that_is_none_is_passed_over(tmp_path, speed):
    settings = load_settings(home=tmp_path)
    record_speed(settings, "cpu", "net", "train", speed)

    assert read_speeds(settings).speeds == ()


@pytest.mark.parametrize("damaged", ["", "{", '{"speeds": 1}', '{"schema": "xraylab.speeds/2"}'])
def test_a_damaged_file_of_speeds_is_none_known_and_is_written_anew(tmp_path, damaged):
    settings = load_settings(home=tmp_path)
    (tmp_path / "speeds.json").write_text(damaged)
    assert read_speeds(settings) == Speeds()

    record_speed(settings, "cpu", "net", "train", 5.0)
    assert read_speeds(settings).of("cpu", "net", "train") == 5.0


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        record_speed(load_settings(home=tmp_path / "file"), "cpu", "net", "train", 5.0)


def test_the_device_is_the_one_set_else_the_one_last_measured(tmp_path, monkeypatch):
    settings = load_settings(home=tmp_path)
    monkeypatch.setattr(module, "_NVIDIA", tmp_path / "none")
    cuda = Speeds(speeds=(Speed(device="cuda", arch="net", kind="train", gflop_per_second=9),))

    assert expected_device(settings, Speeds()) == "cpu"
    assert expected_device(settings, cuda) == "cuda"
    assert expected_device(settings.model_copy(update={"device": "mps"}), cuda) == "mps"
