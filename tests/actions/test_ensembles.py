"""Ensembles: from two models to a third that reads, predicts and is locked like any other."""

import dataclasses
import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from tests.support.brief import BOTH, DATASET, KINDS, MEMBERS
from tests.support.cards import a_card
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.actions import ensembles, labelled
from xraylab.data.datasets import load_dataset
from xraylab.data.openings import read_openings
from xraylab.errors import EnsembleError, HonestOrderError, NameTakenError, NotFoundError, WeightsError
from xraylab.evaluation.calibration import fit_platt
from xraylab.imaging import Film
from xraylab.models import CalibratedOn, Model, load_model
from xraylab.reading.heatmap import heatmap
from xraylab.reading.loaded import load
from xraylab.reading.read import read_film
from xraylab.reading.scoring import score_pixels

pytest_plugins = ["tests.support.averaged"]


def make(settings, name="mine", members=MEMBERS, **options):
    return actions.ensemble(settings, name, list(members), actor="app", **options)


def change_card(settings, name, **changes):
    card = load_model(settings, name).card.model_copy(update=changes)
    (settings.models / name / "card.json").write_text(card.model_dump_json())


def change_predictions(settings, name, change):
    file = settings.models / name / "predictions.parquet"
    stored = predictions_file.read(file)
    predictions_file.write(file, dataclasses.replace(stored, frame=change(stored.frame)))


def everything(settings, name):
    """Both splits of a model's predictions, past the seal."""
    return predictions_file.read(settings.models / name / "predictions.parquet").frame


def test_an_ensemble_is_a_model_with_a_list_of_members_for_weights(averaged):
    model = load_model(averaged, BOTH)
    assert {file.name for file in model.folder.iterdir()} == {
        "members.json",
        "card.json",
        "films.parquet",
        "predictions.parquet",
        "lock.json",
    }
    raw = (model.folder / "members.json").read_bytes()
    assert model.card.model_sha256 == model.lock.model_sha256 == hashlib.sha256(raw).hexdigest()
    assert [member.model for member in model.members.members] == [*MEMBERS]
    for member in model.members.members:
        assert member.model_sha256 == load_model(averaged, member.model).card.model_sha256
    assert model.card.members == MEMBERS
    assert model.card.parameters == sum(load_model(averaged, name).card.parameters for name in MEMBERS)
    assert model.history == []
    row = actions.model_row(averaged, BOTH)
    assert (row.arch, row.recipe, row.rule) == ("ensemble", "ensemble", "youden")


def test_its_scores_are_calibrated_probabilities_averaged_and_calibrated_again(members):
    """By scipy and by hand, from the members' stored logits, on validation and on the sealed films."""
    document = make(members)
    frames = [everything(members, name) for name in MEMBERS]
    ours = everything(members, "mine")
    validation = (ours["split"] == "validation").to_numpy()
    labels = ours["label"].to_numpy()
    probabilities = []
    for frame, member in zip(frames, document.members, strict=True):
        platt = fit_platt(labels[validation], frame["logit"].to_numpy()[validation])
        assert (member.slope, member.intercept) == (platt.slope, platt.intercept)
        probabilities.append(expit(platt.slope * frame["logit"].to_numpy() + platt.intercept))
    mean = logit(np.mean(probabilities, axis=0))
    final = fit_platt(labels[validation], mean[validation])
    expected = expit(final.slope * mean + final.intercept)
    np.testing.assert_allclose(ours["score"], expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours["spread"], np.std(probabilities, axis=0, ddof=1), rtol=0, atol=1e-9)
    assert set(ours["split"]) == {"validation", "test"}
    assert document.val.auc == pytest.approx(roc_auc_score(labels[validation], expected[validation]))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_page_predict_and_evaluate_agree_with_the_stored_predictions(averaged, run, phantom_folder, split):
    model = load_model(averaged, BOTH)
    model.write_opening()
    stored = model.films(split).frame
    files = [phantom_folder / name for name in stored["image_id"]]
    rows = run("predict", "--model", BOTH, *files)
    for key in ("score", "spread"):
        np.testing.assert_allclose([row[key] for row in rows], stored[key], rtol=0, atol=1e-6)
    loaded = load(model)
    page = [read_film(loaded, Film(file.name, file.read_bytes())) for file in files]
    np.testing.assert_allclose([reading.score for reading in page], stored["score"], rtol=0, atol=1e-6)
    assert [reading.decision for reading in page] == [row["decision"] for row in rows]
    assert all(row["decision"] in ("positive", "negative") and row["subtype"] is None for row in rows)
    dataset = load_dataset(averaged, DATASET)
    fresh = labelled.score_films(averaged, model, labelled.LabelledFilms.of_split(dataset, split))
    np.testing.assert_allclose(fresh.scores, stored["score"], rtol=0, atol=1e-6)


