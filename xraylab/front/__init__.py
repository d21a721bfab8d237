"""
The front door for Python: what ``import xraylab`` offers, and the results that it returns.

- each function calls an action and turns its document into a frozen dataclass; no number is computed here
- ``settings`` is optional everywhere: by default they are read anew at every call
- what a person can act on is an ``XRayLabError`` whose message is a sentence
"""

from xraylab.front.catalogue import ModelList, TrainedModel, list_models, load_model
from xraylab.front.datasets import ImportedDataset, import_dataset
from xraylab.front.evaluations import BandZone, Counts, Evaluation, ReviewBand
from xraylab.front.films import FilmSource
from xraylab.front.operating_points import LockedModel, evaluate, lock, restore_lock
from xraylab.front.reader import read
from xraylab.front.readings import DecisionLock, FilmReading, Readings
from xraylab.front.results import Measure, Result, Rows
from xraylab.front.trainings import FinishedTraining, train

__all__ = [
    "BandZone",
    "Counts",
    "DecisionLock",
    "Evaluation",
    "FilmReading",
    "FilmSource",
    "FinishedTraining",
    "ImportedDataset",
    "LockedModel",
    "Measure",
    "ModelList",
    "Readings",
    "Result",
    "ReviewBand",
    "Rows",
    "TrainedModel",
    "evaluate",
    "import_dataset",
    "list_models",
    "load_model",
    "lock",
    "read",
    "restore_lock",
    "train",
]
