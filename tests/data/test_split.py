"""Splits: no patient on both sides, both labels wherever something is chosen."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xraylab.data import split
from xraylab.data.split import LEFT_OUT, Split
from xraylab.errors import DatasetError
from xraylab.findings import PNEUMONIA

draw = partial(split.draw, finding=PNEUMONIA)

SPLITS = ("train", "validation", "test")


def films(normal: int, pneumonia: int, *, first_group: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and groups of films that each have a patient of their own."""
    labels = np.repeat([0, 1], [normal, pneumonia])
    return labels, first_group + np.arange(len(labels))


def counts(split: Split, labels: np.ndarray) -> dict[str, list[int]]:
    """Films of each label in each split."""
    return {
        name: np.bincount(labels[split.names == name], minlength=2).tolist()
        for name in dict.fromkeys(split.names)
    }


def straddling(names: np.ndarray, groups: np.ndarray) -> list[int]:
    kept = names != LEFT_OUT
    return [group for group in np.unique(groups[kept]) if len(set(names[kept & (groups == group)])) > 1]


# An unsplit source


def test_films_of_one_patient_each_are_split_70_15_15_within_a_film():
    labels, groups = films(200, 600)
    found = counts(draw(labels, groups, [None] * 800, seed=0), labels)
    for name, share in zip(SPLITS, (0.70, 0.15, 0.15), strict=True):
        assert found[name] == pytest.approx([share * 200, share * 600], abs=1)


@pytest.mark.parametrize("seed", range(5))
def test_patients_with_many_films_are_split_70_15_15_too(seed):
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.geometric(0.5, 400), 30)
    sizes[0] = 30
    groups = np.repeat(np.arange(400), sizes)
    labels = np.repeat((rng.random(400) < 0.7).astype(int), sizes)
    drawn = draw(labels, groups, ["train"] * len(labels), seed=seed)
    assert straddling(drawn.names, groups) == []
    total = np.bincount(labels)
    for name, share in zip(SPLITS, (0.70, 0.15, 0.15), strict=True):
        assert np.abs(counts(drawn, labels)[name] / total - share).max() < 0.02
    assert drawn.notes == []


def test_patients_with_films_of_both_labels_are_split_by_both():
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 300, 1500)
    labels = rng.integers(0, 2, 1500)
    drawn = draw(labels, groups, [None] * 1500, seed=0)
    assert straddling(drawn.names, groups) == []
    for name, share in zip(SPLITS, (0.70, 0.15, 0.15), strict=True):
        assert np.abs(counts(drawn, labels)[name] / np.bincount(labels) - share).max() < 0.02


def test_the_same_seed_gives_the_same_split_and_another_one_another():
    labels, groups = films(40, 60)
    first, again, other = (draw(labels, groups, [None] * 100, seed=seed).names for seed in (3, 3, 4))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_the_order_of_groups_says_nothing_about_their_split():
    labels, groups = films(500, 500)
    names = draw(labels, groups, [None] * 1000, seed=0).names
    for name in SPLITS:
        rows = np.flatnonzero(names[:500] == name)
        assert abs(rows.mean() - 249.5) < 4 * 144.3 / np.sqrt(len(rows))  # four standard errors


def test_three_patients_with_each_label_are_enough_for_both_labels_everywhere():
    labels, groups = films(3, 300)
    for seed in range(10):
        found = counts(draw(labels, groups, [None] * 303, seed=seed), labels)
        assert [found[name][0] for name in SPLITS] == [1, 1, 1]
        assert found["train"][1] == pytest.approx(210, abs=2)


def test_a_patient_with_most_films_of_a_label_does_not_take_them_from_another_split():
    groups = np.array([0] * 100 + [1, 2] + list(range(3, 40)))
    labels = np.array([0] * 102 + [1] * 37)
    found = counts(draw(labels, groups, [None] * len(labels), seed=0), labels)
    assert found["train"][0] == 100
    assert (found["validation"][0], found["test"][0]) == (1, 1)


# Too little to split


@pytest.mark.parametrize(
    ("normal", "pneumonia", "sentence"),
    [
        (0, 40, "There are no NORMAL films to train on. XRayLab needs both"),
        (40, 0, "There are no PNEUMONIA films to train on. XRayLab needs both"),
        (1, 1, "There are NORMAL films of only 1 patient to split. At least 3 patients"),
        (2, 40, "There are NORMAL films of only 2 patients to split. At least 3 patients"),
        (40, 2, "There are PNEUMONIA films of only 2 patients to split. At least 3 patients"),
        (2, 2, "There are NORMAL films of only 2 patients to split. At least 3 patients"),
    ],
)
def test_too_few_patients_are_a_sentence(normal, pneumonia, sentence):
    labels, groups = films(normal, pneumonia)
    with pytest.raises(DatasetError, match=sentence):
        draw(labels, groups, [None] * len(labels), seed=0)


def test_many_films_of_two_patients_are_still_two_patients():
    labels = np.repeat([0, 1], [50, 50])
    groups = np.array([0, 1] * 25 + list(range(2, 52)))
    with pytest.raises(DatasetError, match="of only 2 patients"):
        draw(labels, groups, [None] * 100, seed=0)


def test_a_source_that_is_only_a_test_folder_has_nothing_to_train_on():
    labels, groups = films(50, 50)
    with pytest.raises(DatasetError, match="no NORMAL films to train on"):
        draw(labels, groups, ["test"] * 100, seed=0)


