"""The model card: its numbers against scikit-learn and the evaluation, its words against hostile ones."""

import json
import math
import re
import shlex
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import typer
from markdown_it import MarkdownIt
from pydantic import ValidationError
from sklearn import metrics

from tests.support.cards import (
    AT,
    BRIEF,
    HASH,
    NASTY,
    SEALED,
    THRESHOLD,
    a_card,
    a_lock,
    predictions,
    written,
)
from xraylab.cli import app
from xraylab.evaluation.balanced import balanced_accuracy_interval
from xraylab.evaluation.calibration import measure_calibration
from xraylab.evaluation.intervals import auc_interval
from xraylab.evaluation.reliability import share_interval
from xraylab.evaluation.summary import summarise
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import DASH, interval, percent, score
from xraylab.models import ENSEMBLE, About, Card, Member, Members, TrainedOn
from xraylab.models.heatmap_scale import MapScale
from xraylab.predictions import Predictions
from xraylab.reports.card import model_card
from xraylab.training.recipe import PRESETS, load_recipe, parse_recipe

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "model-card.md"
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def section(text, title):
    return re.search(rf"## {title}[^\n]*\n\n(.*?)(?=\n\n## |\Z)", text, re.DOTALL)[1]


def rows(part):
    """The rows of the tables of a section, by their first cell."""
    found = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in part.splitlines() if "|" in line
    ]
    return {cells[0]: cells[1:] for cells in found}


@pytest.mark.parametrize("split", ["Validation", "Test"])
def test_every_rate_is_scikit_learns_and_its_interval_the_evaluations(split):
    films = predictions(seed=len(split))
    opened = a_lock(opened_at=(AT + timedelta(hours=1),))
    found = rows(section(written(lock=opened, validation=films, test=films), f"{split} films"))
    labels, scores, groups = films.labels, films.scores, films.groups
    called, summary = scores >= THRESHOLD, summarise(labels, scores, groups, THRESHOLD)
    area = metrics.roc_auc_score(labels, scores)
    assert found["AUC"][0] == f"{area:.3f}"
    assert found["AUC"][1] == "–".join(f"{end:.3f}" for end in auc_interval(labels, scores, groups))
    expected = {
        "Sensitivity": ("sensitivity", metrics.recall_score(labels, called)),
        "Specificity": ("specificity", metrics.recall_score(labels, called, pos_label=0)),
        "PPV (precision)": ("ppv", metrics.precision_score(labels, called)),
        "NPV": ("npv", metrics.precision_score(labels, called, pos_label=0)),
        "Accuracy": ("accuracy", metrics.accuracy_score(labels, called)),
    }
    for words, (name, value) in expected.items():
        assert found[words] == [percent(value), interval(*summary.intervals[name])]
    table = threshold_table(labels, scores, groups)
    assert found["Balanced accuracy"] == [
        percent(metrics.balanced_accuracy_score(labels, called)),
        interval(*balanced_accuracy_interval(table, THRESHOLD)),
    ]
    [[tn, fp], [fn, tp]] = metrics.confusion_matrix(labels, called)
    assert (found["with pneumonia"], found["without"]) == ([str(tp), str(fn)], [str(fp), str(tn)])


def test_films_and_patients_are_counted():
    films = predictions()
    part = section(written(validation=films), "Validation")
    positives = int(films.labels.sum())
    assert (
        f"300 films of {len(set(films.groups))} patients; {positives} films with pneumonia, "
        f"{300 - positives} without." in part
    )


def test_each_kind_of_pneumonia_has_its_own_sensitivity_clustered_by_patient():
    films = predictions()
    found = rows(section(written(validation=films), "Validation"))
    for kind in ("bacterial", "viral"):
        of_kind = films.frame[films.frame["subtype"] == kind]
        scores, groups = of_kind["score"].to_numpy(), of_kind["group"].tolist()
        table = threshold_table(np.ones(len(of_kind), int), scores, groups)
        assert len(set(groups)) < len(groups)
        assert found[f"Sensitivity, {kind} ({len(of_kind)} films)"] == [
            percent(metrics.recall_score(np.ones(len(of_kind)), scores >= THRESHOLD)),
            interval(*table.interval("sensitivity", THRESHOLD)),
        ]


