"""Models: each with its card, its validation results, its lock, and whether test results were revealed."""

import contextlib
from typing import Any

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.app import choice, manage, reads, shell, status, widgets, wording
from xraylab.app.curves import learning_curves
from xraylab.app.faults import guard
from xraylab.app.glossary import LOGIT, SUITE, explained
from xraylab.data.patients import told
from xraylab.errors import NotFoundError, XRayLabError
from xraylab.findings import Finding
from xraylab.models import Model, faults_of_models, load_model
from xraylab.networks.registry import network
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import Stage

_HEAD = (
    *("Model", "Network", "Films", "Recipe", "Validation AUC"),
    *("Validation films", "Locked at", "Made", "Size"),
)


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    manage.recall(settings)
    rows = actions.model_rows(settings)
    kept = {row.name: row for row in actions.list_objects(settings, "model")}
    widgets.notes(faults_of_models(settings))
    if not rows:
        shell.empty_state("There are no models yet.", "Train one", key="models train", to="train")
        manage.draw(settings, "model")
        return
    noted = any(row.note for row in kept.values())
    reading = choice.model_in_use(settings)
    in_use = None if reading is None else reading.name  # as the sidebar names it
    widgets.table(
        (*_HEAD, *(("Note",) if noted else ())),
        [
            (
                wording.model(row.name, shipped=row.shipped)
                + (" · reads films" if row.name == in_use else ""),
                row.arch,
                row.dataset,
                row.recipe,
                (formats.auc(row.val_auc), formats.auc_interval(*row.val_auc_ci)),
                "too few to judge" if row.few else "enough",
                "not locked" if row.threshold is None else status.cut_words(row.threshold, row.review_from),
                wording.when(row.created_at),
                wording.bytes_size(kept[row.name].bytes) if row.name in kept else formats.DASH,
                *((kept[row.name].note if row.name in kept else "",) if noted else ()),
            )
            for row in rows
        ],
    )
    st.caption(manage.total(settings, list(kept.values())))
    reads.recall()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = choice.pick_model(settings, key="models model")
        row = next((row for row in rows if model is not None and row.name == model.name), None)
        if row is not None:
            _draw_buttons(settings, row, in_use)
    if model is not None and row is not None:  # a model may have been removed since the list was made
        _draw_use(row, in_use)
        _draw_card(settings, model)
    manage.draw(settings, "model")
    shell.next_step("Move the threshold", "threshold")


def _draw_buttons(settings: Settings, row: documents.ModelRow, in_use: str | None) -> None:
    """Offer to let the model read films, and to manage it."""
    if not row.reads or row.name != in_use:
        reads.use_for_reading(settings, row.name, key="use for reading")
    manage.button("model", row.name, row.name, key="manage model")


def _draw_use(row: documents.ModelRow, in_use: str | None) -> None:
    """Draw the model's name; say whether it reads films, and whether it can be judged at all."""
    title = wording.model(row.name, shipped=row.shipped)
    st.header(wording.plain(title), anchor=False, help=explained(title) or None)
    if row.few:
        widgets.badge(row.few)
    if row.name != in_use:
        return
    if row.reads:
        st.caption("This model reads films, because it was chosen or because nobody chose another.")
    else:
        st.caption("This model reads films in this window only. Use for reading lets it read everywhere.")


def _draw_card(settings: Settings, model: Model) -> None:
    model = load_model(settings, model.name)
    card, lock = model.card, model.lock
    synthetic = " (synthetic)" if card.dataset.kind == "phantoms" else ""
    openings = wording.times(len(lock.opened_at) if lock else 0)
    kept = formats.kept_epoch(card.best_epoch, card.epochs, str(card.recipe.get("keep")))
    patients = told(card.dataset.patient_key, card.dataset.patients_from)
    took = f"{formats.duration(card.seconds)} on {card.device.upper()}"
    facts = (
        ("For", card.intended_use),
        ("Finding", card.finding.name),
        ("Network", f"{card.arch}, {formats.count(card.parameters)} parameters"),
        ("Started from", card.weights if card.weights != "none" else "random weights"),
        ("Films", f"{card.dataset.name}{synthetic}, patients from {patients}"),
        ("Classes", ", ".join(kind.lower() for kind in card.classes)),
        ("Recipe", _recipe_words(card.recipe)),
        ("Kept", kept if card.epochs else ""),
        ("Training took", took if card.epochs else ""),
        ("Lock", status.lock_words(lock) if lock else "not locked"),
        ("Test results revealed", openings),
        ("Weights hash", card.model_sha256[:16]),
        ("Made with", ", ".join(f"{name} {version}" for name, version in card.versions.items())),
    )
    widgets.table((), [fact for fact in facts if fact[1]])  # an ensemble has no epochs and took no time
    # Each part has its own guard, so that damage in one of its files doesn't hide the rest of the card.
    with guard():
        if lock is not None:
            _draw_figures(settings, model)
    with guard():
        if lock is not None and model.scored_under_suite:
            _draw_suite(settings, model)
    with guard():
        _draw_members(model)
    widgets.notes(card.notes)
    _draw_document(settings, model)
    if history := model.history:
        st.subheader("How it was trained", anchor=False)
        # The hash is in the key, so that a replaced model doesn't inherit the old chart's state.
        learning_curves(history, key=f"model curves {card.model_sha256}")
    _draw_parameters(model)


