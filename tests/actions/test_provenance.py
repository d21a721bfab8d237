"""Where the films of an evaluation came from: the dataset's record, the card alone, and films used before."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from tests.support.brief import DATASET, MODEL
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.data.datasets import load_dataset
from xraylab.models import FILMS_FILE, MadeFrom, films_bytes, load_model
from xraylab.predictions import Predictions

pytest_plugins = ["tests.support.averaged"]


def provenance_of(settings, name=MODEL):
    return actions.evaluation_report(settings, name).provenance


def change_record(settings, **facts):
    """Change the dataset's own record of its import."""
    file = settings.datasets / DATASET / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


def test_the_flow_adds_up_from_the_files_to_the_films_of_each_split(trained):
    refused = [
        {"file": f"{n}.png", "reason": reason} for n, reason in enumerate(["torn", "torn", "too large"])
    ]
    change_record(trained, ignored={"not an image": 4, "nested copy": 2}, refused=refused)
    flow, info = provenance_of(trained).flow, load_dataset(trained, DATASET).info
    assert flow.files == info.n + 6 + 3
    assert {row.reason: row.files for row in flow.ignored} == {"not an image": 4, "nested copy": 2}
    assert [(row.reason, row.files) for row in flow.refused] == [("torn", 2), ("too large", 1)]
    assert (flow.films, flow.patients) == (info.n, info.patients)
    assert sum(row.films for row in flow.splits) + flow.left_out == info.n
    for row in flow.splits:
        counts = info.splits[row.split]
        assert (row.films, row.patients) == (counts["films"], counts["patients"])
        assert (row.normal, row.pneumonia) == (counts["NORMAL"], counts["PNEUMONIA"])
    assert flow.unknown == []
    assert "torn" in actions.evaluation_report(trained, MODEL).model_dump_json()
    assert "0.png" not in provenance_of(trained).model_dump_json()  # a file's name may say whose film it is


@pytest.mark.parametrize("change", ["gone", "other pixels", "other split"])
def test_without_the_dataset_of_the_training_the_card_tells_and_the_rest_is_unknown(trained, change):
    before = provenance_of(trained)
    if change == "gone":
        shutil.rmtree(trained.datasets / DATASET)
    elif change == "other pixels":
        change_record(trained, pixel_hash="ff" * 32)
    else:
        change_record(trained, splits={"train": {"films": 1, "patients": 1, "NORMAL": 1, "PNEUMONIA": 0}})
    flow = provenance_of(trained).flow
    assert (flow.files, flow.ignored, flow.refused, flow.films, flow.left_out) == (None,) * 5
    assert flow.splits == before.flow.splits
    assert len(flow.unknown) == 1
    assert "which of them were ignored or refused" in flow.unknown[0]


def test_films_without_score_or_label_are_counted_by_their_reasons(trained):
    file = trained.models / MODEL / "predictions.parquet"
    stored = predictions_file.read(file)
    frame = stored.frame.copy()
    rows = frame.index[frame["split"] == "validation"][:4]
    frame.loc[rows[:2], ["score", "logit"]] = np.nan
    frame.loc[rows[:2], "refused"] = ["not a film", "torn"]
    frame["label"] = frame["label"].astype("Int8").mask(frame.index.isin(rows[2:3]))
    predictions_file.write(file, Predictions(frame, stored.model_hash, stored.dataset_hash, stored.extra))
    report = actions.evaluation_report(trained, MODEL)
    [flow] = report.provenance.flow.held_out  # the test films are sealed, so nothing is told of their scores
    assert {row.reason: row.files for row in flow.not_scored} == {"not a film": 1, "torn": 1}
    assert (flow.unlabelled, flow.used_before) == (1, 0)
    assert flow.films == flow.evaluated + 3
    assert flow.evaluated == report.validation.n


def test_films_that_the_first_weights_were_made_from_are_counted_and_not_hashed(trained):
    model = load_model(trained, MODEL)
    names = model.films("validation").frame["image_id"].tolist()
    before = {split.split: split for split in provenance_of(trained).hashes}
    frame = model.made_from.frame.astype({"image_id": object, "used_before": object})
    rows = frame.index[frame["own"] & (frame["split"] == "validation")][:2]
    frame.loc[rows, "image_id"] = names[:2]
    frame.loc[rows, "used_before"] = "train"
    (trained.models / MODEL / FILMS_FILE).write_bytes(films_bytes(MadeFrom(frame)))
    found = provenance_of(trained)
    [flow] = found.flow.held_out
    assert (flow.used_before, flow.trained_on_before) == (2, 2)
    assert flow.evaluated == flow.films - 2
    after = {split.split: split for split in found.hashes}
    assert after["validation"].sha256 != before["validation"].sha256
    assert after["test"] == before["test"]


def test_the_hash_is_of_the_sorted_fingerprints(trained):
    films = load_dataset(trained, DATASET).fingerprints("test").stored
    different = sorted({row.tobytes() for row in films})
    found = {split.split: split for split in provenance_of(trained).hashes}
    assert found["test"].sha256 == hashlib.sha256(b"".join(different)).hexdigest()
    assert found["test"].films == len(different)
    assert set(found) == {"train", "validation", "test"}


def test_every_opening_is_a_row_and_an_export_adds_none(trained):
    assert provenance_of(trained).openings == []
    actions.open_test(trained, MODEL, actor="somebody")
    [row] = provenance_of(trained).openings
    assert (row.model, row.data, row.actor) == (MODEL, DATASET, "somebody")
    assert len(actions.evaluation_report(trained, MODEL).provenance.flow.held_out) == 2
    assert len(provenance_of(trained).openings) == 1
