"""The case log: what is kept, what is wiped, and a trail that nobody rewrites."""

import contextlib
import io
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
import sqlalchemy.exc
from PIL import Image

from xraylab import database, records
from xraylab.errors import NotFoundError, StorageError, XRayLabError
from xraylab.records import Kept, NewCase, Tags
from xraylab.settings import load_settings

TELLING = "Grandmother of the mayor"
CASE = NewCase(
    "ensemble", "57cb", 0.9, "positive", 0.4, warnings=("A warning.",), call="unsure", note=TELLING
)
BLIND = replace(CASE, call="pneumonia", blind=True)
PICTURE = Kept(np.arange(64 * 48, dtype=np.uint8).reshape(48, 64), Tags("DX", "PA", "CHEST", 6))


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


def on_disk(settings):
    """Every byte below the home."""
    return b"".join(file.read_bytes() for file in settings.home.rglob("*") if file.is_file())


def actions(settings):
    return [(entry.case, entry.action, entry.changed) for entry in records.full_trail(settings)]


def test_a_case_comes_back_as_it_was_kept(settings):
    number = records.keep(settings, CASE, actor="app", now=1e9)
    case = records.find(settings, number)
    assert case.content == CASE
    assert (case.number, case.made_at.timestamp(), case.pixels_kept) == (1, 1e9, False)
    assert not settings.cases.exists()


@pytest.mark.parametrize(
    ("decision", "call", "agrees"),
    [
        ("positive", "pneumonia", True),
        ("negative", "no pneumonia", True),
        ("positive", "no pneumonia", False),
        ("negative", "pneumonia", False),
        ("positive", "unsure", None),
        ("review", "pneumonia", None),
        (None, "pneumonia", None),
        ("positive", None, None),
    ],
)
def test_reader_and_model_agree_only_where_both_say_something(settings, decision, call, agrees):
    told = NewCase("m", "h", 0.5, decision, 0.4, call=call)
    assert records.find(settings, records.keep(settings, told, actor="app")).agrees is agrees
    assert "agrees" not in database.cases.c


def test_a_case_has_no_place_for_whoever_it_is_about():
    told = {field.name for field in fields(NewCase)}
    tables = {*database.cases.c.keys(), *database.case_findings.c.keys(), *database.blind_calls.c.keys()}
    assert told - {"blind"} == tables - {  # a row alone says that a call was blind
        "number",
        "pixels_kept",
        "made_at",
        "changed_at",
        "deleted_at",
    }
    assert not {"name", "file", "patient", "study", "uid", "birth_date"} & told


def test_a_call_is_told_by_the_finding_of_the_model_and_an_older_case_is_about_pneumonia(settings):
    number = records.keep(settings, replace(CASE, call="pneumonia", finding="tuberculosis"), actor="app")
    assert records.change(settings, number, call="no pneumonia", note="", actor="app").content.call_words == (
        "no tuberculosis"
    )
    told = " ".join(entry.changed for entry in records.full_trail(settings))
    assert "call tuberculosis" in told
    assert "tuberculosis to no tuberculosis" in told
    with database.writing(settings) as db:  # as a version wrote it that knew pneumonia only
        db.execute(database.case_findings.delete())
    assert records.find(settings, number).content.call_words == "no pneumonia"


def test_a_call_made_before_the_score_was_shown_is_kept_as_such_and_the_trail_says_it(settings):
    records.keep(settings, CASE, actor="app")
    number = records.keep(settings, BLIND, actor="app", picture=PICTURE)
    assert [case.content for case in records.all_cases(settings)] == [CASE, BLIND]
    assert actions(settings) == [
        (1, "created", "call unsure"),
        (number, "created", "call pneumonia, made before the score was shown, with the film"),
    ]


def test_a_call_that_was_not_made_cannot_be_blind(settings):
    with pytest.raises(ValueError, match="can't be blind"):
        records.keep(settings, replace(BLIND, call=None), actor="app")
    assert records.all_cases(settings) == []


def test_another_call_is_no_blind_one_and_the_same_call_stays_what_it_was(settings):
    number = records.keep(settings, BLIND, actor="app")
    same = records.change(settings, number, call=BLIND.call, note="seen again", actor="app")
    assert same.content == replace(BLIND, note="seen again")
    other = records.change(settings, number, call="unsure", note="seen again", actor="app")
    assert other.content == replace(BLIND, note="seen again", call="unsure", blind=False)
    back = records.change(settings, number, call=BLIND.call, note="seen again", actor="app")
    assert not back.content.blind
    assert [line for line in actions(settings) if line[1] == "call"] == [
        (1, "call", "pneumonia to unsure, after the score was shown"),
        (1, "call", "unsure to pneumonia"),
    ]


def test_how_a_call_was_made_is_wiped_with_its_case(settings):
    records.keep(settings, BLIND, actor="app")
    records.delete(settings, 1, actor="app")
    with database.reading(settings) as db:
        assert [db.execute(table.select()).all() for table in database.beside_cases] == [[], []]


