"""
Actions: everything that a user can do, one function per job.

- pages and commands change things through here and nowhere else
- a function that changes something takes the actor: who did it, for the record
- no torch at import: the light screens come through here too; what needs it imports it when called
"""

from xraylab.actions.audit import audit, audit_progress, cancel_audit, compare_datasets, start_audit
from xraylab.actions.backups import backup
from xraylab.actions.cards import model_card
from xraylab.actions.cases import (
    cases_csv,
    cases_json,
    change_case,
    delete_case,
    keep_case,
    list_cases,
    note_export,
)
from xraylab.actions.catalogue import model_row, model_rows, network_rows, recipe_rows
from xraylab.actions.comparison import Compared, compare, compare_models
from xraylab.actions.datasets import (
    PHANTOM_FILMS,
    fetch_dataset,
    import_dataset,
    import_phantoms,
    list_datasets,
    make_phantoms,
    preview_source,
)
from xraylab.actions.deleting import (
    delete_failed_runs,
    delete_object,
    find_deleted,
    list_deleted,
    remove_deleted,
    restore_object,
)
from xraylab.actions.derived import mend_dataset
from xraylab.actions.ensembles import ensemble
from xraylab.actions.exports import (
    PREVALENCE,
    as_json,
    drawn,
    evaluation_report,
    export_report,
    predictions_csv,
    threshold_csv,
)
from xraylab.actions.film_history import history_of_film
from xraylab.actions.film_reports import (
    deidentified_dicom,
    drawn_heatmap,
    film_pdf,
    film_png,
    film_report,
    note_film,
    note_scores,
    predicted,
    scores_csv,
    standing_of,
    study_dicom,
)
from xraylab.actions.health import doctor
from xraylab.actions.history import export_trail, trail_entries
from xraylab.actions.objects import dependants, disk_used, list_objects, note_object, rename_object
from xraylab.actions.operating_points import evaluate, evaluate_validation, lock, open_test, test_result
from xraylab.actions.pairs import check_pair, name_pair, named_pairs, test_pairs
from xraylab.actions.reading import load_for_reading, note_override, predict, read_at_age, read_films
from xraylab.actions.reading_models import reading_model, restore_lock, use_for_reading
from xraylab.actions.restoring import restore_backup
from xraylab.actions.robustness import robustness
from xraylab.actions.seeds import request_seeds, train_seeds
from xraylab.actions.shift import Shifted, shift
from xraylab.actions.similar import Similar, described, similar_in, similar_to
from xraylab.actions.subgroups import subgroups
from xraylab.actions.training import (
    assist,
    attend_runs,
    cancel_run,
    list_runs,
    request_of,
    request_planned,
    request_training,
    resume,
    resume_run,
    run_row,
    start_training,
    start_trainings,
    train,
)

__all__ = [
    "PHANTOM_FILMS",
    "PREVALENCE",
    "Compared",
    "Shifted",
    "Similar",
    "as_json",
    "assist",
    "attend_runs",
    "audit",
    "audit_progress",
    "backup",
    "cancel_audit",
    "cancel_run",
    "cases_csv",
    "cases_json",
    "change_case",
    "check_pair",
    "compare",
    "compare_datasets",
    "compare_models",
    "deidentified_dicom",
    "delete_case",
    "delete_failed_runs",
    "delete_object",
    "dependants",
    "described",
    "disk_used",
    "doctor",
    "drawn",
    "drawn_heatmap",
    "ensemble",
    "evaluate",
    "evaluate_validation",
    "evaluation_report",
    "export_report",
    "export_trail",
    "fetch_dataset",
    "film_pdf",
    "film_png",
    "film_report",
    "find_deleted",
    "history_of_film",
    "import_dataset",
    "import_phantoms",
    "keep_case",
    "list_cases",
    "list_datasets",
    "list_deleted",
    "list_objects",
    "list_runs",
    "load_for_reading",
    "lock",
    "make_phantoms",
    "mend_dataset",
    "model_card",
    "model_row",
    "model_rows",
    "name_pair",
    "named_pairs",
    "network_rows",
    "note_export",
    "note_film",
    "note_object",
    "note_override",
    "note_scores",
    "open_test",
    "predict",
    "predicted",
    "predictions_csv",
    "preview_source",
    "read_at_age",
    "read_films",
    "reading_model",
    "recipe_rows",
    "remove_deleted",
    "rename_object",
    "request_of",
    "request_planned",
    "request_seeds",
    "request_training",
    "restore_backup",
    "restore_lock",
    "restore_object",
    "resume",
    "resume_run",
    "robustness",
    "run_row",
    "scores_csv",
    "shift",
    "similar_in",
    "similar_to",
    "standing_of",
    "start_audit",
    "start_training",
    "start_trainings",
    "study_dicom",
    "subgroups",
    "test_pairs",
    "test_result",
    "threshold_csv",
    "trail_entries",
    "train",
    "train_seeds",
    "use_for_reading",
]
