"""
Spellings: the words by which folders and columns are known, in any case and with any signs between them.

- a word counts only if it is the whole name, or stands beside words that say nothing, as in ``test_images``
- the words for splits are those that the common libraries for data sets know
"""

import re

_SPLIT_WORDS = {
    "train": ("train", "training", "trainset", "tr"),
    "val": ("val", "valid", "validation", "validate", "valset", "dev", "development", "tune", "tuning"),
    "test": (
        "test",
        "testing",
        "testset",
        "eval",
        "evaluation",
        "holdout",
        "heldout",
        "hold out",
        "held out",
    ),
}
_SPLIT_OF = {word: split for split, words in _SPLIT_WORDS.items() for word in words}
_EMPTY_WORDS = {
    *("set", "sets", "data", "dataset", "image", "images", "imgs", "img", "film", "films", "file", "files"),
    *("folder", "split", "chest", "xray", "xrays", "cxr", "radiograph", "radiographs", "png", "jpg", "jpeg"),
    *("dicom", "dcm", "stage", "kaggle", "rsna"),
}
_MASK_WORDS = frozenset(["mask", "masks", "segmentation", "segmentations", "groundtruth"])
_TABLE = re.compile(r".*\.((csv|tsv|txt)(\.gz)?|xlsx|xlsm)", re.IGNORECASE | re.DOTALL)


def is_table(name: str) -> bool:
    """Return whether a file's name is that of a table: CSV, TSV or Excel, the first two also compressed."""
    return _TABLE.fullmatch(name) is not None


def words(name: str) -> str:
    """Return the words of a name in lower case with one blank between them, without other signs."""
    return " ".join(re.findall(r"[^\W_]+", name.casefold()))


def split_named(name: str) -> str | None:
    """Return the split that a folder's or table's name stands for: ``train``, ``val``, ``test`` or None."""
    telling = [word for word in words(name).split() if word not in _EMPTY_WORDS and not word.isdigit()]
    return _SPLIT_OF.get(" ".join(telling))


def says_nothing(name: str) -> bool:
    """Return whether a folder's name is only a word for images, so that it tells no label and no split."""
    named = words(name).split()
    return bool(named) and all(word in _EMPTY_WORDS or word.isdigit() for word in named)


def is_mask(name: str) -> bool:
    """Return whether a folder's name says that it holds masks and not films."""
    return any(word in _MASK_WORDS for word in words(name).split())


# Columns of tables, by the role that they have.
ROLES: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "file path", "filepath", "image path", "imagepath", "image index", "file", "filename"),
        *("file name", "image", "image name", "image id", "imageid", "img", "dicom id", "sop instance uid"),
        *("sopinstanceuid", "instance uid", "series instance uid", "study instance uid", "studyinstanceuid"),
        *("study uid", "x ray image name", "patientid", "patient id", "id", "name"),
    ),
    "label": (
        *("label", "labels", "finding labels", "finding", "findings", "class", "classes", "class name"),
        *("target", "diagnosis", "category", "pathology", "ground truth"),
    ),
    "patient": (
        "patient",
        "patient id",
        "patientid",
        "subject id",
        "subject",
        "person",
        "person id",
        "case id",
    ),
    "split": ("split", "set", "subset", "fold", "partition", "dataset type"),
    "age": ("age", "patient age", "age years", "patientage"),
    "sex": ("sex", "gender", "patient sex", "patient gender", "patientsex"),
    "view": ("view", "view position", "viewposition", "projection", "frontal lateral"),
    "reader": ("reader", "reader id", "rad id", "radiologist", "annotator"),
}
