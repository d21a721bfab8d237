"""
Errors that a person can act on.

- each message is one or two plain sentences: what is wrong, and what to do about it
- pages and commands catch ``XRayLabError`` alone; any other error is a fault of XRayLab
- ``ValueError`` means a bug of the caller

::

    XRayLabError
    ├── UnreadableImageError     a file that can't be read as a radiograph
    ├── DatasetError             a dataset, or a source of one, that can't be used
    ├── NameTakenError           a name that is in use, or invalid
    ├── NotFoundError            a dataset, model, run or preset that doesn't exist
    ├── InUseError               something that can't be renamed or deleted now
    ├── WeightsError             a weights file that is missing or belongs to another network
    ├── RecipeError              a recipe that can't be trained
    ├── TrainingError            a training that had to stop, or can't go on
    ├── ScoreError               a score or threshold that isn't a finite number
    ├── CalibrationError         scores that can't be turned into probabilities
    ├── EnsembleError            models that can't be averaged
    ├── ComparisonError          models that can't be compared
    ├── HeatmapError             a heatmap without valid values
    ├── HonestOrderError         a step that comes before the step it depends on
    ├── NotConfirmedError        a step that a person must confirm first
    ├── SettingsError            a setting that can't be used
    └── StorageError             the disk is full or the home folder can't be written
"""


class XRayLabError(Exception):
    """An error that the user can act on; the message is written for the user."""


class UnreadableImageError(XRayLabError):
    """A file can't be read as a radiograph."""


class DatasetError(XRayLabError):
    """A dataset, or the source of an import, can't be used."""


class NameTakenError(XRayLabError):
    """A name is in use already, or invalid."""


class NotFoundError(XRayLabError):
    """A dataset, model, run or preset doesn't exist."""


class InUseError(XRayLabError):
    """Something can't be renamed or deleted, because something else needs it now."""


class WeightsError(XRayLabError):
    """A weights file is missing, damaged or belongs to another network."""


class RecipeError(XRayLabError):
    """A recipe can't be trained."""


class TrainingError(XRayLabError):
    """A training had to stop, or can't go on."""


class ScoreError(XRayLabError):
    """A score, or another number that decides, is not finite."""


class CalibrationError(XRayLabError):
    """Scores can't be turned into probabilities."""


class EnsembleError(XRayLabError):
    """Models can't be averaged."""


class ComparisonError(XRayLabError):
    """Models can't be compared."""


class HeatmapError(XRayLabError):
    """A heatmap has values that are NaN or infinite."""


class HonestOrderError(XRayLabError):
    """A step comes before the step it depends on: a model is locked before its test split is opened."""


class NotConfirmedError(XRayLabError):
    """A person must confirm a step first: that they looked at the film, or that it may be sent."""


class SettingsError(XRayLabError):
    """A setting in ``XRAYLAB_*`` or ``config.toml`` can't be used."""


class StorageError(XRayLabError):
    """The disk is full or the home folder can't be written."""