def test_a_single_model_has_no_spread(members, run, phantom_folder):
    [row] = run("predict", "--model", "one", min(phantom_folder.rglob("*.png")))
    assert (row["spread"], row["subtype"]) == (None, None)


def test_evaluate_tells_progress_in_films_and_opens_the_test(averaged):
    told = []
    actions.evaluate(
        averaged, BOTH, DATASET, split="train", actor="app", on_progress=lambda *x: told.append(x)
    )
    n = len(load_dataset(averaged, DATASET).rows("train"))
    assert told[-1] == (n, n)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert actions.evaluate(averaged, BOTH, DATASET, actor="app").test_openings == 1


def test_the_command_makes_one(run, members):
    document = run("ensemble", "mine", *MEMBERS, "--rule", "value:0.3")
    assert (document["model"], document["val"]["threshold"]) == ("mine", 0.3)
    assert [member["model"] for member in document["members"]] == [*MEMBERS]
    assert load_model(members, "mine").lock.actor == "command line"
    assert run("ensemble", "mine", *MEMBERS, "--replace")["val"]["threshold"] != 0.3


def test_its_test_films_are_sealed_like_any_models(averaged):
    with pytest.raises(HonestOrderError, match="sealed"):
        load_model(averaged, BOTH).films("test")
    assert read_openings(averaged) == []
    actions.open_test(averaged, BOTH, actor="app")
    assert set(load_model(averaged, BOTH).films("test").frame["split"]) == {"test"}


def test_an_opening_for_a_member_stamps_the_ensemble(members):
    assert not make(members).after_opening
    actions.open_test(members, "one", actor="app")
    assert actions.lock(members, "mine", "youden", actor="app").after_opening
    assert make(members, "later").after_opening
    assert not actions.lock(members, "two", "youden", actor="app").after_opening


def test_a_members_own_lock_remembers_an_opening_that_the_dataset_forgot(members):
    actions.open_test(members, "one", actor="app")
    shutil.rmtree(members.datasets / DATASET)
    assert make(members).after_opening


def test_an_opening_for_the_ensemble_stamps_its_members(averaged):
    actions.open_test(averaged, BOTH, actor="app")
    assert [event.model for event in read_openings(averaged)] == [BOTH]
    for name in MEMBERS:
        assert not load_model(averaged, name).test_opened
        assert actions.lock(averaged, name, "youden", actor="app").after_opening


@pytest.mark.parametrize(
    ("members_named", "said"),
    [
        (["one"], "needs two models or more"),
        ([], "needs two models or more"),
        (["one", "one"], "“one” is named twice"),
        (["one", "mine"], "can't be a member of itself"),
        (["one", BOTH], "“both” is an ensemble itself"),
    ],
)
def test_members_that_are_none_are_a_sentence(averaged, members_named, said):
    with pytest.raises(EnsembleError, match=said):
        make(averaged, members=members_named)
    assert not (averaged.models / "mine").exists()


def test_names_and_rules_are_checked_first(members):
    with pytest.raises(NotFoundError, match="no model “nobody”"):
        make(members, members=["one", "nobody"])
    with pytest.raises(NameTakenError, match="a model “one” already"):
        make(members, "one")
    with pytest.raises(NameTakenError, match="reserved"):
        make(members, "ensemble")
    with pytest.raises(Exception, match="is not a rule"):
        make(members, rule="argmax")
    assert sorted(folder.name for folder in members.models.iterdir()) == sorted(MEMBERS)


def test_a_rule_that_cannot_be_met_leaves_nothing(members, monkeypatch):
    def refuse(*_):
        raise EnsembleError("No threshold reaches it.")

    monkeypatch.setattr(ensembles, "choose_threshold", refuse)
    with pytest.raises(EnsembleError, match="reaches"):
        make(members)
    assert sorted(folder.name for folder in members.models.iterdir()) == sorted(MEMBERS)


