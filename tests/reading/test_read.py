import dataclasses
import hashlib
import io
import math
import sys
import weakref
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

import xraylab
from tests.support.bad_decoder import harmful
from tests.support.brief import DATASET, MODEL
from tests.support.damaged import whole
from xraylab import actions, predictions
from xraylab.data.phantoms import generate
from xraylab.errors import DatasetError, ScoreError, WeightsError
from xraylab.finite import NO_SCORE
from xraylab.imaging import PREPROCESS_VERSION, Film, Refused, standardise
from xraylab.imaging.headers import lossy_before
from xraylab.models import load_model
from xraylab.networks.inference import all_outputs
from xraylab.networks.passes import BATCH
from xraylab.reading.loaded import load
from xraylab.reading.read import (
    Reading,
    _batches,
    _decide,
    _decoded_ahead,
    read_film,
    read_films,
    usable_lock,
)
from xraylab.reading.scoring import score_pixels

pytest_plugins = ["tests.support.trained", "tests.support.harmful"]


@pytest.fixture
def model(trained):
    return load_model(trained, MODEL)


@pytest.fixture
def loaded(model):
    return load(model)


@pytest.fixture(scope="module")
def real_film():
    """A film that doesn't say it is a phantom, as a radiograph doesn't."""
    buffer = io.BytesIO()
    Image.fromarray(next(generate(1, seed=11)).pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def phantom_film(phantom_folder):
    return next(iter(sorted(phantom_folder.rglob("PNEUMONIA/*.png")))).read_bytes()


def test_a_score_at_the_threshold_is_positive_and_one_below_is_not(model, loaded, phantom_film):
    score = read_film(loaded, Film("film.png", phantom_film)).score
    for threshold, decision in ((score, "positive"), (np.nextafter(score, 1), "negative"), (0, "positive")):
        model.write_lock(float(threshold), "value", actor="app")
        reading = read_film(loaded, Film("film.png", phantom_film))
        assert (reading.decision, reading.score, reading.threshold) == (decision, score, threshold)
        assert reading.warnings == ()
        assert not reading.overridden


def test_a_film_between_the_cuts_of_a_review_band_needs_a_reader(model, loaded, phantom_film):
    score = read_film(loaded, Film("film.png", phantom_film)).score
    above, below = (float(np.nextafter(score, end)) for end in (1, 0))
    for review_from, threshold, decision in (
        (score, above, "review"),
        (0.0, 1.0, "review"),
        (below, score, "positive"),
        (above, 1.0, "negative"),
        (0.0, below, "positive"),
    ):
        model.write_lock(threshold, "value", actor="app", review_from=review_from)
        reading = read_film(loaded, Film("film.png", phantom_film))
        assert (reading.decision, reading.threshold, reading.review_from) == (
            decision,
            threshold,
            review_from,
        )


def test_an_unusual_film_in_the_review_band_needs_a_reader_once_a_person_wants_a_decision(
    model, loaded, real_film
):
    model.write_lock(1.0, "value:1", actor="app", review_from=0.0)
    reading = read_film(loaded, Film("film.png", real_film))
    assert reading.decision is None
    decided = reading.decided_anyway()
    assert (decided.decision, decided.overridden) == ("review", True)


def test_the_kind_of_pneumonia_is_not_told_of_a_film_that_needs_a_reader(model, loaded, phantom_film):
    model.write_lock(1.0, "value:1", actor="app", review_from=0.0)
    reading = dataclasses.replace(
        read_film(loaded, Film("film.png", phantom_film)), kinds=(("bacterial", 0.6), ("viral", 0.4))
    )
    assert reading.subtype == ()
    assert dataclasses.replace(reading, decision="positive").subtype != ()


def test_without_a_lock_there_is_a_score_and_no_decision(model, loaded, phantom_film):
    (model.folder / "lock.json").unlink()
    reading = read_film(loaded, Film("film.png", phantom_film))
    assert 0 <= reading.score <= 1
    assert (reading.decision, reading.threshold, reading.review_from) == (None, None, None)
    assert reading.decided_anyway() is reading


def test_an_unusual_film_is_scored_and_not_decided_until_a_person_says_so(model, loaded, real_film):
    model.write_lock(0.0, "value:0", actor="app")
    reading = read_film(loaded, Film("film.png", real_film))
    assert reading.score is not None
    assert reading.decision is None
    assert reading.warnings == (
        "The model was trained on teaching phantoms; its score says nothing about a real film.",
    )
    decided = reading.decided_anyway()
    assert (decided.decision, decided.overridden) == ("positive", True)
    assert decided.warnings == reading.warnings
    assert not reading.overridden


@pytest.mark.parametrize(
    "film",
    [
        Film("film.png", b""),
        Film("film.png", b"a text called film.png"),
        Refused("film.png", "This file of the archive was not read."),
    ],
)
def test_what_cannot_be_read_is_refused_and_has_no_score(loaded, film):
    [reading] = read_films(loaded, [film])
    assert reading.name == "film.png"
    assert (reading.score, reading.decision, reading.film) == (None, None, None)
    assert reading.refused.endswith(".")
    assert reading.decided_anyway() is reading


def test_films_keep_their_order_and_their_score_beside_refused_ones(loaded, real_film, phantom_film):
    files = [("a", real_film), ("b", b"broken"), ("c", phantom_film)] * 12  # more than one batch
    readings = list(read_films(loaded, (Film(*file) for file in files)))
    assert [reading.name for reading in readings] == [name for name, _ in files]
    alone = {name: read_film(loaded, Film(name, data)).score for name, data in files[:3] if name != "b"}
    for reading in readings:
        if reading.name == "b":
            assert reading.score is None
        else:
            assert reading.score == pytest.approx(alone[reading.name], abs=1e-6)
            assert reading.film.name == reading.name


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
def test_films_that_crash_fill_the_memory_or_never_end_cost_themselves_alone(loaded, phantom_film, worn):
    expected = read_film(loaded, Film("film.png", phantom_film)).score
    harms = ["", "crash", "", "hoard", "spin", "", "noise", "exit", ""] * 2
    films = [Film(harm, harmful(phantom_film, harm) if harm else phantom_film) for harm in harms]
    readings = list(read_films(loaded, films))
    assert [reading.name for reading in readings] == harms
    for reading in readings:
        if reading.name:
            assert (reading.score, reading.decision) == (None, None)
            assert reading.refused.endswith(".")
        else:
            assert reading.score == pytest.approx(expected, abs=1e-6)


def test_nothing_of_a_film_is_opened_by_pillow_or_pydicom_in_this_process(loaded, monkeypatch):
    films = [Film(str(number), data) for number, data in enumerate(whole())]
    opened = []

    def note(*given, **options):
        opened.append(given)
        raise AssertionError("opened in this process")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.__init__", note)
    monkeypatch.setattr("PIL.Image.open", note)
    for name in ("dcmread", "filereader.dcmread", "filereader.read_dataset", "pixels.get_decoder"):
        monkeypatch.setattr(f"pydicom.{name}", note)
    readings = list(read_films(loaded, films))
    pictures = [reading.film.picture for reading in readings if reading.film]
    for film in films:
        if film.is_dicom:
            lossy_before(film)
    assert len(readings) == len(films) > 20
    assert len(pictures) > 20
    assert opened == []


def test_no_more_files_are_taken_ahead_than_a_batch_or_so_many_bytes(loaded, phantom_film, monkeypatch):
    taken = []

    def films():
        for number in range(3 * BATCH):
            taken.append(number)
            yield Film(str(number), phantom_film)

    ready = _decoded_ahead(films())
    next(ready)
    assert len(taken) == BATCH + 1
    monkeypatch.setattr("xraylab.reading.read._AHEAD_BYTES", 2 * len(phantom_film))
    assert len(list(islice(ready, BATCH))) == BATCH
    assert len(taken) == BATCH + 1 + 2
    ready.close()


def test_a_batch_is_no_larger_than_so_many_bytes_and_frees_each_file_with_its_reading(
    loaded, phantom_film, monkeypatch
):
    monkeypatch.setattr("xraylab.reading.read._AHEAD_BYTES", 2 * len(phantom_film))
    alive = weakref.WeakSet()

    def films():
        for number in range(12):
            film = Film(str(number), phantom_film)
            alive.add(film)
            yield film

    most, scores = 0, []
    for reading in read_films(loaded, films()):
        scores.append(reading.score)
        most = max(most, len(alive))
    assert len(scores) == 12
    assert most <= 8  # two in the batch, two or three that wait, and those in hand
    assert scores == pytest.approx([scores[0]] * 12, abs=1e-6)


def test_a_films_score_is_that_of_its_stored_pixels(loaded, phantom_film):
    pixels = standardise(phantom_film).pixels
    assert read_film(loaded, Film("x", phantom_film)).score == pytest.approx(
        score_pixels(loaded, pixels[None]).score[0], abs=1e-6
    )


@pytest.mark.parametrize(
    "change", [{"model_sha256": "0" * 64}, {"backend": "bf16"}, {"preprocess_version": 99}]
)
def test_a_lock_made_for_other_weights_or_another_way_of_scoring_is_not_used(
    model, loaded, phantom_film, change
):
    banded = model.write_lock(0.5, "value:0.5", actor="app", review_from=0.1)
    lock = banded.model_copy(update=change)
    (model.folder / "lock.json").write_text(lock.model_dump_json())
    reading = read_film(loaded, Film("film.png", phantom_film))
    assert reading.score is not None
    assert (reading.decision, reading.threshold, reading.review_from) == (None, None, None)


def test_weights_that_were_changed_are_refused(model):
    raw = bytearray(model.weights.read_bytes())
    raw[-1] ^= 1
    model.weights.write_bytes(bytes(raw))
    with pytest.raises(WeightsError, match="weights of “first” have changed"):
        load(model)


def test_weights_that_are_gone_are_a_sentence(model):
    model.weights.unlink()
    with pytest.raises(WeightsError, match="can't be read"):
        load(model)


def with_weights(model, state):
    """A model whose card describes other weights."""
    raw = safetensors.torch.save(state)
    model.weights.write_bytes(raw)
    card = model.card.model_copy(update={"model_sha256": hashlib.sha256(raw).hexdigest()})
    return dataclasses.replace(model, card=card)


def test_weights_that_do_not_fit_or_are_no_numbers_are_refused(model):
    state = safetensors.torch.load(model.weights.read_bytes())
    with pytest.raises(WeightsError, match="don't fit Small CNN"):
        load(with_weights(model, {"features.0.weight": torch.zeros(1)}))
    state["features.0.weight"] = torch.full_like(state["features.0.weight"], torch.nan)
    with pytest.raises(WeightsError, match="not finite"):
        load(with_weights(model, state))


def test_a_model_of_films_prepared_differently_is_refused(model):
    other = dataclasses.replace(model, card=model.card.model_copy(update={"preprocess_version": 99}))
    with pytest.raises(DatasetError, match="prepared by another version"):
        load(other)


def overflowing(model):
    """Multiply the weights by 1e38, which leaves them finite, with a card that has their hash."""
    state = safetensors.torch.load(model.weights.read_bytes())
    largest = torch.finfo(torch.float32).max
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    larger = {name: (tensor.float() * 1e38).clamp(-largest, largest) for name, tensor in floats.items()}
    changed = with_weights(model, state | larger)
    (model.folder / "card.json").write_text(changed.card.model_dump_json())
    return changed


def test_a_score_that_is_not_finite_costs_its_film_and_decides_nothing(model, phantom_film):
    overflowed = load(overflowing(model))
    film = Film("film.png", phantom_film)
    assert np.isnan(score_pixels(overflowed, film.standard.pixels[None]).logit).all()
    reading = read_film(overflowed, film)
    assert (reading.score, reading.decision, reading.refused) == (None, None, NO_SCORE)
    assert reading.decided_anyway().decision is None


@pytest.mark.parametrize("logit", [math.nan, math.inf, -math.inf])
def test_one_film_without_a_score_does_not_cost_the_others(loaded, phantom_film, monkeypatch, logit):
    def outputs_of(*args, **kwargs):
        outputs = all_outputs(*args, **kwargs)
        outputs[1, 0] = logit
        return outputs

    monkeypatch.setattr("xraylab.reading.scoring.all_outputs", outputs_of)
    first, second, third = read_films(loaded, [Film("film.png", phantom_film)] * 3)
    assert second.refused == NO_SCORE
    assert first.score == third.score is not None
    assert first.decision == third.decision is not None


@pytest.mark.parametrize(
    "numbers",
    [(math.nan, 0.5, None), (math.inf, 0.5, 0.1), (0.5, math.nan, None), (0.5, 0.6, math.nan)],
)
def test_no_number_that_is_not_finite_decides(numbers):
    with pytest.raises(ScoreError, match="not a finite number"):
        _decide(*numbers)


@pytest.mark.parametrize(
    ("score", "threshold", "review_from", "decision"),
    [
        (0.5, None, None, None),
        (0.5, None, 0.2, None),
        (0.5, 0.5, None, "positive"),
        (0.49, 0.5, None, "negative"),
        (0.5, 0.5, 0.2, "positive"),
        (0.49, 0.5, 0.2, "review"),
        (0.2, 0.5, 0.2, "review"),
        (0.19, 0.5, 0.2, "negative"),
        (0.0, 0.5, 0.0, "review"),
        (0.0, 0.0, None, "positive"),
        (1.0, 1.0, None, "positive"),
    ],
)
def test_a_decision_is_that_of_the_zone_in_which_the_score_lies(score, threshold, review_from, decision):
    assert _decide(score, threshold, review_from) == decision
    reading = Reading("film.png", score, None, threshold, ("odd",), None, review_from=review_from)
    anyway = reading.decided_anyway()
    assert (anyway.decision, anyway.overridden) == (decision, threshold is not None)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1] * BATCH, [BATCH]),
        ([1] * (2 * BATCH + 1), [BATCH, BATCH, 1]),
        ([4, 6, 3, 9, 1, 10, 11, 2], [2, 2, 2, 1, 1]),  # a batch is full at 10 bytes
        ([None, None, 9, None, 1, None], [5, 1]),  # a file that was refused has none
    ],
)
def test_a_batch_is_full_by_its_number_of_films_or_by_their_bytes(sizes, expected, monkeypatch):
    monkeypatch.setattr("xraylab.reading.read._AHEAD_BYTES", 10 if len(sizes) < BATCH else 10**6)
    films = [Refused("a", "Why.") if size is None else Film("a", bytes(size)) for size in sizes]
    assert [len(batch) for batch in _batches(iter(films))] == expected


