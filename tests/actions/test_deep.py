"""The deep doctor: every kind of damage is found and said, and mended where no person must judge."""

import contextlib
import sqlite3
from dataclasses import replace

import pytest

from tests.support import old_databases
from tests.support.brief import DATASET, MODEL
from tests.support.films import grey
from xraylab import actions, copies, database, records, trail
from xraylab.actions import deep, health, mending
from xraylab.data.datasets import load_dataset
from xraylab.data.importing import write_tables
from xraylab.errors import StorageError
from xraylab.records import Kept, NewCase
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.trained"]
INNER = 5  # kind of a page of SQLite that only points to others
CASE = NewCase("m", "ab", 0.5, "positive", 0.4, note="a note")


@pytest.fixture
def settings(tmp_path):
    """A home with three cases, of which two have a picture."""
    settings = load_settings(home=tmp_path / "home")
    for picture in (Kept(grey(1)), None, Kept(grey(2))):
        records.keep(settings, CASE, actor="app", picture=picture)
    return settings


def found(settings):
    """The names of the deep checks that find a fault, with their sentences."""
    looked = {name: look(settings) for name, look in deep.looks().items()}
    return {name: detail for name, (ok, detail) in looked.items() if not ok}


def flip(file, place=-1):
    raw = bytearray(file.read_bytes())
    raw[place] ^= 1
    file.write_bytes(raw)


def relabel(settings):
    """Give one film the other label, as a person with another program could."""
    dataset = load_dataset(settings, DATASET)
    labels = dataset.catalog["label"].mask(dataset.catalog.index == 0, 1 - dataset.catalog["label"])
    write_tables(dataset.folder, dataset.info, dataset.catalog.assign(label=labels))


