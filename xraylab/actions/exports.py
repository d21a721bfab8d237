"""
Exports: a model's tables as CSV, and its evaluation as one document, as JSON or as a PDF.

- nothing is opened here: test films are in an export only if their split was opened at the present lock
- a CSV is ``tables``': all digits of a number, and no word that a spreadsheet would run
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from xraylab import documents
from xraylab.actions.cards import model_card
from xraylab.errors import HonestOrderError, NotFoundError, XRayLabError
from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.thresholds import ThresholdTable, threshold_table
from xraylab.models import Model, load_model, openings_of
from xraylab.predictions import Predictions
from xraylab.reports import evaluation
from xraylab.reports.card import fits_card
from xraylab.reports.tables import as_csv
from xraylab.settings import Settings

PREVALENCE = 0.1
_SPLITS = ("validation", "test")


def evaluation_report(
    settings: Settings, name: str, *, prevalence: float = PREVALENCE, now: datetime | None = None
) -> documents.EvaluationReport:
    """All that is known of how well a model does at its lock, with its card.

    Parameters
    ----------
    prevalence : float
        In (0, 1): the share of pneumonia to say PPV, NPV and a thousand films for.
    now : datetime, optional
        When it is written; by default the clock's.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are missing.
    HonestOrderError
        If it has no lock that fits it.
    XRayLabError
        If its predictions are damaged, or the prevalence is none.
    """
    if not 0 < prevalence < 1:
        raise XRayLabError("A prevalence lies between 0 and 1, such as 0.1 for 10 %.")
    model = load_model(settings, name)
    lock = model.require_lock()
    if not fits_card(lock, model.card):
        raise HonestOrderError(
            f"The lock of “{name}” was made for other weights, another backend or other pixels. "
            "Lock it again."
        )
    try:
        return evaluation.evaluation_report(
            model.card,
            lock,
            validation=films_of(model, "validation"),
            test=films_of(model, "test") if model.test_opened else None,
            markdown=model_card(settings, name),
            openings=len(openings_of(settings, model)),
            prevalence=prevalence,
            made_at=now or datetime.now(UTC),
        )
    except (ValueError, TypeError) as error:  # a label that is none, scores outside of 0 to 1
        raise damaged(model) from error


def evaluation_pdf(
    settings: Settings, name: str, *, prevalence: float = PREVALENCE, now: datetime | None = None
) -> bytes:
    """The same document as a PDF.

    Raises
    ------
    NotFoundError, HonestOrderError, XRayLabError
        As ``evaluation_report``.
    """
    return drawn(evaluation_report(settings, name, prevalence=prevalence, now=now))


def drawn(report: documents.EvaluationReport) -> bytes:
    """An evaluation as a PDF; reportlab is loaded here."""
    from xraylab.reports.pdf import evaluation_pdf as draw

    return draw(report)


def as_json(report: documents.EvaluationReport) -> str:
    """An evaluation as JSON, null for what isn't known."""
    return report.model_dump_json(indent=2) + "\n"


def threshold_csv(settings: Settings, name: str, split: str) -> str:
    """Every row of a model's exact threshold table, highest threshold first.

    Columns are ``threshold`` (all its digits; ``inf`` calls nobody positive), ``tp``, ``fp``, ``fn``, ``tn``,
    and six rates, each with the ends of its 95 % interval, clustered by patient.

    Parameters
    ----------
    split : str
        validation, or test once it has been opened.

    Raises
    ------
    NotFoundError
        If there is no such model or split, or its predictions are missing.
    HonestOrderError
        If the test films are sealed.
    XRayLabError
        If its predictions are damaged.
    """
    model = load_model(settings, name)
    scored = films_of(model, split).scored
    try:
        table = threshold_table(scored.labels, scored.scores, scored.groups)
    except (ValueError, TypeError) as error:
        raise damaged(model) from error
    ends = [f"{rate}{end}" for rate in PROPORTIONS for end in ("", "_low", "_high")]
    rows = (_row(table, threshold) for threshold in table.threshold.tolist())
    return as_csv(("threshold", "tp", "fp", "fn", "tn", *ends), rows)


def predictions_csv(settings: Settings, name: str, split: str) -> str:
    """The score of every film of a split.

    Columns are ``film`` (its name in the dataset), ``patient`` (a running number, not who it is), ``label``
    (0 or 1), ``kind`` (by file name), ``score``, ``refused`` (why there is no score), and with kinds of
    pneumonia a probability each. A file's name may itself tell whose film it is.

    Parameters
    ----------
    split : str
        validation, or test once it has been opened.

    Raises
    ------
    NotFoundError
        If there is no such model or split, or its predictions are missing.
    HonestOrderError
        If the test films are sealed.
    XRayLabError
        If its predictions are those of other weights.
    """
    films = films_of(load_model(settings, name), split)
    frame = films.frame
    patients = pd.factorize(frame["group"])[0] + 1
    columns: dict[str, Sequence[object] | pd.Series] = {
        "film": frame["image_id"],
        "patient": patients.tolist(),
        "label": frame["label"].astype("Int64"),
        "kind": frame["subtype"],
        "score": frame["score"],
        "refused": frame["refused"],
        **{f"p_{kind}": values.tolist() for kind, values in films.kinds.items()},
    }
    return as_csv(tuple(columns), zip(*(list(column) for column in columns.values()), strict=True))


def films_of(model: Model, split: str) -> Predictions:
    """Its predictions on a split that may be looked at, of the weights that it has."""
    if split not in _SPLITS:
        raise NotFoundError(f"There is no split “{split}” to export. Choose {' or '.join(_SPLITS)}.")
    films = model.test if split == "test" else model.validation
    if films.model_hash != model.card.model_sha256:
        raise XRayLabError(
            f"The stored predictions of “{model.name}” are those of other weights. {model.remedy}"
        )
    return films


def damaged(model: Model) -> XRayLabError:
    """What to say of predictions that are no predictions."""
    return XRayLabError(f"The stored predictions of “{model.name}” are damaged. {model.remedy}")


def _row(table: ThresholdTable, threshold: float) -> list[object]:
    point = table.at(threshold)
    rates = [
        number for rate in PROPORTIONS for number in (getattr(point, rate), *table.interval(rate, threshold))
    ]
    return [threshold, point.tp, point.fp, point.fn, point.tn, *rates]
