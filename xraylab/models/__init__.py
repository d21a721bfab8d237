"""
Models on disk: what is in a model's folder, and where models are found.

- no torch here: the Overview, Threshold and Models screens open without it
"""

from xraylab.models.floor import why_no_floor, why_no_floor_by
from xraylab.models.folder import (
    BACKEND,
    ENSEMBLE,
    SUITE_FILE,
    About,
    Card,
    Lock,
    Member,
    Members,
    Model,
    TrainedOn,
    average_predictions,
    average_suites,
    check_held_out,
)
from xraylab.models.novelty_file import NOVELTY_FILE, novelty_bytes
from xraylab.models.related import Seeds, ready_made, seed_groups
from xraylab.models.shelf import (
    RESERVED_NAMES,
    SHIPPED_NAMES,
    check_name_free,
    dataset_of,
    list_models,
    load_model,
    load_shipped,
    openings_of,
    shipped_names,
)

__all__ = [
    "BACKEND",
    "ENSEMBLE",
    "NOVELTY_FILE",
    "RESERVED_NAMES",
    "SHIPPED_NAMES",
    "SUITE_FILE",
    "About",
    "Card",
    "Lock",
    "Member",
    "Members",
    "Model",
    "Seeds",
    "TrainedOn",
    "average_predictions",
    "average_suites",
    "check_held_out",
    "check_name_free",
    "dataset_of",
    "list_models",
    "load_model",
    "load_shipped",
    "novelty_bytes",
    "openings_of",
    "ready_made",
    "seed_groups",
    "shipped_names",
    "why_no_floor",
    "why_no_floor_by",
]
