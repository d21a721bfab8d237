"""The tests in several processes: how many start, and what they share."""

import pytest

from tests.support.workers import made_once, number_of_workers


@pytest.mark.parametrize(
    "arguments", [["tests/test_files.py"], ["tests/test_files.py::a", "tests/test_files.py::b"]]
)
def test_one_file_is_run_in_one_process(arguments):
    assert number_of_workers(arguments) == 0


@pytest.mark.parametrize(
    "arguments", [["tests"], ["tests/runs"], ["tests/test_files.py", "tests/test_formats.py"]]
)
def test_more_is_run_by_a_worker_per_core_up_to_a_limit(arguments, monkeypatch):
    monkeypatch.setattr("tests.support.workers.CORES", 2)
    assert number_of_workers(arguments) == 2
    monkeypatch.setattr("tests.support.workers.CORES", 64)
    assert number_of_workers(arguments) == 8
    monkeypatch.setattr("tests.support.workers.CORES", 1)
    assert number_of_workers(arguments) == 0


def test_a_shared_folder_is_made_once_and_again_only_if_it_failed(tmp_path_factory):
    made = []

    def make(folder):
        folder.mkdir()
        made.append(folder)
        if len(made) == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        made_once(tmp_path_factory, "of test_workers", make)
    folders = {made_once(tmp_path_factory, "of test_workers", make) for _ in range(2)}
    assert len(made) == 2
    assert folders == {made[1]}
    assert made[1].is_dir()