def test_models_of_other_films_or_of_films_prepared_differently_are_a_sentence(members):
    card = load_model(members, "two").card
    for dataset, said in (
        ({"kind": "radiographs"}, "“one” was trained on phantoms and “two” on radiographs"),
        ({"name": "others"}, "“one” was trained on “films” and “two” on “others”: patients held out"),
        ({"pixel_hash": "0"}, "“films” held other films when “one” was trained"),
    ):
        change_card(members, "two", dataset=card.dataset.model_copy(update=dataset))
        with pytest.raises(EnsembleError, match=said):
            make(members)
    change_card(members, "two", preprocess_version=99)
    with pytest.raises(EnsembleError, match="prepared by another version"):
        make(members)


def test_patients_that_one_held_out_and_another_may_have_trained_on_are_a_sentence(members):
    def lose(frame):
        return frame[frame["patient"] != frame["patient"].iloc[0]]

    change_predictions(members, "two", lose)
    with pytest.raises(EnsembleError, match="“one” held out 1 patient that “two” didn't hold out"):
        make(members)
    with pytest.raises(EnsembleError, match="“one” held out 1 patient that “two”"):
        make(members, members=["two", "one"])


def test_films_used_or_told_differently_are_a_sentence(members):
    def swap(frame):
        return frame.assign(split=frame["split"].map({"validation": "test", "test": "validation"}))

    change_predictions(members, "two", lambda frame: frame.assign(group="g" + frame["group"]))
    with pytest.raises(EnsembleError, match="different labels or patients"):
        make(members)
    change_predictions(members, "two", swap)
    with pytest.raises(EnsembleError, match="use 18 of the films they held out differently"):
        make(members)


def test_a_member_that_takes_pneumonia_for_normal_is_a_sentence(members):
    def turn(frame):
        return frame.assign(logit=-frame["logit"])

    change_predictions(members, "two", turn)
    with pytest.raises(
        EnsembleError, match=r"“two” can't be averaged\. Scores can't be calibrated: films with"
    ):
        make(members)


def test_a_member_whose_weights_changed_is_refused_at_once(members):
    file = members.models / "two" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\0\1")
    with pytest.raises(WeightsError, match="weights of “two” have changed"):
        make(members)


def test_a_member_that_changed_or_vanished_later_is_refused_and_the_numbers_stay(averaged):
    change_card(averaged, "two", model_sha256="0" * 64)
    with pytest.raises(WeightsError, match="“both” averages “two”, which was replaced since"):
        load(load_model(averaged, BOTH))
    shutil.rmtree(averaged.models / "two")
    with pytest.raises(WeightsError, match="“both” averages “two”, which is gone"):
        actions.load_for_reading(averaged, BOTH)
    assert len(load_model(averaged, BOTH).films("validation")) > 0
    assert actions.lock(averaged, BOTH, "f1", actor="app").val.n > 0
    assert BOTH in [row.name for row in actions.model_rows(averaged)]


@pytest.mark.parametrize("damage", [None, b"", b"{}"])
def test_a_damaged_list_of_members_is_a_sentence(averaged, damage):
    file = averaged.models / BOTH / "members.json"
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(WeightsError, match="list of members of “both” is missing or has changed"):
        load(load_model(averaged, BOTH))


