"""Backup and restore: nothing is lost, nothing is touched before all is checked, writers go on meanwhile."""

import json
import shutil
import stat
import threading
import time
import zipfile
from types import SimpleNamespace

import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.films import encoded, grey
from xraylab import actions, chain, database, files, records, trail
from xraylab.actions import deep
from xraylab.errors import NameTakenError, NotFoundError, StorageError
from xraylab.imaging import Film
from xraylab.models import load_model
from xraylab.reading.read import read_film
from xraylab.records import Kept, NewCase
from xraylab.runs import table
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.trained"]
CASE = NewCase("m", "ab", 0.5, "positive", 0.4, note="a note")


def lists(settings):
    """Everything that a person sees in lists."""
    return {
        "models": actions.model_rows(settings),
        "datasets": actions.list_datasets(settings),
        "runs": actions.list_runs(settings),
        "cases": actions.list_cases(settings),
        "openings": [(settings.home / "openings.jsonl").read_bytes()],
        "reads": actions.reading_model(settings),
    }


@pytest.fixture
def worked(trained):
    """A home with an opening, a choice to read, and kept cases of which one was deleted."""
    actions.open_test(trained, MODEL, actor="app")
    actions.use_for_reading(trained, MODEL, actor="app")
    for _ in range(2):
        records.keep(trained, CASE, actor="app", picture=Kept(grey(1)))
    records.delete(trained, 1, actor="app")
    return trained


@pytest.fixture
def fresh(tmp_path):
    return load_settings(home=tmp_path / "fresh")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The backup of a home with one case alone."""
    folder = tmp_path_factory.mktemp("small")
    settings = load_settings(home=folder / "home")
    records.keep(settings, CASE, actor="app", picture=Kept(grey(1)))
    actions.backup(settings, folder / "small.zip")
    return folder / "small.zip"


def check(settings):
    return chain.check([entry.plain() for entry in trail.entries(settings)], trail.anchors(settings))


def test_a_backup_in_a_fresh_home_gives_the_same_lists(worked, fresh, run, monkeypatch, tmp_path):
    before = lists(worked)
    monkeypatch.setenv("XRAYLAB_HOME", str(worked.home))
    made = run("backup", tmp_path / "b.zip")
    monkeypatch.setenv("XRAYLAB_HOME", str(fresh.home))
    restored = run("restore", tmp_path / "b.zip")
    assert lists(fresh) == before
    assert (restored["members"], restored["kept_aside"]) == (made["members"], None)
    assert (fresh.cases / "2" / "film.png").read_bytes() == (worked.cases / "2" / "film.png").read_bytes()
    reading = read_film(actions.load_for_reading(fresh, MODEL), Film("a.png", encoded(grey(1))))
    assert reading.score is not None
    last = trail.entries(fresh)[-1]
    assert (last.action, last.objects["backup"]) == ("restored", made["sha256"])
    assert check(fresh).faults == ()
    assert [entry.action for entry in trail.entries(fresh)[-2:]] == ["backed up", "restored"]
    assert not list(worked.home.glob(".backup*"))


def test_every_member_has_its_hash_and_nothing_unpacks(worked, tmp_path):
    actions.backup(worked, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert {member["name"] for member in manifest["members"]} | {"manifest.json"} == set(
            archive.namelist()
        )
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert f"datasets/{DATASET}/pixels.npy" in archive.namelist()
        assert not [name for name in archive.namelist() if name.endswith(".pt")]


def test_without_films_a_backup_keeps_the_records_of_datasets(worked, fresh, tmp_path):
    before = lists(worked)
    made = actions.backup(worked, tmp_path / "b.zip", pixels=False)
    assert "films of datasets" in made.left_out
    actions.restore_backup(fresh, tmp_path / "b.zip")
    assert lists(fresh) == before
    assert not (fresh.datasets / DATASET / "pixels.npy").exists()


def test_a_home_that_is_not_empty_is_never_lost(worked, small, tmp_path):
    before = lists(worked)
    with pytest.raises(NameTakenError, match="isn't empty"):
        actions.restore_backup(worked, small)
    assert lists(worked) == before
    restored = actions.restore_backup(worked, small, replace=True)
    assert [case.number for case in actions.list_cases(worked)] == [1]
    assert lists(load_settings(home=restored.kept_aside)) == before


def test_a_home_with_logs_alone_counts_as_empty(small, fresh):
    (fresh.home / "logs").mkdir(parents=True)
    assert actions.restore_backup(fresh, small).kept_aside is not None
    assert len(actions.list_cases(fresh)) == 1


def test_a_home_in_which_a_training_runs_is_not_replaced(worked, small):
    [run] = table.submit_all(worked, [table.Order("m", DATASET, "cnn", "r", {})])
    table.start(worked, run.id)
    with pytest.raises(NameTakenError, match="A training is running"):
        actions.restore_backup(worked, small, replace=True)


def test_a_backup_never_overwrites_a_file(worked, small):
    before = small.read_bytes()
    with pytest.raises(NameTakenError, match="exists already"):
        actions.backup(worked, small)
    assert small.read_bytes() == before


def test_a_missing_backup_is_a_sentence(fresh, tmp_path):
    with pytest.raises(NotFoundError, match="There is no backup"):
        actions.restore_backup(fresh, tmp_path / "nowhere.zip")


# --- archives that somebody made or damaged


def rewritten(source, target, change):
    """Copy an archive, with each member as ``change(info, data)`` returns it, or without it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            for name, data in change(info.filename, old.read(info)):
                new.writestr(name, data)
    return target


