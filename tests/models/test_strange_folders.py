"""Folders that somebody else made: each costs one row and one sentence, and no list or model of another."""

import json
import os
import shutil
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.brief import DATASET, MODEL
from xraylab import actions
from xraylab.data.datasets import faults_of_datasets, list_datasets, load_dataset
from xraylab.data.openings import read_openings
from xraylab.errors import DatasetError, HonestOrderError, NotFoundError, WeightsError, XRayLabError
from xraylab.models import Lock, faults_of_models, list_models, load_model, openings_of
from xraylab.reading.loaded import load

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def copy(trained):
    """A second model in the home, for the test to damage; return its folder."""
    folder = trained.models / "second"
    shutil.copytree(trained.models / MODEL, folder)
    edit(folder / "card.json", name="second")
    return folder


def edit(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize("file", ["card.json", "lock.json"])
def test_a_stored_time_without_a_zone_is_utc(trained, copy, file):
    name = "created_at" if file == "card.json" else "locked_at"
    edit(copy / file, **{name: "2026-11-28T10:00:00"})
    model = load_model(trained, "second")
    at = model.card.created_at if file == "card.json" else model.lock.locked_at
    assert at == datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert len(list_models(trained)) == 2


def test_datasets_openings_and_pairs_with_times_without_a_zone_sort_with_the_others(trained):
    shutil.copytree(trained.datasets / DATASET, trained.datasets / "other")
    edit(trained.datasets / "other" / "dataset.json", created_at="2020-01-01T00:00:00")
    assert [info.name for info in list_datasets(trained)] == [DATASET, "other"]
    actions.open_test(trained, MODEL, actor="test")
    file = trained.home / "openings.jsonl"
    line = json.loads(file.read_text()) | {"at": "2020-01-01T00:00:00"}
    file.write_text(file.read_text() + json.dumps(line) + "\n")
    assert len(openings_of(trained, load_model(trained, MODEL))) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"schema": "xraylab.card/9"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"seconds": "nan"},
        {"parameters": 10**30},
        {"recipe": {"name": "x", "stages": "many"}},
        {"recipe": {"name": "x", "stages": [{"epochs": "a lot"}]}},
        {"classes": ["NORMAL"] * 100},
    ],
)
def test_a_card_that_cannot_be_used_costs_one_row(trained, copy, values):
    edit(copy / "card.json", **values)
    assert [row.name for row in actions.model_rows(trained)] == [MODEL]
    [fault] = faults_of_models(trained)
    assert fault.startswith("The model “second” was written by another version of XRayLab, or is damaged")
    with pytest.raises(NotFoundError, match="another version"):
        load_model(trained, "second")


def test_a_renamed_or_copied_folder_is_told_and_not_used(trained, copy):
    copy.rename(trained.models / "third")
    words = (
        "The folder “third” holds the model “second”, so it was renamed or copied and isn't used. Name the "
        "folder “second” again, or remove the copy."
    )
    assert faults_of_models(trained) == [words]
    assert [model.name for model in list_models(trained)] == [MODEL]
    with pytest.raises(NotFoundError, match="holds the model “second”"):
        load_model(trained, "third")


@pytest.mark.parametrize("values", [{"schema": "xraylab.lock/9"}, {"threshold": "nan"}, {"opened_at": ["x"]}])
def test_a_lock_that_cannot_be_used_decides_nothing_and_says_so(trained, copy, values):
    edit(copy / "lock.json", **values)
    model = load_model(trained, "second")
    assert model.lock is None
    [fault] = faults_of_models(trained)
    assert fault.startswith("The lock of “second” was written by another version of XRayLab, or is damaged")
    with pytest.raises(HonestOrderError, match="Lock a threshold again"):
        model.require_lock()


def test_a_lock_with_a_rule_of_a_later_version_is_shown_as_it_is_written(trained, copy):
    from xraylab.app.status import lock_words

    edit(copy / "lock.json", rule="sortition:0.5", review_rule=None)
    lock = load_model(trained, "second").lock
    assert " · sortition:0.5 · " in lock_words(lock)


FILES = ["card.json", "lock.json", "model.safetensors", "predictions.parquet", "films.parquet", "scale.json"]


def replaced(file, kind):
    """Replace a file by something that isn't one."""
    file.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "circle":
            file.symlink_to(file.name)
        case "device":
            file.symlink_to("/dev/zero")
        case "huge":
            with file.open("wb") as opened:
                opened.truncate(2**43)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "folder", "circle", "device", "huge"])
def test_something_in_the_place_of_a_file_is_a_sentence_and_never_a_hang(trained, copy, kind):
    for name in (*FILES, "novelty.safetensors", "history.jsonl"):
        whole = copy / name
        kept = whole.read_bytes() if whole.exists() else None
        replaced(whole, kind)
        done = threading.Thread(target=use, args=(trained,), daemon=True)
        done.start()
        done.join(20)
        assert not done.is_alive(), f"{name} as a {kind} hangs"
        shutil.rmtree(whole) if whole.is_dir() else whole.unlink()
        if kept is not None:
            whole.write_bytes(kept)
    assert FAILED == []


