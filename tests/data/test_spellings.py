"""Spellings: the words by which folders are known."""

import pytest

from xraylab.data.spellings import is_mask, says_nothing, split_named


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(
            (name, "train")
            for name in ("train", "Training", "TRAIN", "train_images", "train-set", "stage_2_train_images")
        ),
        *((name, "val") for name in ("val", "Valid", "VALIDATION", "dev", "validation_data", "tuning set")),
        *(
            (name, "test")
            for name in ("test", "Testing", "TEST", "eval", "Evaluation", "holdout", "hold-out", "held_out")
        ),
        ("chest_xray_test", "test"),
        ("fold 1", None),
        ("train_test", None),  # both
        ("not train", None),
        ("latest", None),
        ("contest", None),
        ("site a", None),
        ("NORMAL", None),
        ("", None),
    ],
)
def test_known_words_for_splits_count_in_any_case(name, split):
    assert split_named(name) == split


@pytest.mark.parametrize(
    ("name", "mask", "nothing"),
    [
        ("masks", True, False),
        ("lung_mask", True, False),
        ("Segmentations", True, False),
        ("unmasked", False, False),
        ("images", False, True),
        ("images_001", False, True),
        ("PNG", False, True),
        ("Normal", False, False),
        ("", False, False),
    ],
)
def test_folders_of_masks_and_of_images_are_known(name, mask, nothing):
    assert (is_mask(name), says_nothing(name)) == (mask, nothing)