def test_a_list_of_members_can_not_lead_out_of_the_home(averaged):
    file = averaged.models / BOTH / "members.json"
    listed = json.loads(file.read_bytes())
    listed["members"][0]["model"] = "../elsewhere"
    file.write_text(json.dumps(listed))
    change_card(averaged, BOTH, model_sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises(NameTakenError, match="can't be the name"):
        load(load_model(averaged, BOTH))


def test_members_of_other_sizes_see_films_and_draw_maps_in_their_own(averaged, add_model):
    add_model(averaged, "large", "mobilenet_v2", 4)
    make(averaged, members=["one", "large"])
    model = load_model(averaged, "mine")
    loaded = load(model)
    assert [part.entry.side for part in loaded.parts] == [128, 224]
    dataset = load_dataset(averaged, DATASET)
    rows = dataset.rows("validation")
    fresh = score_pixels(loaded, dataset.pixels, rows)
    np.testing.assert_allclose(fresh.score, model.films("validation").scores, rtol=0, atol=1e-6)
    pixels = dataset.pixels[0]
    maps = [heatmap(load(load_model(averaged, name)), pixels) for name in ("one", "large")]
    assert [one.shape for one in maps] == [(128, 128), (224, 224)]
    small = torch.nn.functional.interpolate(
        torch.from_numpy(maps[0])[None, None], size=(224, 224), mode="bilinear"
    )[0, 0].numpy()
    ours = heatmap(loaded, pixels)
    assert (ours.shape, ours.dtype) == ((224, 224), np.float32)
    np.testing.assert_allclose(ours, (small + maps[1]) / 2, atol=1e-5)


def test_three_classes_are_kept_and_the_kind_is_told_after_the_decision_only(kinds, run, kinds_folder):
    model = load_model(kinds, "three-1")
    frame = model.films("validation").frame
    np.testing.assert_allclose(frame["score"], 1 - frame["p_normal"], rtol=0, atol=1e-15)
    np.testing.assert_allclose(frame[["p_normal", "p_bacterial", "p_viral"]].sum(axis=1), 1, atol=1e-12)
    files = sorted(kinds_folder.rglob("*.png"))[::5]
    actions.lock(kinds, "three-1", f"value:{float(frame['score'].median())}", actor="app")
    rows = run("predict", "--model", "three-1", *files)
    assert {row["decision"] for row in rows} == {"positive", "negative"}
    for row in rows:
        assert (row["subtype"] is not None) == (row["decision"] == "positive")
        if row["subtype"]:
            assert list(row["subtype"]) == ["bacterial", "viral"]
            assert sum(row["subtype"].values()) == pytest.approx(1)


def test_a_kind_is_told_of_a_film_that_a_person_decided(kinds, kinds_folder):
    model = load_model(kinds, "three-1")
    model.write_lock(0.0, "value:0", actor="app")
    card = model.card.model_copy(
        update={"dataset": model.card.dataset.model_copy(update={"kind": "radiographs"})}
    )
    reading = read_film(
        load(Model(model.folder, card)), Film("film", min(kinds_folder.rglob("*.png")).read_bytes())
    )
    assert reading.warnings
    assert (reading.decision, reading.subtype) == (None, ())
    assert [name for name, _ in reading.decided_anyway().subtype] == ["bacterial", "viral"]


def test_an_ensemble_of_three_classes_agrees_with_its_stored_probabilities(kinds):
    make(kinds, members=["three-1", "three-2"])
    model = load_model(kinds, "mine")
    stored = model.films("validation")
    dataset = load_dataset(kinds, KINDS)
    fresh = labelled.score_films(kinds, model, labelled.LabelledFilms.of_split(dataset, "validation"))
    for column in ("score", "spread", "p_normal", "p_bacterial", "p_viral"):
        np.testing.assert_allclose(fresh.frame[column], stored.frame[column], rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        stored.kinds["bacterial"] + stored.kinds["viral"], stored.scores, rtol=0, atol=1e-12
    )


def test_models_of_two_and_of_three_classes_do_not_mix(kinds):
    with pytest.raises(EnsembleError, match="“three-1” tells 3 classes apart and “plain” 2"):
        make(kinds, members=["three-1", "plain"])


def test_an_ensemble_with_a_third_model_may_replace_an_older_one(averaged, add_model):
    add_model(averaged, "three", "small_cnn", 9)
    assert len(make(averaged, BOTH, [*MEMBERS, "three"], replace=True).members) == 3
    assert len(load(load_model(averaged, BOTH)).parts) == 3


def test_its_card_counts_the_films_that_calibrated_it(members):
    make(members)
    films = load_model(members, MEMBERS[0]).films("validation").scored
    fitted = load_model(members, "mine").card.fitted_to
    assert fitted == CalibratedOn(films=len(films), patients=len(set(films.groups)), copies=0)
    assert fitted.rows == len(films)


@pytest.mark.parametrize(("rule", "copies"), [("youden", 0), ("specificity:0.99@suite", 9)])
def test_the_card_of_an_older_version_counts_what_it_must_have_been_calibrated_on(rule, copies):
    splits = {"validation": {"films": 782, "patients": 395}}
    dataset = a_card().dataset.model_copy(update={"splits": splits})
    old = a_card(members=("a", "b"), recipe={"name": "ensemble", "rule": rule}, dataset=dataset)
    assert old.fitted_to is None
    assert old.calibrated_on == CalibratedOn(films=782, patients=395, copies=copies)
    assert a_card().calibrated_on is None
