"""Leftovers of dead processes are swept at each start, and the doctor reports them."""

import pytest

from tests.records.test_log import CASE, PICTURE
from xraylab import records
from xraylab.__main__ import main
from xraylab.actions.leftovers import look_at_leftovers, sweep_at_start
from xraylab.app import starting
from xraylab.files import new_folder, read_lines, write_text
from xraylab.records import pictures
from xraylab.runs import worker
from xraylab.settings import load_settings

NAME = f"{'0' * 32}.partial"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    return load_settings()


@pytest.fixture
def left(settings):
    """Return a leftover in each place of the home."""
    left = [
        settings.datasets / f".films.{NAME}",
        settings.models / "first" / f".lock.json.{NAME}",
        settings.runs / "20260101-000000-dead" / "checkpoint" / f".stage.pt.{NAME}",
        settings.home / f".upload.{NAME}",
        settings.home / "openings" / f".ab.{NAME}",
        settings.home / "phantoms" / f".phantoms.{NAME}",
        settings.weights / f".resnet18.pth.{NAME}",
        settings.cache / f".key.safetensors.{NAME}",
        settings.home / f".reads.json.{NAME}",
    ]
    for number, place in enumerate(left):
        write_text(place / "pixels" if number % 2 else place, "half")
    return left


@pytest.mark.parametrize("start", ["command", "page", "worker"])
def test_each_start_sweeps_what_dead_processes_left_in_any_place(settings, left, start, capsys):
    sweep_at_start.cache_clear()
    with new_folder(settings.models / "second"):  # of a live process
        if start == "command":
            assert main(["datasets"]) == 0
        elif start == "page":
            starting.sweep_once()
        else:
            worker.drain(settings, "cpu")
        assert len(list(settings.models.glob(".second.*"))) == 1
    assert [place for place in left if place.exists()] == []


def test_the_doctor_reports_what_was_swept_now_and_before(settings, left):
    records.keep(settings, CASE, actor="app")
    pictures.write(settings, 2, PICTURE)
    sweep_at_start.cache_clear()
    assert look_at_leftovers(settings) == (True, "10 swept at this start, 0 at earlier ones")
    assert look_at_leftovers(settings) == (True, "10 swept at this start, 0 at earlier ones")
    sweep_at_start.cache_clear()
    assert look_at_leftovers(settings) == (True, "0 swept at this start, 10 at earlier ones")
    [line] = read_lines(settings.logs / "leftovers.jsonl")
    assert f"datasets/.films.{NAME}" in line["removed"]
    assert "cases/2" in line["removed"]


def test_a_start_in_a_new_home_writes_nothing(settings):
    sweep_at_start(settings)
    assert not settings.home.exists()


def test_a_damaged_database_keeps_no_command_from_starting(settings, left, capsys):
    settings.database.write_bytes(b"no database" * 1000)
    sweep_at_start.cache_clear()
    assert main(["datasets"]) == 0
    assert [place for place in left if place.exists()] == []
