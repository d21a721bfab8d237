"""
The JSON documents of the command line, as typed data.

- the keys are a contract: other programs read them, and a test compares their schema with a committed copy
- a number that isn't defined is null in JSON and NaN in Python
"""

from xraylab.documents.calibration import Calibrated, CalibrationBin
from xraylab.documents.comparison import (
    ComparedModel,
    ComparedModels,
    ComparedPair,
    Estimate,
    NamedPair,
    Spread,
)
from xraylab.documents.evaluation import (
    BandZone,
    Evaluated,
    Overlap,
    ReviewBand,
    Robustness,
    UnderPerturbation,
)
from xraylab.documents.installation import Check, Doctor
from xraylab.documents.intervals import Interval
from xraylab.documents.models import Ensembled, EnsembleMember, Locked, ModelCard, ModelRow, ReadingModel
from xraylab.documents.reading import CaseLog, CaseRow, Predicted, TrailRow
from xraylab.documents.report import (
    AboutLock,
    AtPrevalence,
    AverageName,
    AverageRow,
    BandThousand,
    ClassRow,
    ClassTable,
    Curves,
    DecisionAt,
    Estimated,
    EvaluationReport,
    KindRow,
    SplitReport,
    Thousand,
    Worth,
)
from xraylab.documents.runs import Imported, NetworkRow, Phantoms, RecipeRow, RunRow, SeedRow, Trained
from xraylab.documents.shift import Difference, Shift, ShiftOfClass, ShiftSide
from xraylab.documents.standards import (
    Answer,
    ByPatient,
    Checklist,
    ChecklistItem,
    FilmFlow,
    FilmsHash,
    HeldOutFlow,
    Needed,
    OpeningRow,
    Provenance,
    Reason,
    SampleSize,
    SplitFlow,
)
from xraylab.documents.trail import TrailEntry

__all__ = [
    "AboutLock",
    "Answer",
    "AtPrevalence",
    "AverageName",
    "AverageRow",
    "BandThousand",
    "BandZone",
    "ByPatient",
    "Calibrated",
    "CalibrationBin",
    "CaseLog",
    "CaseRow",
    "Check",
    "Checklist",
    "ChecklistItem",
    "ClassRow",
    "ClassTable",
    "ComparedModel",
    "ComparedModels",
    "ComparedPair",
    "Curves",
    "DecisionAt",
    "Difference",
    "Doctor",
    "EnsembleMember",
    "Ensembled",
    "Estimate",
    "Estimated",
    "Evaluated",
    "EvaluationReport",
    "FilmFlow",
    "FilmsHash",
    "HeldOutFlow",
    "Imported",
    "Interval",
    "KindRow",
    "Locked",
    "ModelCard",
    "ModelRow",
    "NamedPair",
    "Needed",
    "NetworkRow",
    "OpeningRow",
    "Overlap",
    "Phantoms",
    "Predicted",
    "Provenance",
    "ReadingModel",
    "Reason",
    "RecipeRow",
    "ReviewBand",
    "Robustness",
    "RunRow",
    "SampleSize",
    "SeedRow",
    "Shift",
    "ShiftOfClass",
    "ShiftSide",
    "SplitFlow",
    "SplitReport",
    "Spread",
    "Thousand",
    "TrailEntry",
    "TrailRow",
    "Trained",
    "UnderPerturbation",
    "Worth",
]
