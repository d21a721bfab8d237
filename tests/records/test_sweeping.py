"""A kill while a film is kept or deleted: no picture without its case, no case without its picture."""

import errno
import shutil
from pathlib import Path

import pytest

from tests.records.test_log import CASE, PICTURE
from xraylab import records
from xraylab.errors import StorageError
from xraylab.leftovers import Swept
from xraylab.records import log, pictures
from xraylab.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


def folders(settings):
    return sorted(path.name for path in settings.cases.iterdir())


def assert_settled(settings):
    """Each case that claims a picture has it, and no other picture or leftover is there."""
    claimed = sorted(str(case.number) for case in records.all_cases(settings) if case.pixels_kept)
    assert folders(settings) == claimed
    for number in claimed:
        assert sorted(file.name for file in (settings.cases / number).iterdir()) == ["film.json", "film.png"]


def test_a_picture_whose_case_was_never_kept_is_removed_and_joins_no_other_case(settings):
    records.keep(settings, CASE, actor="app")
    for keeps_next in (False, True):
        pictures.write(settings, 2, PICTURE)  # killed before the case was in the log
        if keeps_next:
            assert records.keep(settings, CASE, actor="app") == 2
        else:
            assert records.sweep(settings).removed == (settings.cases / "2",)
        assert_settled(settings)
        assert folders(settings) == []


def test_a_picture_whose_case_was_kept_stays_though_nobody_took_its_mark_away(settings, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "confirm", lambda folder: None)
        records.keep(settings, CASE, actor="app", picture=PICTURE)
    assert pictures.is_marked(settings.cases / "1")
    assert records.sweep(settings) == Swept()
    assert_settled(settings)
    assert folders(settings) == ["1"]


def test_a_picture_that_was_moved_aside_for_a_deletion_that_never_came_is_back(settings):
    records.keep(settings, CASE, actor="app", picture=PICTURE)
    (settings.cases / "1").rename(settings.cases / f".1.{'0' * 32}.retired")
    assert records.sweep(settings).restored == (settings.cases / "1",)
    assert_settled(settings)
    assert folders(settings) == ["1"]


@pytest.mark.parametrize("place", ["1", f".1.{'0' * 32}.retired"])
def test_the_picture_of_a_deleted_case_is_removed(settings, place):
    records.keep(settings, CASE, actor="app", picture=PICTURE)
    shutil.copytree(settings.cases / "1", settings.cases.parent / "copy")
    records.delete(settings, 1, actor="app")
    (settings.cases.parent / "copy").rename(settings.cases / place)
    assert records.sweep(settings).removed[-1] == settings.cases / "1"
    assert folders(settings) == []


def test_pictures_of_a_log_that_was_lost_are_left_alone_and_join_no_case(settings):
    for _ in range(2):
        records.keep(settings, CASE, actor="app", picture=PICTURE)
    for file in settings.home.glob("xraylab.db*"):
        file.unlink()
    assert records.sweep(settings) == Swept()
    assert records.keep(settings, CASE, actor="app") == 3
    assert records.sweep(settings) == Swept()
    assert folders(settings) == ["1", "2"]


def test_a_case_whose_picture_cannot_be_moved_aside_is_not_deleted(settings, monkeypatch):
    records.keep(settings, CASE, actor="app", picture=PICTURE)

    def refuse(*_given):
        raise PermissionError(errno.EACCES, "denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(StorageError, match="may not write"):
            records.delete(settings, 1, actor="app")
    assert records.find(settings, 1).pixels_kept
    assert_settled(settings)


def test_a_deletion_that_fails_in_the_log_keeps_the_picture(settings, monkeypatch):
    records.keep(settings, CASE, actor="app", picture=PICTURE)
    monkeypatch.setattr(log, "_log", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        records.delete(settings, 1, actor="app")
    assert_settled(settings)
    assert folders(settings) == ["1"]


def test_a_start_makes_no_database_and_no_folder(settings):
    assert records.sweep(settings) == Swept()
    assert not settings.home.exists()