def test_only_what_changed_is_a_line_of_the_trail_and_a_note_is_never_quoted(settings):
    number = records.keep(settings, CASE, actor="app")
    records.change(settings, number, call="unsure", note=TELLING, actor="app")
    records.change(settings, number, call="pneumonia", note=TELLING + "s", actor="command line")
    assert actions(settings) == [
        (1, "created", "call unsure"),
        (1, "call", "unsure to pneumonia"),
        (1, "note", "24 to 25 characters"),
    ]
    assert [entry.actor for entry in records.full_trail(settings)] == ["app", "command line", "command line"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trail SET actor = 'nobody'",
        "DELETE FROM trail",
        "INSERT OR REPLACE INTO trail SELECT sequence, at, 'x', account, subject, action, name, "
        '"case", objects, changed, origin, previous, sha256 FROM trail',
        "DELETE FROM kept_case",
        "UPDATE kept_case SET deleted_at = 1",
    ],
)
def test_the_database_itself_refuses_to_rewrite_the_trail_or_half_delete_a_case(settings, statement):
    records.keep(settings, CASE, actor="app")
    before = actions(settings)
    with pytest.raises(sqlalchemy.exc.IntegrityError), database.writing(settings) as db:
        db.exec_driver_sql(statement)
    assert actions(settings) == before
    assert records.find(settings, 1).content == CASE


def test_a_deleted_case_is_a_tombstone_and_its_words_are_gone_from_the_disk(settings):
    number = records.keep(settings, CASE, actor="app", picture=PICTURE, now=1e9)
    assert TELLING.encode() in on_disk(settings)
    records.delete(settings, number, actor="app", now=2e9)
    [case] = records.all_cases(settings)
    assert (case.number, case.content, case.pixels_kept) == (1, None, False)
    assert (case.made_at.timestamp(), case.deleted_at.timestamp()) == (1e9, 2e9)
    assert TELLING.encode() not in on_disk(settings)
    assert b"ensemble" not in on_disk(settings)
    assert not (settings.cases / "1").exists()
    assert actions(settings)[-1] == (1, "deleted", "content wiped")
    assert records.keep(settings, CASE, actor="app") == 2


def test_wiped_words_are_gone_though_another_session_keeps_the_database_open(settings):
    number = records.keep(settings, CASE, actor="app")
    with contextlib.closing(
        sqlite3.connect(settings.database)
    ) as other:  # so the log isn't emptied on closing
        other.execute("SELECT * FROM kept_case").fetchall()
        records.change(settings, number, call="unsure", note="a", actor="app")
        assert TELLING.encode() not in on_disk(settings)
        records.change(settings, number, call="unsure", note=TELLING, actor="app")
        assert TELLING.encode() in on_disk(settings)
        records.delete(settings, number, actor="app")
        assert TELLING.encode() not in on_disk(settings)


def test_a_note_that_was_changed_is_gone_from_the_disk_too(settings):
    number = records.keep(settings, CASE, actor="app")
    records.change(settings, number, call="unsure", note="", actor="app")
    assert TELLING.encode() not in on_disk(settings)


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_gone_or_never_was_is_a_sentence(settings, number):
    records.keep(settings, CASE, actor="app")
    records.delete(settings, 1, actor="app")
    for attempt in (
        lambda: records.find(settings, number),
        lambda: records.delete(settings, number, actor="app"),
        lambda: records.change(settings, number, call=None, note="", actor="app"),
    ):
        with pytest.raises(NotFoundError, match=f"ase {number}"):
            attempt()
    assert len(records.full_trail(settings)) == 2


def test_two_sessions_keep_cases_under_numbers_of_their_own(settings):
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: records.keep(settings, CASE, actor="app"), range(16)))
    assert sorted(numbers) == list(range(1, 17))
    assert len(records.full_trail(settings)) == 16


def test_a_picture_that_cannot_be_written_keeps_nothing(settings):
    records.keep(settings, CASE, actor="app")
    settings.cases.write_text("a file in its place")
    with pytest.raises(StorageError):
        records.keep(settings, CASE, actor="app", picture=PICTURE)
    assert len(records.all_cases(settings)) == len(records.full_trail(settings)) == 1


def test_a_kept_picture_has_its_grey_values_and_no_metadata(settings):
    records.keep(settings, CASE, actor="app", picture=PICTURE)
    raw = (settings.cases / "1" / "film.png").read_bytes()
    with Image.open(io.BytesIO(raw)) as image:
        assert image.info == {}
        np.testing.assert_array_equal(np.asarray(image), PICTURE.film)
    told = json.loads((settings.cases / "1" / "film.json").read_text())
    assert told == {
        "schema": "xraylab.kept-film/1",
        "modality": "DX",
        "view": "PA",
        "body_part": "CHEST",
        "age_years": 6,
    }


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (("dx ", "PA", "CHEST", 6.9), Tags("DX", "PA", "CHEST", 6)),
        (("DOE^JANE", "DOE", "Jane Doe", -1.0), Tags()),
        ((None, None, None, None), Tags()),
        (("CR", "AP", "CHEST", 97.0), Tags("CR", "AP", "CHEST", 90)),
        (("CR", "AP", "CHEST", float("nan")), Tags("CR", "AP", "CHEST", None)),
    ],
)
def test_only_listed_words_and_whole_years_are_kept_of_a_film(given, allowed):
    assert Tags.allowed(*given) == allowed


def test_a_note_too_long_is_a_sentence_and_keeps_nothing(settings):
    with pytest.raises(XRayLabError, match="1000 characters"):
        records.keep(settings, NewCase("m", "h", 0.5, None, None, note="x" * 1001), actor="app")
    assert records.all_cases(settings) == []


def test_an_export_is_in_the_trail_with_the_number_of_cases_that_are_there(settings):
    for _ in range(2):
        records.keep(settings, CASE, actor="app")
    records.delete(settings, 1, actor="app")
    records.note_export(settings, "csv", actor="app")
    assert actions(settings)[-1] == (None, "exported", "1 case as csv")
    records.note_export(settings, "PDF", actor="app", number=2)
    assert actions(settings)[-1] == (2, "exported", "as PDF")
