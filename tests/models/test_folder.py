import json
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.support.brief import DATASET, MODEL
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.errors import HonestOrderError, NameTakenError, NotFoundError
from xraylab.models import RESERVED_NAMES, Lock, check_name_free, list_models, load_model, openings_of

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def model(trained):
    return load_model(trained, MODEL)


def test_a_models_folder_holds_all_it_is(model):
    assert {file.name for file in model.folder.iterdir()} == {
        "model.safetensors",
        "card.json",
        "films.parquet",
        "predictions.parquet",
        "history.jsonl",
        "lock.json",
        "scale.json",
    }
    assert model.name == MODEL
    assert [epoch["epoch"] for epoch in model.history] == [1, 2]
    assert model.card.epochs == 2
    assert model.card.dataset.name == DATASET
    assert model.card.dataset.kind == "phantoms"


def test_the_validation_predictions_are_open_and_of_the_validation_films_alone(trained, model):
    dataset = load_dataset(trained, DATASET)
    expected = dataset.catalog["image_id"].iloc[dataset.rows("validation")]
    assert model.films("validation").frame["image_id"].tolist() == expected.tolist()
    assert model.films("validation").frame["score"].between(0, 1).all()


def test_a_lock_comes_back_as_it_was_written(model):
    written = model.write_lock(0.25, "value:0.25", actor="app")
    assert model.lock == written
    assert (written.threshold, written.rule, written.actor) == (0.25, "value:0.25", "app")
    assert written.model_sha256 == model.card.model_sha256
    assert written.n == len(model.films("validation"))
    assert not written.after_opening


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan")])
def test_a_threshold_outside_0_to_1_is_no_lock(model, threshold):
    before = model.lock
    with pytest.raises(ValueError, match="threshold"):
        model.write_lock(threshold, "value", actor="app")
    assert model.lock == before


def test_a_review_band_is_locked_with_the_threshold_and_goes_with_the_next_lock(model):
    written = model.write_lock(0.5, "f1", actor="app", review_from=0.25, review_rule="sensitivity:0.99")
    assert model.lock == written
    assert (written.review_from, written.review_rule) == (0.25, "sensitivity:0.99")
    assert model.write_opening().review_from == 0.25
    again = model.write_lock(0.5, "f1", actor="app")
    assert (again.review_from, again.review_rule) == (None, None)
    assert not model.test_opened


@pytest.mark.parametrize("review_from", [-0.01, 0.5, 0.6, float("nan")])
def test_a_review_band_that_is_not_below_the_threshold_is_no_lock(model, review_from):
    before = model.lock
    with pytest.raises(ValueError, match="review_from"):
        model.write_lock(0.5, "value:0.5", actor="app", review_from=review_from)
    assert model.lock == before


def test_a_lock_from_before_there_were_review_bands_has_none(model):
    file = model.folder / "lock.json"
    older = json.loads(file.read_text())
    del older["review_from"], older["review_rule"]
    before = model.lock
    file.write_text(json.dumps(older))
    assert model.lock == before
    assert model.lock.review_from is None


def test_test_predictions_are_sealed_until_the_model_is_locked_and_its_test_opened(model):
    (model.folder / "lock.json").unlink()
    with pytest.raises(HonestOrderError, match=r"sealed\. Lock its threshold"):
        model.films("test")
    with pytest.raises(HonestOrderError, match="Lock one on validation first"):
        model.write_opening()
    model.write_lock(0.5, "value:0.5", actor="app")
    with pytest.raises(HonestOrderError, match="sealed"):
        model.films("test")
    model.write_opening()
    assert set(model.films("test").frame["split"]) == {"test"}


def test_a_new_lock_seals_the_test_again_and_is_stamped_for_good(model):
    model.write_opening()
    for _ in range(2):
        assert model.write_lock(0.4, "value:0.4", actor="app").after_opening
        assert not model.test_opened
    model.write_opening()
    assert model.test_opened
    assert len(model.lock.opened_at) == 2


