"""
Models on disk: what a model's folder holds, and where models are found.

- no torch here: the Overview, Threshold and Models screens open without it
- imports go one way: ``schema`` and ``held_out``, then ``folder``, then everything that works on models
"""

from xraylab.models.averaged import average_predictions, average_suites, check_held_out
from xraylab.models.choosing import (
    choose_threshold,
    decides_alike,
    films_to_choose_by,
    why_no_floor,
    why_no_floor_by,
)
from xraylab.models.films_file import FILMS_FILE, MadeFrom, films_bytes, made_from, together
from xraylab.models.folder import HELD_OUT, SUITE_FILE, Model
from xraylab.models.in_use import ChosenToRead, choose_to_read, chosen_to_read, model_that_reads
from xraylab.models.novelty_file import NOVELTY_FILE, novelty_bytes
from xraylab.models.opened import (
    opened_before,
    openings_of,
    openings_of_dataset,
    openings_on_films,
    order_words,
    seen_before,
    test_fingerprints,
)
from xraylab.models.related import Seeds, ready_made, seed_groups
from xraylab.models.schema import (
    BACKEND,
    ENSEMBLE,
    About,
    CalibratedOn,
    Card,
    Lock,
    Member,
    Members,
    TrainedOn,
)
from xraylab.models.shelf import (
    RESERVED_NAMES,
    SHIPPED_NAMES,
    check_name_free,
    dataset_of,
    faults_of_models,
    films_of,
    list_models,
    load_model,
    load_shipped,
    next_number,
    shipped_names,
)
from xraylab.models.shipped_lock import asks_before_lock, replaced_here, restore_shipped_lock

__all__ = [
    "BACKEND",
    "ENSEMBLE",
    "FILMS_FILE",
    "HELD_OUT",
    "NOVELTY_FILE",
    "RESERVED_NAMES",
    "SHIPPED_NAMES",
    "SUITE_FILE",
    "About",
    "CalibratedOn",
    "Card",
    "ChosenToRead",
    "Lock",
    "MadeFrom",
    "Member",
    "Members",
    "Model",
    "Seeds",
    "TrainedOn",
    "asks_before_lock",
    "average_predictions",
    "average_suites",
    "check_held_out",
    "check_name_free",
    "choose_threshold",
    "choose_to_read",
    "chosen_to_read",
    "dataset_of",
    "decides_alike",
    "faults_of_models",
    "films_bytes",
    "films_of",
    "films_to_choose_by",
    "list_models",
    "load_model",
    "load_shipped",
    "made_from",
    "model_that_reads",
    "next_number",
    "novelty_bytes",
    "opened_before",
    "openings_of",
    "openings_of_dataset",
    "openings_on_films",
    "order_words",
    "ready_made",
    "replaced_here",
    "restore_shipped_lock",
    "seed_groups",
    "seen_before",
    "shipped_names",
    "test_fingerprints",
    "together",
    "why_no_floor",
    "why_no_floor_by",
]