def renamed(path):
    """Put the case's picture under another path, in the manifest too."""

    def change(name, data):
        if name == "manifest.json":
            data = data.replace(b"cases/1/film.png", json.dumps(path)[1:-1].encode())
        yield (path if name == "cases/1/film.png" else name), data

    return change


def without(path):
    return lambda name, data: [] if name == path else [(name, data)]


def linked(name, data):
    info = zipfile.ZipInfo(name)
    if name == "cases/1/film.png":
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
    yield info, data


def packed(name, data):
    info = zipfile.ZipInfo(name)
    if name == "xraylab.db":
        info.compress_type = zipfile.ZIP_DEFLATED
    yield info, data


def flipped(name, data):
    yield name, data[:-1] + bytes([data[-1] ^ 1]) if name == "cases/1/film.png" else data


def shorter(name, data):
    yield name, data[:-1] if name == "cases/1/film.png" else data


def extra(name, data):
    yield name, data
    if name == "xraylab.db":
        yield "cases/2/film.png", b"not listed"


def newer(name, data):
    yield name, data.replace(f'"{database.HEAD}"'.encode(), b'"9999"') if name == "manifest.json" else data


def edited(name, data):
    yield name, data.replace(b"xraylab.backup/1", b"xraylab.backup/2") if name == "manifest.json" else data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *(
            (renamed(path), "leads where no backup has a file")
            for path in (
                "../../evil.png",
                "/etc/evil.png",
                "cases/../../evil.png",
                "cases/1/..\\..\\evil.png",
                "C:/evil.png",
                "cases/1/.hidden.png",
                "elsewhere/film.png",
                "film.png",
                "cases//film.png",
            )
        ),
        (linked, "a link"),
        (packed, "compressed or encrypted"),
        (flipped, "changed or damaged"),
        (shorter, "another size"),
        (newer, "newer XRayLab"),
        (edited, "its manifest is damaged"),
        (without("manifest.json"), "no manifest"),
        (without("cases/1/film.png"), "exactly the files"),
        (extra, "exactly the files"),
    ],
)
def test_a_hostile_or_damaged_backup_changes_nothing(small, tmp_path, fresh, change, words):
    (fresh.home / "datasets").mkdir(parents=True)
    bad = rewritten(small, tmp_path / "bad.zip", change)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StorageError, match=words):
        actions.restore_backup(fresh, bad, replace=True)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100])