def rewrite(settings, statement):
    with contextlib.closing(sqlite3.connect(settings.database)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS trail_no_update")
        connection.execute("DROP TRIGGER IF EXISTS trail_no_delete")
        connection.execute(statement)


def damage(settings, table):
    """Overwrite the page of a table that holds its last rows."""
    with contextlib.closing(sqlite3.connect(settings.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        [page] = connection.execute(root, (table,)).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    with settings.database.open("rb+") as file:
        while True:
            file.seek((page - 1) * size)
            head = file.read(12)
            if head[0] != INNER:
                break
            page = int.from_bytes(head[8:12], "big")  # its last child
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_a_whole_home_has_no_fault(trained):
    actions.open_test(trained, MODEL, actor="app")
    records.keep(trained, CASE, actor="app", picture=Kept(grey(1)))
    assert found(trained) == {}
    assert mending.mend(trained) == []


@pytest.mark.parametrize(
    ("harm", "check", "words"),
    [
        (
            lambda s: flip(s.models / MODEL / "model.safetensors"),
            "models",
            "isn't what the model's card says",
        ),
        (lambda s: (s.models / MODEL / "model.safetensors").unlink(), "models", "is missing"),
        (
            lambda s: (s.models / MODEL / "predictions.parquet").write_bytes(b"PAR1"),
            "models",
            "Train it again",
        ),
        (lambda s: flip(s.datasets / DATASET / "pixels.npy"), "datasets", "were changed or damaged"),
        (relabel, "datasets", "Labels, patients or splits of the dataset"),
        (lambda s: (s.datasets / DATASET / "catalog.parquet").unlink(), "datasets", "missing or damaged"),
        (lambda s: flip(next((s.home / "openings").iterdir())), "openings", "isn't recognised on its films"),
        (lambda s: flip(s.cases / "1" / "film.png", 60), "kept pictures", "is damaged"),
        (lambda s: (s.cases / "1" / "film.png").unlink(), "kept pictures", "picture of case 1 is missing"),
        (lambda s: (s.cases / "7").mkdir(), "kept pictures", "the picture of no case"),
        (lambda s: rewrite(s, "DELETE FROM trail WHERE sequence = 1"), "trail", "Entry 1 is missing"),
        (lambda s: rewrite(s, "UPDATE trail SET account = 'x'"), "trail", "was changed"),
        (lambda s: rewrite(s, "DELETE FROM trail"), "trail", "The end is cut off"),
        (lambda s: rewrite(s, 'UPDATE trail SET "case" = 99'), "database content", "refers to nothing"),
    ],
)
def test_every_kind_of_damage_is_found(trained, harm, check, words):
    actions.open_test(trained, MODEL, actor="app")
    records.keep(trained, CASE, actor="app", picture=Kept(grey(1)))
    harm(trained)
    assert words in found(trained)[check]


def test_an_entry_that_a_copy_knows_is_missed(settings):
    copies.keep_copy(settings.database, "0003")
    (settings.home / "trail-anchors.jsonl").unlink()
    rewrite(settings, "DELETE FROM trail WHERE sequence = 3")
    assert "The end is cut off: entry 3" in found(settings)["trail"]


def test_a_damaged_copy_is_told(settings):
    copies.keep_copy(settings.database, "0003").write_bytes(b"no database" * 100)
    assert "The copy" in found(settings)["database content"]


def test_a_missing_picture_is_mended_in_the_log(settings):
    (settings.cases / "1" / "film.png").unlink()
    assert mending.mend(settings) == ["Case 1 says now that its picture is gone."]
    assert not records.find(settings, 1).pixels_kept
    assert records.full_trail(settings)[-1].action == "mended"


@pytest.mark.parametrize("table", ["kept_case", "trail", "run"])
def test_what_can_be_read_of_a_damaged_database_is_saved(settings, table):
    for _ in range(60):
        records.keep(settings, CASE, actor="app")
    before = {case.number: case for case in records.all_cases(settings)}
    entries = trail.entries(settings)
    damage(settings, table)
    damaged = settings.database.read_bytes()
    assert deep.damage_of(settings.database) is not None
    [sentence] = mending.mend(settings)
    [kept] = settings.home.glob("xraylab.db.damaged-*[0-9]")
    assert kept.read_bytes() == damaged
    assert str(kept) in sentence
    assert found(settings) == {}
    after = {case.number: case for case in records.all_cases(settings)}
    assert after.keys() == before.keys()  # a lost case keeps its number
    whole = [number for number, case in after.items() if case.content is not None]
    assert all(after[number] == before[number] for number in whole)
    assert len(whole) >= (20 if table == "kept_case" else 63)
    last = trail.entries(settings)[-1]
    assert (last.action, last.sequence) == ("salvaged", len(entries) + 1)
    assert records.keep(settings, CASE, actor="app") == 64


def test_finding_and_blind_call_are_saved_with_their_case_and_not_without_it(settings):
    kept = replace(CASE, note="n" * 900, call="pneumonia", finding="tuberculosis", blind=True)
    for _ in range(60):
        records.keep(settings, kept, actor="app")
    damage(settings, "kept_case")
    mending.mend(settings)
    contents = {case.number: case.content for case in records.all_cases(settings) if case.number > 3}
    lost = [number for number, content in contents.items() if content is None]
    assert lost
    assert [content for content in contents.values() if content is not None] == [kept] * (60 - len(lost))
    with database.reading(settings) as db:
        beside = [
            db.execute(table.select().where(table.c.number.in_(lost))) for table in database.beside_cases
        ]
        assert [rows.all() for rows in beside] == [[], []]


def test_a_column_with_a_hostile_name_is_a_name():
    name = 'id") VALUES (1); DROP TABLE run; --'
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE odd ({mending._quoted(name)})")
        assert [row[1] for row in connection.execute("PRAGMA table_info(odd)")] == [name]


def test_a_database_of_which_nothing_can_be_read_is_kept_and_said(settings):
    settings.database.write_bytes(b"not a database" * 1000)
    for ending in ("-wal", "-shm"):
        settings.database.with_name(f"xraylab.db{ending}").unlink(missing_ok=True)
    with pytest.raises(StorageError, match="doctor --mend"):
        records.all_cases(settings)
    [sentence] = mending.mend(settings)
    assert "0 cases and 0 entries of the trail were saved" in sentence
    assert "The cases 1, 3 are lost." in sentence  # known by their pictures
    assert trail.entries(settings)[-1].sequence == 4  # the anchors know that there were three
    trail_ok, detail = deep.looks()["trail"](settings)
    assert trail_ok
    assert "Entries 1 to 3 are missing; entry 4 says that the database was damaged." in detail


def test_a_database_that_was_damaged_before_its_upgrade_gives_its_old_trail(tmp_path):
    settings = load_settings(home=tmp_path / "home")
    entry = (
        "INSERT INTO case_trail (case_number, actor, action, changed, at) VALUES (1, 'app', 'call', 'x', 1e9)"
    )
    notes = [old_databases.CASE_OF_0002.format(note="n" * 900)] * 30
    old_databases.make(settings, "0002", *notes, entry)
    damage(settings, "kept_case")
    mending.mend(settings)
    assert [entry.origin for entry in trail.entries(settings)] == ["0002", ""]
    assert found(settings) == {}
    assert len(records.all_cases(settings)) >= 20


def test_the_doctor_tells_and_mends_in_one_document(settings, run, monkeypatch, capsys):
    for name in ("_look_at_device", "_look_at_pixels", "_look_at_score", "_look_at_shipped"):
        monkeypatch.setattr(health, name, lambda *_: (True, "well"))
    monkeypatch.setenv("XRAYLAB_HOME", str(settings.home))
    (settings.cases / "1" / "film.png").unlink()
    assert [check.name for check in actions.doctor(settings).checks if "trail" in check.name] == []
    told = actions.doctor(settings, deep=True)
    assert {check.name for check in told.checks if not check.ok} == {"kept pictures"}
    (settings.cases / "1" / "film.json").unlink()
    (settings.cases / "1").rmdir()
    document = run("doctor", "--mend")
    assert document["mended"] == ["Case 1 says now that its picture is gone."]
    assert document["ok"]
