"""Resuming: an import goes on after a kill, and begins anew where it must."""

import numpy as np
import pytest

from tests.support.big_import import try_import
from tests.support.films import film, kermany, write_folder
from xraylab import system
from xraylab.data import importing, resuming
from xraylab.data.importing import import_dataset
from xraylab.errors import DatasetError
from xraylab.settings import load_settings
from xraylab.stored import read_lines


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


class Killed(BaseException):
    """Stands for a kill: what was kept stays, as after a real one."""


@pytest.fixture
def kill_at(monkeypatch):
    """Return a function that imports and dies after some films, with everything left as it lies."""

    def run(settings, source, films, name="films"):
        monkeypatch.setattr(resuming, "_remove", lambda *_: False)

        def stop(done, total):
            if done == films:
                raise Killed

        with pytest.raises(Killed):
            import_dataset(settings, source, name, on_progress=stop)
        monkeypatch.undo()

    return run


@pytest.fixture
def decoded(monkeypatch):
    """Films that were decoded, by their bytes."""
    seen = []
    standardise = importing.standardise

    def count(raw):
        seen.append(raw)
        return standardise(raw)

    monkeypatch.setattr(importing, "standardise", count)
    return seen


def whole(dataset):
    return dataset.info.model_dump(exclude={"created_at", "name", "sequence"}), dataset.catalog.to_dict()


def test_an_import_that_went_on_is_the_same_as_one_in_a_single_run(settings, tmp_path, kill_at, request):
    source = write_folder(tmp_path / "films", kermany(40, 40))
    kill_at(settings, source, 70)
    assert [place.name for place in (settings.home / "importing").iterdir()]
    decoded = request.getfixturevalue("decoded")
    dataset = import_dataset(settings, source, "films")
    assert len(decoded) == 10
    once = import_dataset(load_settings(home=tmp_path / "other"), source, "films")
    assert whole(dataset) == whole(once)
    np.testing.assert_array_equal(dataset.pixels, once.pixels)
    assert not (settings.home / "importing").exists()


def test_a_film_that_changed_meanwhile_is_read_again_with_all_that_follow_it_in_place(
    settings, tmp_path, kill_at
):
    files = kermany(40, 40)
    source = write_folder(tmp_path / "films", files)
    kill_at(settings, source, 70)
    changed = sorted(files)[3]
    (source / changed).write_bytes(film(4321))
    (source / sorted(files)[9]).unlink()
    dataset = import_dataset(settings, source, "films")
    once = import_dataset(load_settings(home=tmp_path / "other"), source, "films")
    assert whole(dataset) == whole(once)
    np.testing.assert_array_equal(dataset.pixels, once.pixels)


@pytest.mark.parametrize("harm", ["pixels", "rows", "half a row", "half a film"])
def test_what_a_power_cut_damaged_is_read_again(settings, tmp_path, kill_at, harm):
    source = write_folder(tmp_path / "films", kermany(40, 40))
    kill_at(settings, source, 70)
    (folder,) = (settings.home / "importing").iterdir()
    pixels, rows = folder / "pixels.npy", folder / "rows.jsonl"
    if harm == "pixels":
        pixels.write_bytes(pixels.read_bytes()[: -(10 * 65536)] + bytes(10 * 65536))
    elif harm == "rows":
        rows.write_bytes(b"\xff\x00{" + rows.read_bytes()[3:])
    elif harm == "half a row":
        rows.write_bytes(rows.read_bytes()[:-100])
    else:
        pixels.write_bytes(pixels.read_bytes()[:-1000])
    dataset = import_dataset(settings, source, "films")
    once = import_dataset(load_settings(home=tmp_path / "other"), source, "films")
    assert whole(dataset) == whole(once)
    np.testing.assert_array_equal(dataset.pixels, once.pixels)


def test_a_film_can_be_looked_up_while_those_from_it_on_are_forgotten(
    settings, tmp_path, kill_at, monkeypatch
):
    source = write_folder(tmp_path / "films", kermany(40, 40))
    kill_at(settings, source, 70)
    (folder,) = (settings.home / "importing").iterdir()
    rows = read_lines(folder / "rows.jsonl")
    with (folder / "pixels.npy").open("r+b") as pixels, (folder / "rows.jsonl").open("r+b") as lines:
        films = resuming.Films(folder, pixels, lines, list(rows))
        read_at = system.read_at

        def cut_and_read(*where):
            films.add({"path": "another", "sha256": "", "pixel_sha256": ""}, np.zeros((256, 256), np.uint8))
            return read_at(*where)

        monkeypatch.setattr(system, "read_at", cut_and_read)
        assert films.stored(rows[9]["path"], rows[9]["sha256"]) is None


def test_other_labels_begin_anew_and_clear_what_was_left(settings, tmp_path, kill_at):
    source = write_folder(tmp_path / "films", kermany(40, 40))
    kill_at(settings, source, 70)
    (left,) = (settings.home / "importing").iterdir()
    (source / "chest_xray/train/NORMAL").rename(source / "chest_xray/train/Healthy")
    import_dataset(settings, source, "films")
    assert not left.exists()


def test_what_is_left_of_an_import_is_swept_when_its_source_is_gone(settings, tmp_path, kill_at):
    source = write_folder(tmp_path / "films", kermany(40, 40))
    kill_at(settings, source, 70)
    assert resuming.sweep(settings).removed == ()
    source.rename(tmp_path / "elsewhere")
    (left,) = resuming.sweep(settings).removed
    assert not left.exists()


def test_a_source_that_goes_away_is_a_sentence_and_the_import_goes_on_later(settings, tmp_path, request):
    source = write_folder(tmp_path / "films", kermany(80, 80))
    away = tmp_path / "unplugged"

    def unplug(done, total):
        if done == 70:
            source.rename(away)

    with pytest.raises(DatasetError, match="went away while its films were read, so nothing was imported"):
        import_dataset(settings, source, "films", on_progress=unplug)
    assert list(settings.datasets.iterdir()) == []
    away.rename(source)
    decoded = request.getfixturevalue("decoded")
    assert import_dataset(settings, source, "films").info.n == 160
    assert len(decoded) <= 96


@pytest.mark.slow
def test_a_large_import_stays_small_in_memory_and_goes_on_after_a_kill(tmp_path):
    found = try_import(tmp_path, 5000)
    assert found.failures == []
    assert found.counts["killed at"] >= 2500
    assert found.counts["MB of memory"] > 0
