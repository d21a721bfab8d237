"""Objects: models, datasets, runs and cases are listed, renamed, noted, deleted and restored."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.support.brief import BOTH, DATASET, MEMBERS, MODEL
from tests.support.run_rows import submit
from xraylab import actions, chain, marks, records, trail, trash
from xraylab.__main__ import main
from xraylab.actions.deleting import sweep_trash
from xraylab.actions.leftovers import look_at_leftovers
from xraylab.data.datasets import list_datasets, load_dataset
from xraylab.errors import (
    InUseError,
    NameTakenError,
    NotFoundError,
    StorageError,
    TrainingError,
    XRayLabError,
)
from xraylab.models import dataset_of, list_models, load_model, model_that_reads, opened_before
from xraylab.records import NewCase
from xraylab.records.pictures import Kept
from xraylab.runs import folder, removing, table

pytest_plugins = ["tests.support.averaged"]

CASE = NewCase(
    model="first",
    model_sha256="1" * 64,
    score=0.8125,
    decision="positive",
    threshold=0.5,
    warnings=("Looks unusual.",),
    call="unsure",
    note="left base",
    finding="tuberculosis",
)


@pytest.fixture
def film():
    return np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)


def add_run(settings, *, name="attempt", state="failed", dataset=DATASET, **training):
    training = {"name": name, "dataset": dataset, **training}
    run = submit(settings, name, dataset=dataset, training=training)
    # The recipe of a run is under "training".
    file = folder.path(settings, run.id) / folder.RECIPE
    recipe = json.loads(file.read_text())
    file.write_text(json.dumps(recipe | {"training": training}))
    if state == "failed":
        table.give_up(settings, run.id, "It broke.")
    return run


def names(settings):
    return [model.name for model in list_models(settings)]


def deleted_names(settings):
    return [(row.kind, row.name) for row in actions.list_deleted(settings)]


def last(settings):
    return trail.entries(settings)[-1]


def check_chain(settings):
    checked = chain.check([entry.plain() for entry in trail.entries(settings)], trail.anchors(settings))
    assert not checked.faults


def keep(settings, film=None):
    return records.keep(settings, CASE, actor="app", picture=None if film is None else Kept(film))


def age(settings, hours):
    """Let everything in the trash be older."""
    for file in settings.trash.glob("*/deleted.json"):
        record = json.loads(file.read_text())
        moment = datetime.fromisoformat(record["deleted_at"]) - timedelta(hours=hours)
        file.write_text(json.dumps(record | {"deleted_at": moment.isoformat()}))


def test_everything_is_listed_with_its_size_and_its_note(averaged):
    run = add_run(averaged, state="failed")
    number = keep(averaged)
    actions.note_object(averaged, "model", BOTH, "  the one\nfor the talk\u202e ", actor="app")
    rows = {(row.kind, row.name): row for row in actions.list_objects(averaged)}
    assert set(rows) == {
        ("model", BOTH),
        *(("model", name) for name in MEMBERS),
        ("dataset", DATASET),
        ("run", run.id),
        ("case", str(number)),
    }
    assert rows["model", BOTH].note == "the one for the talk"
    assert rows["case", str(number)].note == "left base"
    files = (file for file in (averaged.models / BOTH).rglob("*") if file.is_file())
    assert rows["model", BOTH].bytes == sum(file.stat().st_size for file in files)
    assert rows["dataset", DATASET].bytes > 60 * 256 * 256
    used = actions.disk_used(averaged)
    assert used["models"] == sum(row.bytes for row in rows.values() if row.kind == "model")
    assert used["deleted"] == 0
    assert [row.kind for row in actions.list_objects(averaged, "dataset")] == ["dataset"]
    with pytest.raises(NotFoundError, match="no kind of thing"):
        actions.list_objects(averaged, "film")


def test_a_note_is_replaced_removed_and_never_in_the_trail(trained):
    for note in ("secret words", "other words", "other words", ""):
        actions.note_object(trained, "dataset", DATASET, note, actor="app")
    changes = [entry.changed for entry in trail.entries(trained) if entry.action == "note"]
    assert changes == ["0 to 12 characters", "12 to 11 characters", "11 to 0 characters"]
    assert not (trained.datasets / DATASET / marks.NOTE_FILE).exists()
    with pytest.raises(XRayLabError, match="more than 200 characters"):
        actions.note_object(trained, "model", MODEL, "n" * 201, actor="app")
    number = keep(trained)
    assert actions.note_object(trained, "case", str(number), "seen", actor="app").note == "seen"
    assert records.find(trained, number).content.call == "unsure"


def test_a_renamed_model_is_found_by_its_old_name_until_another_has_it(members):
    old = load_model(members, "one")
    lock = old.require_lock()
    actions.use_for_reading(members, "one", actor="app")
    actions.rename_object(members, "model", "one", "best", actor="app")
    assert sorted(names(members)) == ["best", "two"]
    model = load_model(members, "one")
    assert (model.name, model.card.name, model.names) == ("best", "best", ("best", "one"))
    assert model.card.model_sha256 == old.card.model_sha256
    assert model.require_lock() == lock
    assert model.table("validation").auc > 0
    assert model_that_reads(members).name == "best"
    entry = last(members)
    assert (entry.subject, entry.action, entry.name, entry.changed) == ("model", "renamed", "one", "to best")
    actions.rename_object(members, "model", "best", "better", actor="app")
    assert {load_model(members, name).name for name in ("one", "best", "better")} == {"better"}
    actions.rename_object(members, "model", "two", "one", actor="app")
    assert load_model(members, "one").names == ("one", "two")
    assert not actions.dependants(members, "model", "better").refused
    check_chain(members)


def test_a_copy_of_a_renamed_folder_is_still_refused(members):
    actions.rename_object(members, "model", "one", "best", actor="app")
    (members.models / "best").rename(members.models / "third")
    with pytest.raises(NotFoundError, match="holds the model “one”, so it was renamed or copied"):
        load_model(members, "third")


def test_an_ensemble_finds_its_renamed_member_and_reads_with_it(averaged):
    before = load_model(averaged, BOTH)
    actions.rename_object(averaged, "model", MEMBERS[0], "renamed", actor="app")
    after = load_model(averaged, BOTH)
    assert [part.name for part in after.parts] == ["renamed", MEMBERS[1]]
    assert after.card.model_sha256 == before.card.model_sha256
    # An impostor under the old name isn't taken for the member.
    actions.rename_object(averaged, "model", BOTH, "average", actor="app")
    assert [part.name for part in load_model(averaged, "average").parts] == ["renamed", MEMBERS[1]]


def test_openings_under_an_old_name_stay_known(averaged):
    actions.open_test(averaged, MEMBERS[0], actor="app")
    actions.rename_object(averaged, "model", MEMBERS[0], "renamed", actor="app")
    assert opened_before(averaged, load_model(averaged, "renamed"))
    assert opened_before(averaged, load_model(averaged, BOTH))
    actions.lock(averaged, "renamed", "f1", actor="app")
    assert load_model(averaged, "renamed").require_lock().after_opening


def test_openings_under_a_new_name_count_for_the_ensemble_that_knows_the_old_one(averaged):
    actions.rename_object(averaged, "model", MEMBERS[0], "renamed", actor="app")
    actions.open_test(averaged, "renamed", actor="app")
    assert opened_before(averaged, load_model(averaged, BOTH))


def test_a_named_pair_follows_a_rename(members):
    actions.name_pair(members, *MEMBERS, actor="app")
    actions.rename_object(members, "model", "one", "best", actor="app")
    [row] = actions.test_pairs(members, None)
    assert (row.state, row.first) == ("waiting", "one")
    assert "best and two" in row.reason
    for name in ("best", "two"):
        actions.open_test(members, name, actor="app")
    assert actions.test_pairs(members, None)[0].state == "tested"


def test_a_renamed_dataset_keeps_its_models_and_its_stopped_runs(trained):
    run = add_run(trained, state="failed", dataset=DATASET)
    actions.rename_object(trained, "dataset", DATASET, "children", actor="app")
    assert [info.name for info in list_datasets(trained)] == ["children"]
    assert load_dataset(trained, DATASET).info.name == "children"
    assert dataset_of(trained, load_model(trained, MODEL)).info.name == "children"
    assert {row.dataset for row in actions.list_runs(trained) if row.run == run.id} == {"children"}
    assert folder.read_recipe(trained, run.id)["dataset"] == "children"
    assert [row.dataset for row in actions.model_rows(trained)] == ["children"]
    follows = actions.dependants(trained, "dataset", "children").follows
    assert follows[0] == f"The films of “{MODEL}” can't be shown any more. Their numbers stay."


def test_models_of_a_renamed_dataset_can_be_averaged_with_later_ones(members, add_model):
    actions.rename_object(members, "dataset", DATASET, "children", actor="app")
    add_model(members, "three", "small_cnn", 3, dataset="children")
    made = actions.ensemble(members, "all", ["one", "three"], actor="app")
    assert [member.model for member in made.members] == ["one", "three"]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("two", "There is a model “two” already"),
        ("a b", "can't be the name of a model"),
        ("../x", "can't be the name of a model"),
        ("imagenet", "is reserved"),
        ("Ensemble", "is reserved"),
    ],
)
def test_a_name_that_is_taken_or_invalid_is_refused(members, new, words):
    with pytest.raises(NameTakenError, match=words):
        actions.rename_object(members, "model", "one", new, actor="app")
    assert sorted(names(members)) == ["one", "two"]


def test_what_a_training_needs_is_neither_renamed_nor_deleted(trained):
    run = add_run(trained, name="new", dataset=DATASET, state="queued", weights=MODEL)
    for kind, name in (("model", MODEL), ("dataset", DATASET)):
        with pytest.raises(InUseError, match="The training of “new” needs it"):
            actions.delete_object(trained, kind, name, actor="app")
        with pytest.raises(InUseError, match="The training of “new” needs it"):
            actions.rename_object(trained, kind, name, "other", actor="app")
    with pytest.raises(InUseError, match=r"is queued\. Cancel it first"):
        actions.delete_object(trained, "run", run.id, actor="app")
    other = add_run(trained, name="x", state="failed")
    with pytest.raises(NameTakenError, match="A training is making"):
        actions.rename_object(trained, "run", other.id, "new")
    table.cancel(trained, run.id)
    assert actions.delete_object(trained, "run", run.id, actor="app").id


def test_a_deleted_model_comes_back_whole(members):
    before = {file.name: file.read_bytes() for file in (members.models / "one").iterdir()}
    actions.use_for_reading(members, "one", actor="app")
    removed = actions.delete_object(members, "model", "one", actor="app")
    assert removed.follows[0] == "It reads films. “two” takes over."
    assert names(members) == ["two"]
    assert model_that_reads(members).name == "two"
    assert not any(members.models.glob("one*"))
    [row] = actions.list_deleted(members)
    assert (row.kind, row.name, row.actor) == ("model", "one", "app")
    assert row.until - row.deleted_at == timedelta(days=1)
    assert actions.disk_used(members)["deleted"] > row.bytes
    actions.restore_object(members, row.id, actor="app")
    assert {file.name: file.read_bytes() for file in (members.models / "one").iterdir()} == before
    assert model_that_reads(members).name == "one"
    assert deleted_names(members) == []
    assert list(members.trash.iterdir()) == []
    found = [(entry.action, entry.changed) for entry in trail.entries(members)][-2:]
    assert found == [("deleted", "kept for a day"), ("restored", "")]
    check_chain(members)
    with pytest.raises(NotFoundError, match="restored already"):
        actions.restore_object(members, row.id, actor="app")


def test_a_name_that_was_taken_meanwhile_asks_for_another(members):
    removed = actions.delete_object(members, "model", "one", actor="app")
    actions.rename_object(members, "model", "two", "one", actor="app")
    with pytest.raises(NameTakenError, match="There is a model “one” already"):
        actions.restore_object(members, removed.id, actor="app")
    actions.restore_object(members, removed.id, name="back", actor="app")
    assert sorted(names(members)) == ["back", "one"]
    assert load_model(members, "back").names == ("back", "one")
    assert load_model(members, "back").table("validation").auc > 0


def test_a_member_of_the_ensemble_that_reads_stays_and_others_break_it_until_restored(averaged):
    actions.use_for_reading(averaged, BOTH, actor="app")
    with pytest.raises(InUseError, match="Let another model read films first"):
        actions.delete_object(averaged, "model", MEMBERS[0], actor="app")
    actions.use_for_reading(averaged, MEMBERS[1], actor="app")
    removed = actions.delete_object(averaged, "model", MEMBERS[0], actor="app")
    assert f"“{BOTH}” can't read films without it. Stored numbers stay." in removed.follows
    with pytest.raises(XRayLabError, match="is gone or damaged"):
        _ = load_model(averaged, BOTH).parts
    assert load_model(averaged, BOTH).table("validation").auc > 0
    actions.restore_object(averaged, removed.id, actor="app")
    assert len(load_model(averaged, BOTH).parts) == 2


def test_a_deleted_dataset_leaves_the_numbers_of_its_models(trained):
    before = load_dataset(trained, DATASET).info
    removed = actions.delete_object(trained, "dataset", DATASET, actor="app")
    assert "The files that it was imported from stay where they are." in removed.follows
    assert list_datasets(trained) == []
    assert load_model(trained, MODEL).table("validation").auc > 0
    assert dataset_of(trained, load_model(trained, MODEL)) is None
    actions.restore_object(trained, removed.id, actor="app")
    assert load_dataset(trained, DATASET).info == before


def test_the_drawn_films_of_phantoms_go_with_the_last_dataset_that_refers_to_them(trained):
    actions.import_phantoms(trained, "drawn", n=24)
    films = trained.home / "phantoms" / "drawn"
    follows = actions.delete_object(trained, "dataset", "drawn", actor="app").follows
    assert "The films that were drawn for it go with it." in follows
    assert films.is_dir()
    [row] = actions.list_deleted(trained)
    actions.restore_object(trained, row.id, actor="app")
    assert len(load_dataset(trained, "drawn").catalog) == 24
    actions.delete_object(trained, "dataset", "drawn", for_good=True, actor="app")
    assert not films.exists()
    assert deleted_names(trained) == []


def test_a_run_goes_and_comes_back_to_its_place_in_the_list(trained):
    ids = [add_run(trained, name=f"r{n}", state="failed").id for n in range(3)]
    before = [(row.run, row.state, row.error) for row in actions.list_runs(trained)]
    removed = actions.delete_object(trained, "run", ids[0], actor="app")
    assert ids[0] not in [row.run for row in actions.list_runs(trained)]
    actions.restore_object(trained, removed.id, actor="app")
    assert [(row.run, row.state, row.error) for row in actions.list_runs(trained)] == before
    assert folder.read_recipe(trained, ids[0])["name"] == "r0"
    assert last(trained).subject == trail.RUN
    actions.delete_object(trained, "run", ids[1], actor="app")
    assert ids[1] not in [row.run for row in actions.list_runs(trained, rebuild=True)]
    actions.restore_object(trained, actions.list_deleted(trained)[0].id, actor="app")
    gone = actions.delete_failed_runs(trained, actor="app")
    assert {removed.name for removed in gone} == set(ids)
    assert all(row.state != "failed" for row in actions.list_runs(trained))


def test_a_run_is_renamed_unless_its_model_is_here(trained):
    [made] = [row for row in actions.list_runs(trained) if row.state == "done"]
    with pytest.raises(InUseError, match="Rename the model, and the run follows"):
        actions.rename_object(trained, "run", made.run, "other", actor="app")
    actions.rename_object(trained, "model", MODEL, "other", actor="app")
    assert table.get(trained, made.run).name == "other"
    run = add_run(trained, name="typo", state="failed")
    actions.rename_object(trained, "run", run.id, "right", actor="app")
    assert table.get(trained, run.id).name == "right"
    assert folder.read_recipe(trained, run.id)["training"]["name"] == "right"


def test_a_case_comes_back_with_its_picture_and_goes_for_good_after_a_day(trained, film):
    number = keep(trained, film)
    picture = (trained.cases / str(number) / "film.png").read_bytes()
    removed = actions.delete_object(trained, "case", str(number), actor="app")
    gone = records.all_cases(trained)[0]
    assert (gone.content, gone.pixels_kept) == (None, False)
    assert not (trained.cases / str(number)).exists()
    actions.restore_object(trained, removed.id, actor="app")
    back = records.find(trained, number)
    assert back.content == CASE
    assert back.deleted_at is None
    assert (trained.cases / str(number) / "film.png").read_bytes() == picture
    assert sorted(file.name for file in (trained.cases / str(number)).iterdir()) == ["film.json", "film.png"]
    actions.delete_object(trained, "case", str(number), actor="app")
    age(trained, 25)
    assert sweep_trash(trained).removed
    assert list(trained.trash.iterdir()) == []
    assert b"left base" not in b"".join(f.read_bytes() for f in trained.home.rglob("*") if f.is_file())
    assert [entry.action for entry in records.full_trail(trained)] == [
        "created",
        "deleted",
        "restored",
        "deleted",
    ]
    check_chain(trained)


def test_a_blind_call_comes_back_with_its_case_and_a_case_deleted_by_an_older_version_has_none(trained):
    blind = replace(CASE, call="pneumonia", blind=True)
    for _ in range(2):
        records.keep(trained, blind, actor="app")
    first, second = (actions.delete_object(trained, "case", number, actor="app") for number in "12")
    file = trained.trash / second.id / "deleted.json"
    record = json.loads(file.read_text())
    del record["facts"]["content"]["blind"]  # as a version wrote it that didn't know it
    file.write_text(json.dumps(record))
    for removed in (first, second):
        actions.restore_object(trained, removed.id, actor="app")
    assert [case.content for case in records.all_cases(trained)] == [blind, replace(blind, blind=False)]


def test_a_case_can_be_deleted_for_good_at_once(trained, film):
    first, second = keep(trained, film), keep(trained)
    actions.delete_object(trained, "case", str(first), for_good=True, actor="app")
    removed = actions.delete_object(trained, "case", str(second), actor="app")
    actions.remove_deleted(trained, removed.id, actor="app")
    assert list(trained.trash.iterdir()) == []
    assert deleted_names(trained) == []
    assert b"left base" not in b"".join(f.read_bytes() for f in trained.home.rglob("*") if f.is_file())
    assert (last(trained).action, last(trained).changed, last(trained).case) == (
        "deleted",
        "for good",
        second,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"content": None},
        {"content": {"score": 2}},
        {"content": {"call": "cancer"}},
        {"content": {"note": "n" * 1001}},
        {"content": {"warnings": 3}},
        {"content": {"blind": True, "call": None}},
    ],
)
def test_a_changed_record_of_a_case_restores_nothing(trained, changes):
    number = keep(trained)
    removed = actions.delete_object(trained, "case", str(number), actor="app")
    file = trained.trash / removed.id / "deleted.json"
    record = json.loads(file.read_text())
    content = changes["content"]
    record["facts"]["content"] = content and record["facts"]["content"] | content
    file.write_text(json.dumps(record))
    with pytest.raises(NotFoundError, match="can't be restored"):
        actions.restore_object(trained, removed.id, actor="app")
    assert records.all_cases(trained)[0].content is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"schema": "xraylab.deleted/1"}',
        '{"schema": "xraylab.deleted/1", "id": "20260101-000000-00000000", "kind": "model", '
        '"name": "../../x", "deleted_at": "2026-11-30T00:00:00Z", "actor": "", "bytes": 1}',
    ],
)
def test_a_record_that_cannot_be_read_is_passed_over_and_swept(trained, text):
    place = trained.trash / "20260101-000000-00000000"
    (place / "content").mkdir(parents=True)
    (place / "deleted.json").write_text(text)
    assert trash.listed(trained) == []
    sweep_trash(trained)
    assert not place.exists()


def test_what_is_older_than_a_day_goes_at_a_start_whichever_way_the_clock_went(members):
    for hours in (25, -25):
        removed = actions.delete_object(members, "model", "one", actor="app")
        age(members, hours)
        assert deleted_names(members) == []
        assert list(members.trash.iterdir()) == []
        with pytest.raises(NotFoundError):
            actions.restore_object(members, removed.id, actor="app")
        actions.rename_object(members, "model", "two", "one", actor="app") if hours > 0 else None
    assert look_at_leftovers(members)[0]


def test_what_came_with_the_program_stays(averaged, monkeypatch, tmp_path):
    (tmp_path / "starter").mkdir()
    (averaged.models / MEMBERS[0]).rename(tmp_path / "starter" / "cnn")
    card = tmp_path / "starter" / "cnn" / "card.json"
    card.write_text(card.read_text().replace(f'"{MEMBERS[0]}"', '"cnn"'))
    monkeypatch.setattr("xraylab.settings.STARTER", tmp_path / "starter")
    for change in (
        lambda: actions.delete_object(averaged, "model", "cnn", actor="app"),
        lambda: actions.rename_object(averaged, "model", "cnn", "mine", actor="app"),
    ):
        with pytest.raises(InUseError, match="comes with XRayLab"):
            change()
    actions.note_object(averaged, "model", "cnn", "slow", actor="app")
    assert [row.note for row in actions.list_objects(averaged, "model") if row.name == "cnn"] == ["slow"]
    assert not (tmp_path / "starter" / "cnn" / marks.NOTE_FILE).exists()


def test_a_folder_that_cannot_be_read_may_be_deleted(trained):
    broken = trained.models / "broken"
    broken.mkdir()
    (broken / "card.json").write_text("{")
    assert "broken" in [row.name for row in actions.list_objects(trained, "model")]
    removed = actions.delete_object(trained, "model", "broken", actor="app")
    assert not broken.exists()
    actions.restore_object(trained, removed.id, actor="app")
    assert broken.exists()


def test_no_backup_has_what_was_deleted(members, tmp_path):
    actions.delete_object(members, "model", "one", actor="app")
    document = actions.backup(members, tmp_path / "backup.zip")
    assert "what was deleted in the last day" in document.left_out
    assert b"deleted.json" not in (tmp_path / "backup.zip").read_bytes()


def test_a_deletion_that_fails_leaves_the_object_and_no_record(members, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "not allowed")

    with monkeypatch.context() as patched:
        patched.setattr("xraylab.trash.system.flush_folder", refuse)
        with pytest.raises(XRayLabError, match="may not write"):
            actions.delete_object(members, "model", "one", actor="app")
    assert sorted(names(members)) == ["one", "two"]
    assert last(members).action == "failed"
    assert list(members.trash.glob("*")) == []


def test_a_disk_that_fails_after_the_move_loses_nothing(members, monkeypatch):
    move = trash.move

    def fail(folder, target):
        move(folder, target)
        raise StorageError("The drive can't be reached.")

    with monkeypatch.context() as patched:
        patched.setattr("xraylab.trash.move", fail)
        with pytest.raises(StorageError):
            actions.delete_object(members, "model", "one", actor="app")
    assert deleted_names(members) == [("model", "one")]
    actions.restore_object(members, actions.list_deleted(members)[0].id, actor="app")
    assert sorted(names(members)) == ["one", "two"]


def test_the_commands(run, members, capsys):
    assert run("rename", "model", "one", "best") == {"kind": "model", "old": "one", "name": "best"}
    assert run("note", "model", "best", "for the talk")["note"] == "for the talk"
    rows = run("objects", "model")
    assert {row["name"]: row["note"] for row in rows} == {"two": "", "best": "for the talk"}
    assert main(["delete", "model", "best"]) == 2
    error = capsys.readouterr().err
    assert "For a day it can be restored." in error
    assert error.endswith("Nothing was deleted. Confirm with --yes.\n")
    assert run("delete", "model", "best", "--yes")["kind"] == "model"
    assert [row["name"] for row in run("deleted")] == ["best"]
    assert run("undelete", "model", "best", "--as", "again") == {"kind": "model", "name": "again"}
    run("delete", "model", "again", "--yes", "--for-good")
    assert run("deleted") == []
    run("delete", "model", "two", "--yes")
    assert run("deleted", "--empty") == []
    assert run("objects") != []
    assert main(["undelete", "model", "two"]) == 2
    assert main(["delete", "model", "--failed"]) == 2
    assert run("delete", "run", "--failed", "--yes") == []
    assert main(["objects"]) == 0
    assert "in all, without what comes with XRayLab" in capsys.readouterr().out


def test_doctor_says_what_takes_room(members):
    [check] = [check for check in actions.doctor(members).checks if check.name == "disk used"]
    assert check.ok
    assert check.detail.startswith("models ")
    assert "deleted in the last day 0.0 MB" in check.detail


def test_a_moment_in_between_is_finished_at_the_next_start(trained):
    run = add_run(trained, state="failed")
    removed = actions.delete_object(trained, "run", run.id, actor="app")
    record = trash.records(trained)[0]
    # Killed after the folder moved back and before the row was there.
    trash.move_out(trained, record, folder.path(trained, run.id))
    assert run.id not in [row.run for row in actions.list_runs(trained)]
    sweep_trash(trained)
    assert run.id in [row.run for row in actions.list_runs(trained)]
    assert deleted_names(trained) == []
    # Killed after the folder moved away and before the row went.
    trash.move_in(trained, record, folder.path(trained, run.id))
    sweep_trash(trained)
    assert run.id not in [row.run for row in actions.list_runs(trained)]
    actions.restore_object(trained, removed.id, actor="app")
    assert run.id in [row.run for row in actions.list_runs(trained)]


def test_a_run_that_began_again_is_not_taken_away(trained):
    run = add_run(trained, state="queued")
    with pytest.raises(TrainingError, match="Cancel it first"):
        removing.remove(trained, run.id, lambda _: None)
