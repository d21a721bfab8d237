"""
Errors that a person can act on.

- each message is one plain sentence or two: what is wrong, and what to do about it
- pages and commands catch ``XRayLabError`` alone; anything else is our own fault
- ``ValueError`` stays for a caller's bug

::

    XRayLabError
    ├── UnreadableImageError     a file that cannot be read as a radiograph
    ├── DatasetError             an import or a dataset that cannot be used
    ├── NameTakenError           a name that is in use already, or not a name
    ├── NotFoundError            a dataset, model, run or preset that does not exist
    ├── WeightsError             a weights file that is missing or belongs to another network
    ├── RecipeError              a recipe that cannot be trained
    ├── TrainingError            a training that had to stop, or can't go on
    ├── CalibrationError         scores of which no probability can be made
    ├── EnsembleError            models that can't be averaged
    ├── ComparisonError          models that can't be compared
    ├── HeatmapError             a heatmap that is no answer
    ├── HonestOrderError         a step taken before the one it depends on
    ├── NotConfirmedError        a step that needs a person's word first
    ├── SettingsError            a setting that cannot be used
    └── StorageError             the disk is full or the home folder cannot be written
"""


class XRayLabError(Exception):
    """Something the user can act on; the message is meant for their eyes."""


class UnreadableImageError(XRayLabError):
    """A file that cannot be read as a radiograph."""


class DatasetError(XRayLabError):
    """An import or a dataset that cannot be used."""


class NameTakenError(XRayLabError):
    """A name that is in use already, or that cannot be a name."""


class NotFoundError(XRayLabError):
    """A dataset, model, run or preset that does not exist."""


class WeightsError(XRayLabError):
    """A weights file that is missing, broken or belongs to another network."""


class RecipeError(XRayLabError):
    """A recipe that cannot be trained."""


class TrainingError(XRayLabError):
    """A training that had to stop, or that can't go on."""


class CalibrationError(XRayLabError):
    """Scores of which no probability can be made."""


class EnsembleError(XRayLabError):
    """Models that can't be averaged."""


class ComparisonError(XRayLabError):
    """Models that can't be compared."""


class HeatmapError(XRayLabError):
    """A heatmap that is no answer: its values are no numbers."""


class HonestOrderError(XRayLabError):
    """A step taken before the one it depends on: lock before opening the test split."""


class NotConfirmedError(XRayLabError):
    """A step that needs a person's word first: that the film was looked at, or that it may be sent."""


class SettingsError(XRayLabError):
    """A setting that cannot be used: in ``XRAYLAB_*`` or in ``config.toml``."""


class StorageError(XRayLabError):
    """The disk is full or the home folder cannot be written."""