def test_calibration_is_that_of_the_logit():
    films = predictions()
    part = section(written(validation=films), "Validation")
    fit = measure_calibration(films.labels, films.scores, films.frame["logit"], films.groups)
    for name, value, (low, high) in (
        ("Calibration slope", fit.slope, fit.slope_ci),
        ("intercept", fit.intercept, fit.intercept_ci),
        (f"{fit.observed} of {fit.expected:.1f},", fit.ratio, fit.ratio_ci),
    ):
        assert f"{name} {value:.3f} ({low:.3f} to {high:.3f})".replace("-", "−") in part
    assert f"Brier score {score(metrics.brier_score_loss(films.labels, films.scores))}," in part
    ece = summarise(films.labels, films.scores, films.groups, THRESHOLD).ece
    assert f"expected calibration error {score(ece)} over ten bins" in part


def test_sealed_test_films_give_no_figure():
    part = section(written(), "Test films")
    assert part == SEALED
    assert not re.search(r"\d", part)


def test_a_lock_made_after_an_opening_says_so_beside_the_figures():
    films = predictions()
    assert "isn't on record" in section(written(test=films), "Test films")
    unseen = written(lock=a_lock(openings_before=0), test=films)
    assert "On record, no results on the test films had been seen" in section(unseen, "Test films")
    others = written(lock=a_lock(openings_before=2), test=films, openings=3)
    assert "had been seen 2 times before the lock was made, for other models" in section(others, "Test films")
    text = written(lock=a_lock(after_opening=True), test=films, openings=3)
    assert "so they may have influenced it" in section(text, "Test films")
    assert "opened 3 times, for all models together" in section(text, "Test films")
    assert "changed after test results were seen" in section(text, "Lock")


def test_without_a_lock_there_is_an_auc_and_nothing_at_a_threshold():
    text = written(lock=None, test=predictions())
    assert "no valid lock" in section(text, "Test films")
    found = rows(section(text, "Validation"))
    assert re.fullmatch(r"0\.\d{3}", found["AUC"][0])
    assert "Sensitivity" not in found
    assert "with pneumonia" not in found
    assert "Not locked" in section(text, "Lock")


@pytest.mark.parametrize(
    "change", [{"model_sha256": "ff" * 32}, {"backend": "openvino"}, {"preprocess_version": 0}]
)
def test_a_lock_that_does_not_fit_decides_nothing_and_opens_nothing(change):
    text = written(lock=a_lock(**change), test=predictions())
    assert "so it is not used" in section(text, "Lock")
    assert "Sensitivity" not in rows(section(text, "Validation"))
    assert section(text, "Test films") == "Not shown, because there is no valid lock for this model."


def test_the_lock_is_told_with_all_its_digits_and_its_rule():
    text = section(written(lock=a_lock(threshold=0.412345, rule="sensitivity:0.95")), "Lock")
    assert "Threshold 0.412345:" in text
    assert "sensitivity ≥ 95 %, the highest threshold that reaches it" in text
    assert "Threshold 0.500:" in section(written(lock=a_lock(threshold=0.5)), "Lock")
    floor = section(written(lock=a_lock(rule="floor:0.95")), "Lock")
    assert "Rule: sensitivity floor 95 % on one film per patient, with 95 % confidence, the highest" in floor
    assert "Rule: my rule" in section(written(lock=a_lock(rule="my rule")), "Lock")


@pytest.mark.parametrize("split", ["Validation", "Test"])
def test_a_review_band_is_told_by_its_zones_and_its_misses_with_their_bound(split):
    films = predictions(seed=len(split))
    lock = a_lock(review_from=0.15, review_rule="sensitivity:0.98", opened_at=(AT + timedelta(hours=1),))
    part = section(written(lock=lock, validation=films, test=films), f"{split} films")
    labels, scores = films.labels, films.scores
    found = rows(part)
    zones = {
        "above both": scores >= THRESHOLD,
        "needs a reader": (scores >= 0.15) & (scores < THRESHOLD),
        "below both": scores < 0.15,
    }
    for words, inside in zones.items():
        ill, well = int(labels[inside].sum()), int((1 - labels[inside]).sum())
        assert min(ill, well) > 0
        assert found[words] == [str(ill), str(well), percent(inside.mean())]
    missed = 1 - metrics.recall_score(labels, scores >= 0.15)
    low, high = threshold_table(labels, scores, films.groups).interval("sensitivity", 0.15)
    between = zones["needs a reader"].astype(int)
    reader = interval(*share_interval(between, np.unique(films.groups, return_inverse=True)[1]))
    assert (
        f"{percent(between.mean())} of the films need a reader ({reader}). Below both cuts lie "
        f"{int(labels[zones['below both']].sum())} of {labels.sum()} films with pneumonia, "
        f"{percent(missed)} ({interval(1 - high, 1 - low)}), so up to {percent(1 - low)} of pneumonias"
    ) in part
    # The calls at the threshold stay those of all films, and the zones stand next to them.
    [[tn, fp], [fn, tp]] = metrics.confusion_matrix(labels, scores >= THRESHOLD)
    assert found["with pneumonia"] == [str(tp), str(fn)]
    assert found["without"] == [str(fp), str(tn)]
    below, ill = int((scores < 0.15).sum()), int(labels[scores < 0.15].sum())
    assert f"Of {below} {split.lower()} films below both thresholds, {ill} have pneumonia" in part
    assert "Where 10.0\u202f% of films have pneumonia" in part
    assert found["Sensitivity"][0] == percent(metrics.recall_score(labels, scores >= THRESHOLD))


