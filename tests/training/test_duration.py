import math
from types import SimpleNamespace

import pytest

from xraylab.errors import StorageError
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
ENTRY = SimpleNamespace(name="net", gflop=0.5, stages=(("a",), ("b",), ("c",), ("d",)))
MEASURED = Speeds(
    speeds=(
        Speed(device="cpu", arch="net", kind="forward", gflop_per_second=10),
        Speed(device="cpu", arch="net", kind="train", gflop_per_second=5),
    )
)
START, HEAD = module._START, module._HEAD_STEP


def _recipe(*stages):
    return Recipe(name="r", stages=stages)


@pytest.mark.parametrize(
    ("stage", "forward", "train", "steps"),
    [
        # films through the whole network: the stage's own, then 500 held-out ones for the card
        (Stage(trains="head", epochs=10, learning_rate=1e-3), 1200 + 500, 0, 10_000),
        (Stage(trains="head", epochs=10, learning_rate=1e-3, views=3), 3200 + 500, 0, 10_000),
        (Stage(trains="all", epochs=4, learning_rate=1e-3), 4 * 200 + 500, 4 * 1000, 0),
        # the last of four stages is a quarter of the network
        (
            Stage(trains="tail:1", epochs=4, learning_rate=1e-3),
            0.75 * 1200 + 4 * 0.25 * 200 + 500,
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


def test_stages_add_up_and_the_held_out_films_are_scored_once():
    head = Stage(trains="head", epochs=10, learning_rate=1e-3)
    all_ = Stage(trains="all", epochs=4, learning_rate=1e-3)
    both = expected_duration(_recipe(head, all_), ENTRY, FILMS, MEASURED).seconds
    alone = sum(expected_duration(_recipe(stage), ENTRY, FILMS, MEASURED).seconds for stage in (head, all_))

    assert both == pytest.approx(alone - START - 500 * 0.5 / 10)


def test_a_network_that_never_ran_here_borrows_another_s_speed_and_says_so():
    other = SimpleNamespace(name="other", gflop=1.0, stages=ENTRY.stages)
    recipe = _recipe(Stage(trains="all", epochs=1, learning_rate=1e-3))
    own, borrowed = (expected_duration(recipe, entry, FILMS, MEASURED) for entry in (ENTRY, other))

    assert borrowed.seconds - START == pytest.approx(2 * (own.seconds - START))
    assert not borrowed.measured


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
    assert module._first_guess("cpu") > 0


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