def test_the_stamp_stays_when_the_openings_are_no_longer_known(model):
    stamped = model.write_lock(0.4, "value:0.4", actor="app", after_opening=True)
    assert stamped.opened_at == ()
    assert model.write_lock(0.5, "value:0.5", actor="app").after_opening


def test_a_damaged_lock_is_no_lock_and_leaves_the_stamp(trained, model):
    (model.folder / "lock.json").write_text("{")
    assert model.lock is None
    assert actions.model_rows(trained)[0].threshold is None
    assert model.write_lock(0.5, "value:0.5", actor="app").after_opening


def test_an_opening_before_the_lock_does_not_open_the_test(model):
    lock = model.lock
    early = lock.model_copy(update={"opened_at": (lock.locked_at - timedelta(seconds=1),)})
    (model.folder / "lock.json").write_text(early.model_dump_json())
    assert not model.test_opened


def test_an_opening_is_remembered_by_the_dataset_beyond_the_model(trained, brief_recipe):
    assert openings_of(trained, load_model(trained, MODEL)) == []
    actions.open_test(trained, MODEL, actor="app")
    assert [event.model for event in openings_of(trained, load_model(trained, MODEL))] == [MODEL]
    request = actions.request_training(
        trained, dataset=DATASET, arch="small_cnn", recipe=str(brief_recipe), name=MODEL, replace=True
    )
    actions.train(trained, request)
    again = load_model(trained, MODEL)
    assert again.lock.opened_at == ()
    assert again.lock.after_opening
    assert actions.lock(trained, MODEL, "f1", actor="app").after_opening
    with pytest.raises(HonestOrderError, match="sealed"):
        again.films("test")


@pytest.mark.parametrize("damage", ["{", "{}", '{"schema": "xraylab.card/9"}'])
def test_a_damaged_card_is_a_sentence_and_the_list_goes_on(trained, model, damage):
    broken = trained.models / "broken"
    broken.mkdir()
    (broken / "card.json").write_text(damage)
    with pytest.raises(NotFoundError, match=r"“broken” was written by another version .* or is damaged"):
        load_model(trained, "broken")
    assert [found.name for found in list_models(trained)] == [MODEL]


@pytest.mark.parametrize("damage", [b"", b"PAR1 no parquet", None])
def test_damaged_predictions_are_a_sentence_and_the_list_goes_on(trained, model, damage):
    file = model.folder / "predictions.parquet"
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(NotFoundError, match="predictions of the model “first” are missing or damaged"):
        model.films("validation")
    [row] = actions.model_rows(trained)
    assert row.name == MODEL
    assert row.val_auc != row.val_auc, "NaN"


def test_half_built_folders_are_no_models(trained, model):
    (trained.models / ".second.0.partial").mkdir()
    (trained.models / ".second.0.partial" / "card.json").write_bytes(
        (model.folder / "card.json").read_bytes()
    )
    assert [found.name for found in list_models(trained)] == [MODEL]


def test_a_model_that_is_not_there_is_answered_with_those_there_are(trained, tmp_path):
    with pytest.raises(NotFoundError, match=r"no model “second”\. There are: first"):
        load_model(trained, "second")


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "CNN", "Imagenet"])
def test_reserved_names_stay_free_for_what_is_shipped(trained, name):
    with pytest.raises(NameTakenError, match="is reserved"):
        check_name_free(trained, name, replace=True)


@pytest.mark.parametrize("name", ["", "..", "a/b", "ä", ".hidden", "x" * 65])
def test_a_name_that_cannot_be_a_folder_is_refused(trained, name):
    with pytest.raises(NameTakenError, match="can't be the name of a model"):
        check_name_free(trained, name)


def test_a_taken_name_gives_way_on_purpose_only(trained):
    with pytest.raises(NameTakenError, match="a model “first” already"):
        check_name_free(trained, MODEL)
    check_name_free(trained, MODEL, replace=True)
    check_name_free(trained, "second")


def test_a_lock_names_its_schema(model):
    assert '"schema": "xraylab.lock/1"' in (model.folder / "lock.json").read_text()
    assert Lock.model_validate_json((model.folder / "lock.json").read_bytes()) == model.lock


def test_models_open_without_torch():
    code = "import sys, xraylab.models; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