FAILED = []


def use(settings):
    """Use the second model in every way; note whatever isn't a sentence."""
    try:
        assert MODEL in [row.name for row in actions.model_rows(settings)]
        faults_of_models(settings)
        model = load_model(settings, "second")
        _ = model.history, model.made_from, model.lock
        load(model)
        model.films("validation")
    except XRayLabError:
        pass
    except Exception as error:
        FAILED.append(error)


def test_an_unknown_backend_is_a_sentence(trained, copy):
    edit(copy / "card.json", backend="abacus")
    with pytest.raises(WeightsError, match="backend “abacus”, which this version of XRayLab doesn't have"):
        load(load_model(trained, "second"))


@pytest.mark.parametrize(
    "raw", [b"\x80\x04K\x00.", b"", b"\xff" * 64, (8).to_bytes(8, "little") + b'{"a":{}}']
)
def test_weights_that_are_no_weights_are_a_sentence_though_their_hash_matches(trained, copy, raw):
    import hashlib

    (copy / "model.safetensors").write_bytes(raw)
    edit(copy / "card.json", model_sha256=hashlib.sha256(raw).hexdigest())
    with pytest.raises(WeightsError, match="don't fit"):
        load(load_model(trained, "second"))


def test_a_damaged_dataset_costs_one_row(trained):
    shutil.copytree(trained.datasets / DATASET, trained.datasets / "other")
    edit(trained.datasets / "other" / "dataset.json", schema="xraylab.dataset/9")
    assert [info.name for info in list_datasets(trained)] == [DATASET]
    [fault] = faults_of_datasets(trained)
    assert "another version of XRayLab, or is damaged" in fault


def test_a_changed_byte_in_the_pixels_is_noticed_before_they_are_used(trained):
    file = trained.datasets / DATASET / "pixels.npy"
    assert len(load_dataset(trained, DATASET).pixels)
    with file.open("r+b") as opened:
        opened.seek(100_000)
        byte = opened.read(1)[0]
        opened.seek(100_000)
        opened.write(bytes([byte ^ 1]))
    with pytest.raises(DatasetError, match="films” were changed or damaged since their import"):
        _ = load_dataset(trained, DATASET).pixels
    with pytest.raises(DatasetError, match="films” were changed or damaged since their import"):
        actions.evaluate(trained, MODEL, DATASET, split="validation", actor="test")


class Clock:
    """A clock that a test sets back or forward; only ``now`` is asked for."""

    offset = timedelta()

    @classmethod
    def now(cls, zone=None):
        return datetime.now(zone) + cls.offset


DAY = timedelta(days=1)


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets the clock of every module that writes times."""

    def set_by(offset):
        clock = type("clock", (Clock,), {"offset": offset, "fromisoformat": datetime.fromisoformat})
        for module in ("models.folder", "data.openings", "data.importing", "actions.pairs", "runs.execute"):
            monkeypatch.setattr(f"xraylab.{module}.datetime", clock)

    return set_by


@pytest.mark.parametrize("offset", [-DAY, DAY])
def test_an_opening_counts_at_its_lock_whatever_the_clock_says(trained, clock, offset):
    actions.lock(trained, MODEL, "f1", actor="test")
    clock(offset)
    assert actions.open_test(trained, MODEL, actor="test").split == "test"
    assert load_model(trained, MODEL).test_opened
    assert len(read_openings(trained)) == 1
    clock(timedelta())
    actions.lock(trained, MODEL, "f1", actor="test")
    assert not load_model(trained, MODEL).test_opened, "a new lock seals the test again"
    assert load_model(trained, MODEL).lock.after_opening


def test_a_lock_of_an_earlier_version_is_opened_by_its_times(trained):
    actions.open_test(trained, MODEL, actor="test")
    older = json.loads((trained.models / MODEL / "lock.json").read_text())
    del older["opened"]
    lock = Lock.model_validate(older)
    assert lock.opened_here
    assert not lock.model_copy(update={"locked_at": lock.opened_at[0] + DAY}).opened_here


@pytest.mark.parametrize("offset", [-DAY, DAY])
def test_the_newest_model_and_dataset_are_those_that_were_made_last(trained, copy, clock, offset):
    first = load_model(trained, MODEL).card
    moved = (first.created_at + offset).isoformat()
    edit(copy / "card.json", sequence=first.sequence + 1, created_at=moved)
    assert [model.name for model in list_models(trained)] == ["second", MODEL]
    clock(offset)
    actions.import_phantoms(trained, "later", n=40)
    assert [info.name for info in list_datasets(trained)] == ["later", DATASET]