def test_the_lock_tells_its_review_band_and_what_chose_it():
    lock = a_lock(threshold=0.9, review_from=0.0312345, review_rule="sensitivity:0.99")
    text = section(written(lock=lock), "Lock")
    assert "Review band from 0.0312345: a film needs a reader when its score is this or higher" in text
    assert "Rule of the review band: sensitivity ≥ 99 %, the highest threshold that reaches it" in text
    assert "eview band" not in written()
    unread = a_lock(review_from=0.1, model_sha256="ff" * 32)
    assert "need a reader" not in section(written(lock=unread), "Validation")


def test_a_review_band_without_pneumonias_is_a_sentence():
    lock = a_lock(review_from=0.15)
    part = section(written(lock=lock, validation=predictions(labels=0)), "Validation")
    assert "Without films with pneumonia, the number missed below both cuts is unknown." in part
    assert rows(part)["needs a reader"][0] == "0"
    assert "nan" not in part
    assert "Rule of the review band" not in written(lock=lock)


@pytest.mark.parametrize(("label", "missing"), [(1, "normal"), (0, "pneumonia")])
def test_one_class_only_gives_dashes_and_a_sentence(label, missing):
    part = section(written(validation=predictions(labels=label)), "Validation")
    found = rows(part)
    assert found["AUC"] == found["Balanced accuracy"] == [DASH, DASH]
    assert found["Specificity" if label else "Sensitivity"] == [DASH, DASH]
    assert f"Calibration slope and intercept: {DASH}." in part
    assert f"there is no {missing} film among the 300" in part
    assert "nan" not in part


def changed(**columns):
    films = predictions()
    return Predictions(films.frame.assign(**columns), HASH)


@pytest.mark.parametrize(
    ("films", "said"),
    [
        ("The predictions are missing or damaged.", "The predictions are missing or damaged."),
        (changed(score=np.nan), "There are no scored films."),
        ("The stored predictions are those of other weights.", "predictions are those of other weights."),
    ],
)
def test_predictions_that_cannot_be_counted_are_a_sentence(films, said):
    part = section(written(validation=films), "Validation")
    assert said in part
    assert rows(part) == {}


def test_a_score_without_a_logit_is_no_fault():
    part = section(written(validation=changed(logit=np.nan)), "Validation")
    assert "some films have a score but no finite logit" in part
    assert "Sensitivity" in rows(part)


def test_films_without_patients_or_kinds_are_counted_still():
    part = section(written(validation=changed(group=None, subtype=None)), "Validation")
    assert "300 films of 1 patient;" in part
    assert "kinds of pneumonia of these films aren’t known" in part


def test_what_a_person_says_stands_in_its_place():
    about = About(
        users=("Readers.",),
        population=("Children of 1 to 5.",),
        data=("One hospital.",),
        faults=("Compression tells the classes apart.",),
        failures=("Adults.", "Lateral films."),
        licences=("CC BY 4.0",),
        command="python -m xraylab models",
    )
    text = written(a_card(about=about))
    assert section(text, "Users") == "- Readers."
    assert section(text, "Population") == "- Children of 1 to 5."
    assert section(text, "Data").startswith("- One hospital.\n\nDataset `films`, radiographs;")
    assert section(text, "Known faults of the data") == "- Compression tells the classes apart."
    assert section(text, "Known failures") == "- Adults.\n- Lateral films."
    assert section(text, "Licences") == "- CC BY 4.0"
    assert section(text, "How to repeat it") == "```sh\npython -m xraylab models\n```"