def test_with_an_official_test_split_two_patients_are_enough():
    labels, groups = np.array([0, 0, 1, 1, 0, 1]), np.arange(6)
    drawn = draw(labels, groups, ["train"] * 4 + ["test"] * 2, seed=0)
    assert counts(drawn, labels) == {"train": [1, 1], "validation": [1, 1], "test": [1, 1]}


# A source that is split already


def official(**folders: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Films of each label in each official folder, each of a patient of its own."""
    labels = np.concatenate([films(*n)[0] for n in folders.values()])
    return labels, np.arange(len(labels)), [name for name, n in folders.items() for _ in range(sum(n))]


def test_an_official_test_split_stays_what_it_is():
    labels, groups, folders = official(train=(100, 300), test=(30, 50))
    drawn = draw(labels, groups, folders, seed=0)
    assert ((drawn.names == "test") == (np.array(folders) == "test")).all()
    assert counts(drawn, labels)["validation"] == [15, 45]
    assert drawn.notes == []


def test_a_small_official_validation_split_is_redrawn_and_said():
    labels, groups, folders = official(train=(100, 300), val=(8, 8), test=(30, 50))
    drawn = draw(labels, groups, folders, seed=0)
    assert counts(drawn, labels)["validation"] == pytest.approx([0.15 * 108, 0.15 * 308], abs=1)
    assert len(drawn.notes) == 1
    assert "validation folder has only 16 films, too few" in drawn.notes[0]
    assert "a new validation split was drawn by patient" in drawn.notes[0]


def test_an_official_validation_split_of_100_films_stays_what_it_is():
    for normal, kept in ((49, False), (50, True)):
        labels, groups, folders = official(train=(100, 300), val=(normal, 50), test=(30, 50))
        drawn = draw(labels, groups, folders, seed=0)
        assert ((drawn.names == "validation") == (np.array(folders) == "val")).all() == kept
        assert bool(drawn.notes) == (not kept)
        assert set(drawn.names) == set(SPLITS)


def test_an_official_validation_split_with_one_label_is_redrawn_and_said():
    labels, groups, folders = official(train=(100, 100), val=(0, 200))
    drawn = draw(labels, groups, folders, seed=0)
    assert all(min(n) > 0 for n in counts(drawn, labels).values())
    assert "has films of one label only" in drawn.notes[0]


def test_a_test_split_is_drawn_where_only_validation_is_official():
    labels, groups, folders = official(train=(100, 100), val=(60, 60))
    drawn = draw(labels, groups, folders, seed=0)
    assert counts(drawn, labels) == {"train": [85, 85], "test": [15, 15], "validation": [60, 60]}


def test_an_official_test_split_with_one_label_is_kept_and_said():
    labels, groups, folders = official(train=(50, 50), test=(0, 40))
    drawn = draw(labels, groups, folders, seed=0)
    assert counts(drawn, labels)["test"] == [0, 40]
    assert drawn.notes == [
        "The source's test folder contains PNEUMONIA films only. Numbers that also need NORMAL films, such "
        "as the AUC, can't be measured on it."
    ]


def test_films_of_patients_in_a_later_official_split_are_left_out_and_said():
    labels, groups, folders = official(train=(100, 100), val=(60, 60), test=(20, 20))
    groups[0] = groups[330]  # a training film of a test patient
    groups[1] = groups[210]  # a training film of a validation patient
    groups[211] = groups[331]  # a validation film of a test patient
    groups[212] = groups[332] = groups[2]  # in all three
    drawn = draw(labels, groups, folders, seed=0)
    assert np.flatnonzero(drawn.names == LEFT_OUT).tolist() == [0, 1, 2, 211, 212]
    assert straddling(drawn.names, groups) == []
    assert drawn.notes == [
        "4 films were left out: the same patient or the same picture is also in the source's test folder.",
        "1 film was left out: the same patient or the same picture is also in the source's validation "
        "folder.",
    ]


def test_a_source_whose_training_patients_are_all_in_its_test_folder_is_a_sentence():
    labels, groups, folders = official(train=(20, 20), test=(20, 20))
    with pytest.raises(DatasetError, match="no NORMAL films to train on"):
        draw(labels, groups % 40, folders, seed=0)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 11), st.sampled_from([None, "train", "val", "test"])),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
    st.integers(0, 5),
)
def test_whatever_is_split_is_split_by_patient_with_both_labels(made, unsplit, seed):
    labels, groups = np.array([m[0] for m in made]), np.array([m[1] for m in made])
    folders = [None if unsplit else m[2] for m in made]
    own_test = np.array([folder == "test" for folder in folders])
    try:
        drawn = draw(labels, groups, folders, seed=seed)
    except DatasetError:
        # refused only where it can't be done: fewer patients with some label than splits to fill
        free = ~np.isin(groups, groups[own_test])
        patients = [len(set(groups[free & (labels == label)])) for label in (0, 1)]
        assert min(patients) < 3 - own_test.any()
        return
    assert straddling(drawn.names, groups) == []
    assert ((drawn.names == "test") == own_test).all() or not own_test.any()
    for name in ("train", "validation") if own_test.any() else SPLITS:
        assert set(labels[drawn.names == name]) == {0, 1}