def _draw_figures(settings: Settings, model: Model) -> None:
    """Draw the results of the lock on validation films."""
    evaluation = actions.evaluate_validation(settings, model.name)
    names = {"sensitivity": "Sensitivity", "specificity": "Specificity", "precision": "Precision (PPV)"}
    widgets.figures(
        [
            ("Validation AUC", formats.auc(evaluation.auc), formats.auc_interval(*evaluation.auc_ci)),
            *(
                (
                    word,
                    formats.percent(getattr(evaluation, name)),
                    formats.interval(*evaluation.intervals[name]),
                )
                for name, word in names.items()
            ),
            *_band_figures(evaluation.band, model.card.finding),
        ]
    )


def _band_figures(band: documents.ReviewBand | None, finding: Finding) -> list[tuple[str, str, str]]:
    """Return the share of films that need a reader, and of the findings missed below the band."""
    if band is None:
        return []
    return [
        ("Films that need a reader", formats.percent(band.between.share), ""),
        (
            f"Films below {finding.ill}",
            f"{formats.count(band.below_positive)} of {formats.count(band.below.films)}",
            formats.interval(*band.below_positive_ci),
        ),
        (
            f"{finding.capital_cases} below both thresholds",
            formats.percent(band.missed_rate),
            formats.interval(*band.missed_ci),
        ),
    ]


def _draw_suite(settings: Settings, model: Model) -> None:
    """Draw the validation results under each change of the suite."""
    document = actions.robustness(settings, model.name)
    st.subheader("Results on degraded films (suite)", anchor=False, help=SUITE)
    widgets.table(
        ("Change of every film", "Validation AUC", "95 % interval", "Sensitivity", "Specificity", "Training"),
        [
            (
                row.title,
                formats.auc(row.auc),
                formats.auc_interval(*row.auc_ci),
                formats.percent(row.sensitivity),
                formats.percent(row.specificity),
                "not trained for" if row.left_out else "",
            )
            for row in document.rows
        ],
    )
    st.caption(
        "At the locked threshold. If a change of window, sharpness or file format costs accuracy here, "
        "another machine is likely to cost it too."
    )


def _draw_document(settings: Settings, model: Model) -> None:
    """Draw the whole card, as it can be passed on."""
    with st.expander("Model card", key="models card", on_change="rerun") as card:
        # Streamlit runs the content of a closed expander too, and the card's fits take a moment.
        if not card.open:
            return
        with guard():
            markdown = actions.model_card(settings, model.name)
            st.download_button(
                "Save as a file",
                markdown,
                file_name=f"{model.name}-card.md",
                mime="text/markdown",
                key="models card download",
                on_click="ignore",  # saving needs no rerun
            )
            st.markdown(markdown.partition("\n")[2])  # without its title, which repeats the name above


def _recipe_words(recipe: dict[str, Any]) -> str:
    """Write a recipe in a line; that of an ensemble has neither stages nor seed."""
    seed = f", seed {recipe['seed']}" if "seed" in recipe else ""
    stages = ", then ".join(
        f"{wording.trained_part(stage['trains'])} for {wording.epochs(stage['epochs'])}"
        for stage in recipe.get("stages", ())
    )
    return f"{recipe.get('name', '')}{seed}{f': {stages}' if stages else ''}"


def _draw_members(model: Model) -> None:
    """Draw the members of an ensemble with the calibration of each."""
    members = model.members
    if members is None:
        return
    st.subheader("Members", anchor=False)
    present: dict[str, str] = {}
    with contextlib.suppress(XRayLabError):  # a member that is gone has no present name
        present = {part.card.model_sha256: part.name for part in model.parts}
    widgets.table(
        ("Model", "Network", "Slope", "Intercept"),
        [
            (
                present.get(member.model_sha256, member.model),
                member.arch,
                f"{member.slope:.3f}",
                f"{member.intercept:+.3f}",
            )
            for member in members.members
        ],
    )
    st.caption(
        "The logit (log odds) of each member is multiplied by its slope and shifted by its intercept, which "
        "calibrates it. The mean probability is calibrated again.",
        help=LOGIT,
    )


def _draw_parameters(model: Model) -> None:
    """Draw the layers when asked to; loading torch takes a few seconds the first time."""
    try:
        entry = network(model.card.arch)
    except NotFoundError:  # an ensemble, or a network that another package brought
        return
    if not st.toggle("Count the parameters", key="models parameters"):
        return
    from xraylab.app.loaded import parameter_table

    # The recipe in a card is a plain document; one without stages counts as trained as a whole.
    trained = [str(stage["trains"]) for stage in model.card.recipe.get("stages", ())] or ["all"]
    widgets.parameters(
        lambda tail: parameter_table(entry, classes=len(model.card.classes), tail=tail),
        {trains: Stage(trains=trains, epochs=1, learning_rate=1).tail for trains in trained},
        key="models",
    )
