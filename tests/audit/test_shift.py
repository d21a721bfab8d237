"""Sets of films that differ: known answers, another share of ill films, and how often chance is accused."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from tests.support.sizes import draws, three_errors
from xraylab.audit.found import MOST_EXAMPLES
from xraylab.audit.looks import described, looks
from xraylab.audit.shift import check_shift, differences, severity, told
from xraylab.evaluation.intervals import auc_interval
from xraylab.findings import PNEUMONIA

TEST = [("train", "test")]
BOTH = [("train", "validation"), ("train", "test")]


def catalog(patients=400, *, seed=0, films=3, ill=0.5, shares=(0.7, 0.15, 0.15), **columns):
    """Films of patients, in splits that are drawn by patient, with measures that patients share in part."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(patients), rng.geometric(1 / films, patients))  # a few patients have many films
    n = of.size
    labels = (rng.random(patients) < ill).astype(np.int64)[of]
    split = rng.choice(["train", "validation", "test"], patients, p=shares)[of]

    def measure(mean, spread):
        return mean + spread * (rng.normal(0, 1, patients)[of] + rng.normal(0, 1, n) + labels)

    frame = pd.DataFrame(
        {
            "image_id": [f"f{number}.png" for number in range(n)],
            "label": labels,
            "group": [f"g{number}" for number in of],
            "split": split,
            "brightness": measure(120, 10),
            "contrast": measure(50, 5),
            "sharpness": measure(4, 1),
            "border": np.abs(measure(0, 2)),
            "width": measure(1000, 100).round(),
            "height": measure(900, 100).round(),
            "bytes": measure(100_000, 9000).round(),
            "bits": 8,
            "format": "JPEG",
            "age": rng.integers(1, 90, patients)[of].astype(float),
            "view": rng.choice(["PA", "AP"], patients)[of],
            "sex": rng.choice(["F", "M"], patients)[of],
        }
    )
    return frame.assign(**columns)


def moved(films, name, by, *, split="test", label=None):
    """Raise a measure of one split, of all its films or of one class."""
    chosen = (films["split"] == split) & ((films["label"] == label) if label is not None else True)
    return films.assign(**{name: films[name] + by * chosen})


def fired(films, pairs=BOTH):
    return [[one for one in found if one.fires] for found in differences(films, pairs)]


def pixels_of(films):
    """Films in two halves, with the brightness and contrast that the catalog states."""
    halves = films["brightness"].to_numpy()[:, None] + films["contrast"].to_numpy()[:, None] * [-1, 1]
    columns = np.repeat(np.clip(halves, 0, 255).round().astype(np.uint8), 128, axis=1)
    return np.broadcast_to(columns[:, None, :], (len(films), 256, 256))