def test_the_guides_example_is_what_a_card_takes():
    example = json.loads(re.search(r"```json\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[1])
    card = Card.model_validate_json(json.dumps(json.loads(a_card().model_dump_json()) | example))
    assert set(example["about"]) == set(About.model_fields) - {"command"}
    for sentences in example["about"].values():
        assert f"- {sentences[0]}\n" in written(card)


def test_what_nobody_said_is_said_not_to_be_known_but_of_phantoms_it_follows():
    text = written()
    drawn = written(a_card(dataset=a_card().dataset.model_copy(update={"kind": "phantoms"})))
    for title in ("Users", "Population", "Known faults", "Known failures", "Licences"):
        assert section(text, title) == "- Not described. The person who trained the model should add this."
        assert "Not described" not in section(drawn, title)


def test_it_is_never_for_diagnosis_whatever_a_card_says():
    assert "Not for diagnosis" in section(written(a_card(intended_use="Diagnosis.")), "Intended use")


def test_an_older_card_loads_and_is_told():
    older = json.loads(a_card().model_dump_json())
    del older["about"]
    assert Card.model_validate_json(json.dumps(older)) == a_card()


def parsed(command):
    """What the command line makes of a command."""
    name, *arguments = shlex.split(command.removeprefix("python -m xraylab "))
    return typer.main.get_command(app).get_command(None, name).make_context(name, arguments).params


def test_a_preset_is_repeated_by_its_name():
    scratch = next(preset for preset in PRESETS if preset.name == "scratch")
    part = section(written(a_card(recipe=scratch.model_dump(mode="json"))), "How to repeat it")
    imported, trained = re.search(r"```sh\n(.*?)\n```", part, re.DOTALL)[1].splitlines()
    assert parsed(imported)["name"] == "films"
    assert parsed(imported)["patient_key"] == "number"
    asked = parsed(trained)
    assert (asked["dataset"], asked["arch"], asked["weights"], asked["run"]) == (
        "films",
        "small_cnn",
        "none",
        "first",
    )
    assert load_recipe(asked["recipe"]) == scratch
    assert "```json" not in part


def test_a_preset_without_its_frozen_stages_is_still_that_preset():
    standard = next(preset for preset in PRESETS if preset.name == "standard")
    planned = standard.model_copy(update={"stages": standard.stages[1:]})
    card = a_card(recipe=planned.model_dump(mode="json"))
    assert "--recipe standard " in section(written(card), "How to repeat it")
    pretrained = a_card(recipe=planned.model_dump(mode="json"), arch="mobilenet_v2", weights="imagenet")
    assert "--recipe recipe.json " in section(written(pretrained), "How to repeat it")


def test_another_seed_makes_a_recipe_of_ones_own_which_is_printed_whole():
    other = next(preset for preset in PRESETS if preset.name == "scratch").model_copy(update={"seed": 7})
    part = section(written(a_card(recipe=other.model_dump(mode="json"))), "How to repeat it")
    assert "--recipe recipe.json " in part
    assert parse_recipe(re.search(r"```json\n(.*?)\n```", part, re.DOTALL)[1].encode(), "it") == other


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": "imagenet", "arch": "mobilenet_v2"}, "It starts from ImageNet weights"),
        ({"weights": "mine.pth"}, "`mine.pth` is the model or the weights file"),
        ({"backend": "openvino"}, "The setting `backend` was `openvino`"),
        ({"epochs": 1}, "ended before the last epoch"),
        ({"recipe": {"name": "head"}}, "Unknown: this version of XRayLab can’t train with its recipe"),
        ({"arch": ENSEMBLE, "recipe": {}}, "Unknown: its members aren’t listed"),
        ({"about": About(command="x" * 20_000)}, "The command is too long to show"),
    ],
)
def test_what_else_a_repetition_needs_is_said(changes, said):
    assert said in section(written(a_card(**changes)), "How to repeat it")