@pytest.mark.parametrize("other", [{}, {"model_sha256": "1"}, {"backend": "int8"}, {"preprocess_version": 0}])
def test_a_lock_is_used_for_the_weights_and_the_scorer_that_it_was_made_for(other):
    made_for = {"model_sha256": "0", "backend": "fp32", "preprocess_version": PREPROCESS_VERSION}
    card, lock = SimpleNamespace(**made_for), SimpleNamespace(**made_for | other)
    assert usable_lock(SimpleNamespace(model=SimpleNamespace(card=card, lock=lock))) == (
        None if other else lock
    )
    assert usable_lock(SimpleNamespace(model=SimpleNamespace(card=card, lock=None))) is None


def test_an_overflowing_model_says_so_in_every_use(trained, model, phantom_folder, brief_recipe):
    overflowing(model)
    for row in actions.predict(trained, MODEL, [str(phantom_folder)]):
        assert (row.score, row.decision, row.refused) == (None, None, NO_SCORE)
    readings = xraylab.read([str(phantom_folder)], MODEL)
    assert {(row.score, row.decision, row.refused) for row in readings} == {(None, None, NO_SCORE)}
    # Its stored predictions are those of other weights; with their hash changed too, the pass finds it out.
    with pytest.raises(WeightsError, match="those of other weights"):
        actions.lock(trained, MODEL, "youden", actor="test")
    file = model.folder / "predictions.parquet"
    hash_now = load_model(trained, MODEL).card.model_sha256
    stored = dataclasses.replace(predictions.read(file), model_hash=hash_now)
    predictions.write(file, stored)
    actions.lock(trained, MODEL, "youden", actor="test")
    with pytest.raises(ScoreError, match=r"“first” gave no finite score for \d+ of \d+ films\."):
        actions.evaluate(trained, MODEL, DATASET, split="validation", actor="test")
    with pytest.raises(ScoreError, match="gave no finite score"):
        actions.evaluate(trained, MODEL, str(phantom_folder), include_used=True, actor="test")
    # What such a network stores are films without a score and without a reason.
    unscored = stored.frame.assign(score=math.nan, logit=math.nan)
    predictions.write(file, dataclasses.replace(stored, frame=unscored))
    with pytest.raises(WeightsError, match="gave no finite score for"):
        actions.lock(trained, MODEL, "youden", actor="test")
    with pytest.raises(WeightsError, match="gave no finite score for"):
        actions.open_test(trained, MODEL, actor="test")