def test_brightness_and_contrast_are_the_mean_and_the_standard_deviation_of_the_pixels():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 256, 256), dtype=np.uint8)
    films = described(pd.DataFrame({"image_id": list("abcde")}), pixels)
    np.testing.assert_allclose(films["brightness"], pixels.mean(axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(films["contrast"], pixels.std(axis=(1, 2)), rtol=1e-9)


def test_a_chance_is_scikit_learns_area_with_the_interval_by_patient_and_p_a_rank_test_of_patients():
    films = catalog(films=2, shares=(0.6, 0.0, 0.4))
    [found] = differences(
        films[["image_id", "label", "group", "split", "brightness", "contrast", "border"]], TEST
    )
    [one] = [each for each in found if (each.measure, each.label) == ("contrast", 1)]
    ill = films[films["label"] == 1]
    other = (ill["split"] == "test").to_numpy()
    assert one.chance == pytest.approx(roc_auc_score(other, ill["contrast"]), abs=1e-12)
    assert (one.low, one.high) == pytest.approx(auc_interval(other, ill["contrast"], ill["group"]), abs=1e-12)
    assert one.n == (int((~other).sum()), int(other.sum()))
    means = ill.groupby("group").agg(contrast=("contrast", "mean"), split=("split", "first"))
    p = mannwhitneyu(*(means.loc[means["split"] == name, "contrast"] for name in ("test", "train"))).pvalue
    assert len(found) == 6
    assert one.adjusted_p >= p
    assert min(each.adjusted_p for each in found) <= min(1, 6 * p)  # Holm's, over six tests


@pytest.mark.parametrize(
    ("name", "by", "words"),
    [
        ("brightness", 15, "brighter"),
        ("brightness", -15, "darker"),
        ("sharpness", 2, "sharper"),
        ("border", 4, "framed by a wider plain border"),
        ("age", 40, "of older patients"),
        ("width", 200, "wider in pixels"),
    ],
)
def test_a_measure_that_moved_in_one_class_fires_there_and_says_the_direction(name, by, words):
    none, found = fired(moved(catalog(), name, by, label=1))
    assert none == []
    assert {(one.measure, one.label) for one in found} >= {(name, 1)}
    assert {one.label for one in found} == {1}
    [one] = [each for each in found if each.measure == name]
    assert one.words == words
    assert one.size > 0.56
    sentence = told([one], PNEUMONIA, "The others", "these")[0]
    assert f" from these: films with pneumonia are {words} (in " in sentence


def test_a_view_that_is_more_frequent_fires_in_words():
    films = catalog()
    films.loc[films["split"] == "test", "view"] = "AP"
    _, found = fired(films)
    assert {one.words for one in found} == {"more often of view “AP”", "less often of view “PA”"}
    assert {one.label for one in found} == {0, 1}


def test_another_share_of_ill_films_alone_does_not_fire():
    rare, usual = catalog(seed=1, ill=0.1, shares=(0, 0, 1)), catalog(seed=2, ill=0.7, shares=(1, 0, 0))
    films = pd.concat([usual, rare.assign(group="r" + rare["group"])], ignore_index=True)
    # All films together differ: the measures are higher for ill films.
    everyone = films.assign(label=0)
    assert fired(everyone, TEST) != [[]]
    assert fired(films, TEST) == [[]]


@pytest.mark.sampled
def test_splits_drawn_by_patient_are_accused_in_at_most_one_of_twenty_datasets():
    n = draws(600, brief=60)
    sizes = [
        {"patients": 150, "films": 4},
        {"patients": 400, "films": 1.5},
        {"patients": 300, "films": 3, "ill": 0.15},
    ]
    accused = 0
    for seed in range(n):
        results = differences(catalog(seed=seed, **sizes[seed % 3]), BOTH)
        # Whatever its size: with few patients even a difference by chance is large.
        accused += min((one.adjusted_p for found in results for one in found), default=1) < 0.05
    assert accused <= (0.05 + three_errors(0.05, n)) * n


def test_the_size_decides_how_grave_it_is():
    films = catalog(patients=1500)
    _, small = fired(moved(films, "brightness", 6))
    _, large = fired(moved(films, "brightness", 25))
    assert (severity(small), severity(large), severity([])) == ("low", "high", "none")
    assert 0.56 <= small[0].size < 0.71 <= large[0].size


def test_the_check_names_the_split_the_class_and_the_films_that_show_it_most():
    films = moved(catalog(patients=200), "brightness", 30, label=0)
    found = check_shift(films, pixels_of(films), PNEUMONIA)
    assert (found.check, found.severity) == ("shift", "high")
    assert found.sentence.startswith(
        "The test films look different from the training films of the same class: normal films are brighter "
    )
    assert "validation" not in found.sentence.partition(":")[0]
    named = films[films["image_id"].isin(found.films)]
    assert len(named) == MOST_EXAMPLES
    assert set(zip(named["split"], named["label"], strict=True)) == {("test", 0)}
    assert found.figure == max(
        one.size for each in differences(described(films, pixels_of(films)), BOTH) for one in each
    )
    assert found.mend is not None


def test_files_that_differ_are_told_apart_from_pictures_that_do():
    films = catalog(patients=200)
    films.loc[films["split"] == "test", "format"] = "PNG"
    found = check_shift(films, pixels_of(films), PNEUMONIA)
    assert found.severity == "high"
    assert found.sentence.startswith(
        "The test films differ in their files from the training films of the same class: "
    )
    assert "more often files of format “PNG” (in 100.0" in found.sentence


def test_pictures_files_and_patients_have_a_sentence_each():
    films = moved(moved(moved(catalog(), "brightness", 30), "width", 400), "age", 50)
    found = [one for one in fired(films)[1] if one.label == 0]
    picture, file, patient = told(found, PNEUMONIA, "The others", "these")
    assert picture.startswith("The others look different from these: normal films are brighter (in ")
    assert file.startswith("They also differ in their files: normal films are wider in pixels (in ")
    assert patient.startswith(
        "They also differ in their patients or views: normal films are of older patients"
    )
    assert told([], PNEUMONIA, "The others", "these") == []


def test_splits_that_do_not_differ_say_how_many_patients_could_have_shown_it():
    films = catalog(patients=200)
    found = check_shift(films, pixels_of(films), PNEUMONIA)
    assert (found.severity, found.films, found.mend) == ("none", (), None)
    assert "don't differ between the splits in any of" in found.sentence


def test_too_few_patients_cannot_tell_and_one_class_alone_can():
    few = catalog(patients=30)
    found = check_shift(few, pixels_of(few), PNEUMONIA)
    assert (found.severity, found.figure) == ("none", None)
    assert "can't be told" in found.sentence
    ill = moved(catalog(ill=0.97), "brightness", 30)
    _, differ = fired(ill)
    assert {one.label for one in differ} == {1}


def test_missing_values_and_words_that_no_film_states_are_left_out():
    films = catalog(age=np.nan, view=None, sex=None)
    assert not {look.name for look in looks(films)} & {"age", "view: not stated", "sex: not stated"}
    half = films.assign(age=np.where(np.arange(len(films)) % 2, 40.0, np.nan))
    [ages] = [look for look in looks(half) if look.name == "age"]
    assert np.isnan(ages.values).sum() == (len(films) + 1) // 2


def test_a_word_from_a_file_is_cut_short():
    films = catalog(view=np.where(np.arange(len(catalog())) % 2, "x" * 500, "PA"))
    assert all(len(look.more) < 80 for look in looks(films))
