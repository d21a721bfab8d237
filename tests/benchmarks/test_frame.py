import json

import pytest

from benchmarks import __main__ as command
from benchmarks.frame import Difference, Estimated, NotEquivalentError, Results, judged, measure, seconds
from benchmarks.material import Material
from benchmarks.rows import ROWS


class Sums:
    """A row that can be measured in no time."""

    compared = "a loop against a formula"

    def __init__(self, name="sums", target=1.0, apart=0.0, reason=None):
        self.name, self.target, self.apart, self.reason = name, target, apart, reason
        self.done = []

    def unavailable(self):
        return self.reason

    def prepare(self, material):
        self.n = material.films

    def check(self):
        return [Difference(what="sums", largest=self.apart, allowed=1e-3)]

    def baseline(self):
        self.done.append("baseline")
        return sum(range(self.n))

    def ours(self):
        self.done.append("ours")
        return self.n * (self.n - 1) // 2


@pytest.fixture
def material(tmp_path):
    return Material(films=10, folder=tmp_path)


@pytest.fixture
def once(monkeypatch):
    monkeypatch.setattr("benchmarks.frame._LEAST_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("ratios", "median", "reached"),
    [
        ([1.0, 9.0, 3.0], 3.0, True),  # neither the best round nor the worst decides
        ([2.9, 2.9, 100.0], 2.9, False),
        ([3.0], 3.0, True),  # reaching the target is enough
    ],
)
def test_a_row_is_judged_by_the_median_of_its_rounds(ratios, median, reached):
    result = judged(Sums(target=3.0), ratios, (), None)
    assert result.median_ratio == median
    assert result.reached is reached
    assert result.rounds == tuple(ratios)


@pytest.mark.parametrize("apart", [1e-2, float("nan")])
def test_nothing_is_timed_when_one_row_is_not_equivalent(material, apart):
    sound, faulty = Sums("sound"), Sums("faulty", apart=apart)
    with pytest.raises(NotEquivalentError, match="faulty: sums differ by"):
        list(measure([sound, faulty], material, rounds=1))
    assert sound.done == faulty.done == []


def test_rows_take_turns_and_so_do_their_two_ways(material, once):
    turns = []
    rows = [Sums("one"), Sums("two")]
    for row in rows:
        row.done = turns
    results = list(measure(rows, material, rounds=3))
    assert turns == ["baseline", "ours"] * 6
    assert [len(result.rounds) for result in results] == [3, 3]


def test_a_row_that_cannot_run_says_why_and_is_not_prepared(material, once):
    row = Sums(reason="this machine has no GPU")
    (result,) = measure([row], material, rounds=1)
    assert result.skipped == "this machine has no GPU"
    assert result.median_ratio is None
    assert result.reached is None
    assert row.done == []


def test_quick_work_is_repeated_and_its_mean_taken(monkeypatch):
    clock = iter([0.0, 0.05, 0.15, 0.3])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert seconds(lambda: None) == pytest.approx(0.1)


def test_a_way_that_was_run_in_part_counts_as_what_the_whole_would_take():
    assert seconds(lambda: Estimated(3600.0)) == 3600


def test_rows_run_anew_take_the_place_of_the_old_ones(tmp_path, material):
    file = tmp_path / "results.json"
    names = [row.name for row in ROWS]

    def result(name, ratio):
        return judged(Sums(name), [ratio], (), None)

    command.write(file, [result(names[2], 1.0), result(names[0], 1.0)])
    command.write(file, [result(names[1], 2.0), result(names[0], 3.0)])
    rows = Results.model_validate(json.loads(file.read_text("utf-8"))).rows
    assert [(row.name, row.median_ratio) for row in rows] == [
        (names[0], 3.0),
        (names[1], 2.0),
        (names[2], 1.0),
    ]


def test_the_rows_and_targets_are_those_that_were_promised():
    assert {row.name: row.target for row in ROWS} == {
        "decode_draft": 3,
        "decode_memmap": 300,
        "augment": 1,
        "frozen_mobilenet": 12,
        "frozen_densenet": 20,
        "tail": 5,
        "step_bf16": 1.8,
        "infer_b1": 2,
        "infer_b8": 2,
        "thresholds_624": 2,
        "thresholds_25k": 2,
        "thresholds_1m": 2,
        "intervals": 1_000,
        "near_duplicates": 4,
        "libraries": 1.5,
        "quick_whole": 20,
        "quick_again": 2,
        "busy": 0.28,
        "read_cam": 0.77,
        "read_batch": 0.8,
        "decode_apart": 1 / 1.15,
        "import_apart": 1 / 1.15,
        "gpu_epoch": 0.5,
    }


def test_the_command_refuses_a_row_that_does_not_exist(capsys):
    with pytest.raises(SystemExit):
        command.main(["--only", "nothing"])
    assert "decode_draft" in capsys.readouterr().err
