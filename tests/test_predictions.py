"""Predictions: what is written comes back, to the last bit."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xraylab import predictions as predictions_file
from xraylab.errors import StorageError, XRayLabError
from xraylab.predictions import SCHEMA, Predictions, class_columns

COLUMNS = ["image_id", "patient", "group", "split", "label", "subtype", "logit", "score", "spread", "refused"]


@pytest.fixture
def made():
    """Three films scored, one refused, one without a label."""
    score = [np.nextafter(1, 0), 5e-324, 0.1 + 0.2, np.nan, 0.5]
    frame = pd.DataFrame(
        {
            "image_id": [f"train/NORMAL/{name}.png" for name in "abcde"],
            "patient": ["IM-1", "IM-1", "bacteria-2", "IM-3", "virus-4"],
            "group": ["g0", "g0", "g1", "g2", "g3"],
            "split": ["train", "train", "validation", "validation", "test"],
            "label": [0, 0, 1, 1, None],
            "subtype": ["", "", "bacterial", "", None],
            "logit": np.log(score),
            "score": score,
            "spread": np.nan,
            "refused": [None, None, None, "It is damaged.", None],
        }
    )
    return Predictions(frame, "model-hash", "dataset-hash", {"device": "cpu"})


def test_scores_come_back_to_the_last_bit(made, tmp_path):
    predictions_file.write(tmp_path / "p.parquet", made)
    read = predictions_file.read(tmp_path / "p.parquet")
    for column in ("logit", "score"):
        assert read.frame[column].to_numpy().tobytes() == made.frame[column].to_numpy().tobytes()
    assert (read.model_hash, read.dataset_hash, read.extra) == (
        "model-hash",
        "dataset-hash",
        {"device": "cpu"},
    )
    assert list(read.frame.columns) == COLUMNS
    for column in ("image_id", "patient", "group", "split"):
        assert read.frame[column].tolist() == made.frame[column].tolist()
    assert read.frame["label"].isna().tolist() == [False] * 4 + [True]
    assert read.frame["refused"].notna().tolist() == [False, False, False, True, False]


def test_the_file_tells_what_it_is(made, tmp_path):
    predictions_file.write(tmp_path / "p.parquet", made)
    schema = pq.read_schema(tmp_path / "p.parquet")
    assert schema.metadata == {
        b"schema": SCHEMA.encode(),
        b"model_hash": b"model-hash",
        b"dataset_hash": b"dataset-hash",
        b"device": b"cpu",
    }
    assert schema.names == COLUMNS
    assert (schema.field("score").type, schema.field("label").type) == (pa.float64(), pa.int8())


def test_what_was_given_besides_cannot_pass_for_the_schema(made, tmp_path):
    given = Predictions(made.frame, "right", "right", {"schema": "other/1", "model_hash": "wrong"})
    predictions_file.write(tmp_path / "p.parquet", given)
    assert predictions_file.read(tmp_path / "p.parquet").model_hash == "right"


def test_columns_that_nobody_filled_are_null_and_others_are_not_kept(made, tmp_path):
    few = made.frame[["image_id", "score", "label"]].assign(path="x")
    predictions_file.write(tmp_path / "p.parquet", Predictions(few))
    read = predictions_file.read(tmp_path / "p.parquet").frame
    assert list(read.columns) == COLUMNS
    assert read[["patient", "refused", "logit"]].isna().all(axis=None)


def test_no_films_at_all_are_a_file_too(made, tmp_path):
    predictions_file.write(tmp_path / "p.parquet", made.of_split("nowhere"))
    assert len(predictions_file.read(tmp_path / "p.parquet")) == 0


def test_only_films_with_a_score_and_a_label_are_scored(made, tmp_path):
    predictions_file.write(tmp_path / "p.parquet", made)
    for one in (made, predictions_file.read(tmp_path / "p.parquet")):
        scored = one.scored
        assert (len(one), len(scored)) == (5, 3)
        assert scored.labels.tolist() == [0, 0, 1]
        assert scored.labels.dtype == np.int8
        assert scored.scores.tolist() == made.frame["score"][:3].tolist()
        assert scored.groups.tolist() == ["g0", "g0", "g1"]
        assert scored.model_hash == "model-hash"


def test_a_split_is_its_own_films_with_rows_from_zero(made):
    validation = made.of_split("validation")
    assert validation.frame["image_id"].tolist() == ["train/NORMAL/c.png", "train/NORMAL/d.png"]
    assert validation.frame.index.tolist() == [0, 1]


def test_a_score_that_is_no_number_is_our_own_fault(made, tmp_path):
    made.frame["score"] = "high"
    with pytest.raises(ValueError, match="score"):
        predictions_file.write(tmp_path / "p.parquet", made)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(made, tmp_path, monkeypatch):
    predictions_file.write(tmp_path / "p.parquet", made)

    def no_room(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_room)
    with pytest.raises(StorageError, match="is full"):
        predictions_file.write(tmp_path / "p.parquet", made.scored)
    assert len(predictions_file.read(tmp_path / "p.parquet")) == 5


def test_a_file_that_is_missing_damaged_or_another_is_a_sentence(made, tmp_path):
    file = tmp_path / "p.parquet"
    with pytest.raises(XRayLabError, match="is missing"):
        predictions_file.read(file)
    predictions_file.write(file, made)
    whole = file.read_bytes()
    for damaged in (b"", b"text", whole[: len(whole) // 2], whole[:40] + bytes(40) + whole[80:]):
        file.write_bytes(damaged)
        with pytest.raises(XRayLabError, match="is damaged"):
            predictions_file.read(file)
    made.frame.astype({"label": "float64"}).to_parquet(file)
    with pytest.raises(XRayLabError, match="was not written by this version"):
        predictions_file.read(file)


def test_the_probabilities_of_three_classes_are_kept_and_absent_otherwise(made, tmp_path):
    columns = class_columns(("NORMAL", "BACTERIAL", "VIRAL"))
    assert columns == ["p_normal", "p_bacterial", "p_viral"]
    assert class_columns(("NORMAL", "PNEUMONIA")) == []
    score = made.frame["score"].to_numpy()
    made.frame[columns] = np.stack([1 - score, 0.3 * score, 0.7 * score], axis=1)
    predictions_file.write(tmp_path / "p.parquet", made)
    read = predictions_file.read(tmp_path / "p.parquet")
    assert list(read.frame.columns) == COLUMNS + columns
    for name in columns:
        assert read.frame[name].to_numpy().tobytes() == made.frame[name].to_numpy().tobytes()
    assert list(read.kinds) == ["bacterial", "viral"]
    assert read.scored.kinds["viral"].tolist() == made.frame["p_viral"][:3].tolist()
    two = Predictions(made.frame[COLUMNS])
    predictions_file.write(tmp_path / "two.parquet", two)
    assert predictions_file.read(tmp_path / "two.parquet").kinds == {}
    assert list(predictions_file.read(tmp_path / "two.parquet").frame.columns) == COLUMNS


def test_text_that_is_no_utf_8_is_damage_wherever_it_stands(made, tmp_path):
    file = tmp_path / "p.parquet"
    predictions_file.write(file, made)
    whole = file.read_bytes()
    for word in (b"IM-1", b"virus-4"):
        assert word in whole
        file.write_bytes(whole.replace(word, b"\xff" * len(word)))
        with pytest.raises(XRayLabError, match="is damaged"):
            predictions_file.read(file)
    file.write_bytes(whole)
    pq.write_table(pq.read_table(file).replace_schema_metadata({"schema": b"\xff"}), file)
    with pytest.raises(XRayLabError, match="is damaged"):
        predictions_file.read(file)


def test_what_was_done_to_a_film_is_kept_and_tells_the_perturbations_apart(made, tmp_path):
    frames = [made.frame.assign(perturbation=name) for name in ("noise-5", "blur-1")]
    predictions_file.write(tmp_path / "suite.parquet", Predictions(pd.concat(frames, ignore_index=True)))
    read = predictions_file.read(tmp_path / "suite.parquet")
    assert list(read.frame.columns) == [*COLUMNS, "perturbation"]
    assert list(read.perturbations) == ["noise-5", "blur-1"]
    assert read.perturbations["blur-1"].frame["image_id"].tolist() == made.frame["image_id"].tolist()
    assert made.perturbations == {}


def rewritten(file, change):
    """Change a file of predictions as another program may: past the checks of ``write``."""
    table = pq.read_table(file)
    frame = change(table.to_pandas())
    pq.write_table(
        pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(table.schema.metadata), file
    )


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"score": 7.0}, "a score isn't between 0 and 1"),
        ({"score": -np.inf}, "a score isn't between 0 and 1"),
        ({"score": "high"}, "is damaged"),
        ({"label": 5}, "a label is neither 0 nor 1"),
        ({"image_id": "one.png"}, "a film occurs twice"),
        ({"p_normal": 0.5, "p_bacterial": 0.5, "p_viral": 1.5}, "a probability isn't between 0 and 1"),
        ({"p_normal": 0.5, "p_bacterial": 0.5, "p_viral": np.nan}, "a probability isn't between 0 and 1"),
    ],
)
def test_predictions_that_cannot_be_counted_are_a_sentence(made, tmp_path, columns, fault):
    file = tmp_path / "p.parquet"
    predictions_file.write(file, made)
    rewritten(file, lambda frame: frame.assign(**columns))
    with pytest.raises(XRayLabError, match=fault):
        predictions_file.read(file)
