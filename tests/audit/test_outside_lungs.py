"""Outside the lungs: what is blanked, and what is said of a label that the border tells."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xraylab.audit.encoder import cross_validated, features_of
from xraylab.audit.outside_lungs import blanked, found, measure
from xraylab.data.phantoms import generate
from xraylab.evaluation.intervals import auc_interval
from xraylab.findings import PNEUMONIA
from xraylab.settings import load_settings


def scores(apart, n=200, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return labels, np.arange(n) // 4, rng.normal(0, 1, n) + apart * labels


def test_only_a_frame_is_left_and_the_same_grey_stands_for_all_lungs():
    films = np.random.default_rng(0).integers(0, 256, (3, 256, 256), dtype=np.uint8)
    left = blanked(films)
    assert np.unique(left[:, 20:-20, 20:-20]).tolist() == [128]
    frame = np.ones((256, 256), bool)
    frame[20:-20, 20:-20] = False
    np.testing.assert_array_equal(left[:, frame], films[:, frame])
    assert (
        films[0, 128, 128]
        == np.random.default_rng(0).integers(0, 256, (3, 256, 256), dtype=np.uint8)[0, 128, 128]
    )


def test_what_a_phantom_hides_in_its_lungs_is_blanked():
    lesions = [film.mask for film in generate(20, seed=3) if film.mask is not None and film.mask.any()]
    assert lesions
    shown = blanked(np.stack([255 * mask.astype(np.uint8) for mask in lesions]))
    assert not (shown == 255).any()


def test_a_border_that_tells_the_label_is_associated_and_never_grave():
    labels, groups, border = scores(2)
    told = found(measure(labels, groups, border, border + labels), PNEUMONIA)
    area, bounds = roc_auc_score(labels, border), auc_interval(labels, border, groups)
    assert (told.check, told.severity, told.figure) == ("outside_lungs", "low", pytest.approx(area))
    assert f"AUC of {area:.3f} ({bounds[0]:.3f}–{bounds[1]:.3f}) on 200 films of 50 patients" in told.sentence
    assert f"with the whole picture it reaches {roc_auc_score(labels, border + labels):.3f}" in told.sentence
    assert "Part of the label can be read outside the lungs." in told.sentence
    assert told.mend is not None


@pytest.mark.parametrize("apart", [0, 0.1, -2])
def test_a_border_that_tells_nothing_says_so(apart):
    told = found(measure(*scores(apart)), PNEUMONIA)
    assert (told.severity, told.mend) == ("none", None)
    assert "whole picture" not in told.sentence
    assert "little or nothing" in told.sentence


def test_few_patients_cannot_tell():
    told = found(None, PNEUMONIA)
    assert (told.severity, told.figure) == ("none", None)
    assert "can't be told" in told.sentence


def test_a_mark_at_the_edge_of_ill_films_is_seen_and_one_in_the_lungs_is_not(tmp_path):
    settings = load_settings(home=tmp_path)
    pixels = np.stack([film.pixels for film in generate(40, seed=5)])
    labels, alone = np.arange(len(pixels)) % 2, np.arange(len(pixels))  # not the phantoms' own labels
    edge, lungs = pixels.copy(), pixels.copy()
    edge[labels == 1, 1:18, 40:120] = 255
    lungs[labels == 1, 100:160, 40:120] = 255
    features = features_of(settings, edge, change=blanked)
    assert measure(labels, alone, cross_validated(features, labels, alone)[:, 1]).border.value > 0.9
    np.testing.assert_array_equal(blanked(lungs), blanked(pixels))