def test_a_file_that_is_no_archive_is_a_sentence(tmp_path, fresh, data):
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(StorageError, match="isn't a backup"):
        actions.restore_backup(fresh, tmp_path / "bad.zip")


def test_a_backup_cut_anywhere_restores_nothing(small, tmp_path, fresh):
    whole = small.read_bytes()
    for length in range(0, len(whole), len(whole) // 25):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        with pytest.raises(StorageError):
            actions.restore_backup(fresh, tmp_path / "cut.zip")
    assert not fresh.home.exists()


def test_a_disk_without_room_restores_nothing(small, fresh, monkeypatch):
    monkeypatch.setattr("xraylab.actions.restoring.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(StorageError, match="Free some space"):
        actions.restore_backup(fresh, small)
    assert not fresh.home.exists()


# --- writers meanwhile


def test_a_backup_is_consistent_while_cases_are_kept_and_deleted(tmp_path, fresh):
    settings, stop = load_settings(home=tmp_path / "busy"), threading.Event()
    picture = Kept(grey(1))
    records.keep(settings, CASE, actor="app", picture=picture)

    def work():
        while not stop.is_set():
            number = records.keep(settings, CASE, actor="app", picture=picture)
            if number % 2:
                records.delete(settings, number, actor="app")

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        for number in range(3):
            actions.backup(settings, tmp_path / f"{number}.zip")
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    for number in range(3):
        home = load_settings(home=tmp_path / f"fresh{number}")
        actions.restore_backup(home, tmp_path / f"{number}.zip")
        kept = {str(case.number) for case in actions.list_cases(home) if case.pixels_kept}
        assert {folder.name for folder in home.cases.iterdir() if (folder / "film.png").exists()} == kept
        assert check(home).faults == ()
    assert not list(settings.home.glob(".backup*"))


def test_a_backup_while_a_model_is_replaced_has_one_of_both_whole(worked, tmp_path):
    folder, stop = worked.models / MODEL, threading.Event()
    other = shutil.copytree(folder, tmp_path / "other")

    def work():
        while not stop.is_set():
            trail.enter(worked, trail.MODEL, "replaced", actor="training", name=MODEL)
            with files.new_folder(folder, replace=True) as staging:
                shutil.copytree(other, staging, dirs_exist_ok=True)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        time.sleep(0.05)
        actions.backup(worked, tmp_path / "b.zip", pixels=False)
    finally:
        stop.set()
        worker.join()
    home = load_settings(home=tmp_path / "fresh")
    actions.restore_backup(home, tmp_path / "b.zip")
    load_model(home, MODEL).read_weights()
    assert load_model(home, MODEL).films("validation").labels.size


def test_a_backup_while_a_training_runs_is_whole(trained, brief_recipe, tmp_path):
    request = actions.request_training(
        trained, dataset=DATASET, arch="small_cnn", recipe=str(brief_recipe), name="second"
    )
    worker = threading.Thread(target=actions.train, args=(trained, request))
    worker.start()
    made = 0
    while worker.is_alive():
        records.keep(trained, CASE, actor="app", picture=Kept(grey(1)))
        actions.backup(trained, tmp_path / f"{made}.zip", pixels=False)
        made += 1
    worker.join()
    assert load_model(trained, "second").lock
    for number in range(0, made, max(1, made // 4)):
        home = load_settings(home=tmp_path / f"fresh{number}")
        actions.restore_backup(home, tmp_path / f"{number}.zip")
        assert {name for name, look in deep.looks().items() if not look(home)[0]} == set()
        assert DATASET in [row.name for row in actions.list_datasets(home)]
        assert len(actions.list_cases(home)) == number + 1
