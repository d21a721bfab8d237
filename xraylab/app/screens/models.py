"""Models: each with its card, its numbers on validation, its lock and its openings."""

from xraylab import actions
from xraylab.app import choice, shell, status, widgets, wording
from xraylab.models import Model, load_model
from xraylab.settings import Settings, load_settings


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    rows = actions.model_rows(settings)
    if not rows:
        shell.empty_state("There are no models yet.", "Train one", key="models train", to="train")
        return
    widgets.table(
        ("Model", "Network", "Films", "Recipe", "Validation AUC", "95 % interval", "Locked at", "Made"),
        [
            (
                row.name,
                row.arch,
                row.dataset,
                row.recipe,
                wording.auc(row.val_auc),
                wording.auc_interval(*row.val_auc_ci),
                wording.score(row.threshold) if row.threshold is not None else "not locked",
                wording.when(row.created_at),
            )
            for row in rows
        ],
    )
    model = choice.pick_model(settings, key="models model")
    if model is not None:
        _draw_card(settings, model)
    shell.next_step("Move the threshold", "threshold")


def _draw_card(settings: Settings, model: Model) -> None:
    model = load_model(settings, model.name)
    card, lock = model.card, model.lock
    synthetic = " (synthetic)" if card.dataset.kind == "phantoms" else ""
    openings = f"{len(lock.opened_at)} times" if lock and lock.opened_at else "never"
    facts = (
        ("For", card.intended_use),
        ("Network", f"{card.arch}, {wording.count(card.parameters)} parameters"),
        ("Started from", card.weights if card.weights != "none" else "random weights"),
        ("Films", f"{card.dataset.name}{synthetic}, patients by {card.dataset.patient_key}"),
        ("Recipe", f"{card.recipe['name']}, seed {card.recipe['seed']}"),
        ("Kept", f"epoch {card.best_epoch} of {card.epochs}, by validation AUC"),
        ("Training took", f"{wording.duration(card.seconds)} on {card.device}"),
        ("Lock", status.lock_words(lock) if lock else "not locked"),
        ("Test split opened", openings),
        ("Weights hash", card.model_sha256[:16]),
        ("Made with", ", ".join(f"{name} {version}" for name, version in card.versions.items())),
    )
    widgets.table((), facts)
    if lock is not None:
        evaluation = actions.evaluate_validation(settings, model.name)
        names = {"sensitivity": "Sensitivity", "specificity": "Specificity", "precision": "Precision (PPV)"}
        widgets.figures(
            [
                ("Validation AUC", wording.auc(evaluation.auc), wording.auc_interval(*evaluation.auc_ci)),
                *(
                    (
                        word,
                        wording.percent(getattr(evaluation, name)),
                        wording.interval(*evaluation.intervals[name]),
                    )
                    for name, word in names.items()
                ),
            ]
        )