def test_an_ensemble_lists_its_members_and_how_to_average_them_again():
    members = Members(
        members=(
            Member(model="one", model_sha256="11" * 32, arch="cnn", slope=0.51, intercept=-0.25),
            Member(model="two", model_sha256="22" * 32, arch="small_cnn", slope=1.25, intercept=0.5),
        ),
        slope=1.1,
        intercept=0.02,
    )
    card = a_card(arch=ENSEMBLE, members=("one", "two"), recipe={"name": ENSEMBLE, "rule": "f1"}, epochs=0)
    text = written(card, members=members)
    found = rows(section(text, "How it was made"))
    assert found["`one`"] == ["`cnn`", "0.510", "-0.250"]
    assert found["`two`"] == ["`small_cnn`", "1.250", "+0.500"]
    assert found["their mean"] == ["", "1.100", "+0.020"]
    asked = parsed(re.search(r"```sh\n(.*?)\n```", text, re.DOTALL)[1])
    assert (asked["name"], list(asked["models"]), asked["rule"]) == ("first", ["one", "two"], "f1")
    assert "- weights of `two`: `" + "22" * 32 + "`" in section(text, "Hashes")
    gone = written(card, members="The list of members is missing.")
    assert "The list of members is missing." in section(gone, "How it was made")


def test_hashes_are_whole():
    part = section(written(a_card(weights="imagenet", weights_sha256="cc" * 32)), "Hashes")
    for value in (HASH, "1b" * 32, "cc" * 32):
        assert f"`{value}`" in part


def headings(text):
    tokens = READER.parse(text)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


@pytest.mark.parametrize("nasty", [NASTY, (NASTY * 1000)[:990], "", "-" * 99, "| |", "```", "\\"])
def test_no_word_from_outside_breaks_the_card_or_adds_to_it(nasty):
    films = predictions()
    films.frame.loc[films.frame["subtype"] == "viral", "subtype"] = nasty[:500] or "viral"
    card = a_card(
        name=nasty,
        arch=nasty,
        classes=(nasty, nasty),
        dataset=TrainedOn(
            name=nasty,
            kind=nasty,
            pixel_hash=nasty,
            patient_key=nasty,
            splits={f"{nasty}{i}": {nasty: 10**12} for i in range(100)},
        ),
        weights=nasty,
        weights_sha256=nasty,
        recipe=BRIEF.model_dump(mode="json") | {"about": nasty},
        seconds=1e300,
        epochs=10**12,
        device=nasty,
        versions={nasty: nasty},
        notes=(nasty,) * 100,
        members=(nasty,) * 100,
        backend=nasty,
        intended_use=nasty,
        about=About(users=(nasty,) * 100, failures=(nasty,)),
    )
    lock = a_lock(rule=nasty, actor=nasty, dataset=nasty, backend=nasty)
    member = Member(model=nasty, model_sha256=nasty, arch=nasty, slope=1, intercept=0)
    members = Members(members=(member,) * 100, slope=1, intercept=0)
    for one in (card, card.model_copy(update={"arch": ENSEMBLE})):
        text = model_card(one, lock=lock, members=members, validation=films, test=nasty or SEALED)
        kinds = {token.type for token in READER.parse(text)}
        inside = {child.type for token in READER.parse(text) for child in token.children or ()}
        assert headings(text)[1:] == headings(written())[1:]
        assert len(headings(text)) == len(headings(written()))
        assert "html_block" not in kinds
        assert not inside & {"html_inline", "link_open", "image", "em_open", "softbreak", "hardbreak"}
        assert len(text) < 400_000


@pytest.mark.parametrize("absurd", [{"epochs": 10**40}, {"seconds": math.inf}, {"name": "x" * 1001}])
def test_absurd_values_are_no_card(absurd):
    with pytest.raises(ValidationError):
        a_card(**absurd)


def test_an_absurd_recipe_is_not_printed():
    card = a_card(recipe=BRIEF.model_dump(mode="json") | {"about": "x" * 10**6})
    assert section(written(card), "How to repeat it").startswith(
        "Unknown: this version of XRayLab can’t train with its recipe."
    )
    assert len(written(card)) < 10_000


def test_heatmaps_tell_their_scale_and_whether_they_hang_on_what_was_learnt():
    scale = MapScale(
        model_sha256=HASH,
        films=90,
        quantile=0.99,
        strongest={"grad-cam": 0.5},
        randomised=-0.013,
        randomised_films=12,
    )
    untold = scale.model_copy(update={"randomised": None, "randomised_films": 0})
    text = model_card(
        a_card(),
        lock=a_lock(),
        members=None,
        validation=predictions(),
        test=SEALED,
        scales={"first": scale, "second": untold},
    )
    part = section(text, "Heatmaps")
    found = list(rows(part).values())
    assert found[-2:] == [["90", "\N{MINUS SIGN}0.01", "12"], ["90", DASH, "0"]]
    assert "no fixed scale" in section(written(), "Heatmaps")
