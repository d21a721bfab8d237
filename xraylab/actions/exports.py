"""
Exports: a model's tables as CSV, and its evaluation as one document, as JSON or as a PDF.

- nothing is opened here: test films are in an export only if their split was opened at the present lock
- a CSV keeps all digits of a number, and quotes a text that a spreadsheet would run as a formula
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from xraylab import documents, trail
from xraylab.actions.cards import model_card
from xraylab.actions.provenance import provenance
from xraylab.errors import HonestOrderError, XRayLabError
from xraylab.evaluation.band import review_band
from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.prevalence import USUAL
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.models import Lock, Model, load_model, openings_of
from xraylab.reports import evaluation
from xraylab.reports.tables import as_csv
from xraylab.settings import Settings

PREVALENCE = USUAL
_ZONES = ("review_from", "above", "between", "below", "below_positive")


def evaluation_report(
    settings: Settings,
    name: str,
    *,
    prevalence: float = PREVALENCE,
    cost: float | None = None,
    now: datetime | None = None,
) -> documents.EvaluationReport:
    """Return everything that is known of how well a model does at its lock, with its card.

    Parameters
    ----------
    prevalence : float
        In (0, 1): the share of films with the finding that PPV, NPV and the numbers per thousand films are
        computed for.
    cost : float, optional
        Number of false alarms that one missed case costs; by default that of the lock's rule, if it is
        a cost rule. Without either there is no net benefit at the lock.
    now : datetime, optional
        Time of writing; by default the present.

    Raises
    ------
    NotFoundError
        If there is no such model, or its predictions are missing or damaged.
    WeightsError
        If its stored predictions are those of other weights.
    HonestOrderError
        If it has no lock that fits it.
    XRayLabError
        If the prevalence isn't in (0, 1), or the cost isn't above 0 and finite.
    """
    if not 0 < prevalence < 1:
        raise XRayLabError("A prevalence lies between 0 and 1, such as 0.1 for 10 %.")
    if cost is not None and not 0 < cost < math.inf:
        raise XRayLabError("A cost is a number of false alarms above 0, such as 10.")
    model = load_model(settings, name)
    lock = model.require_lock()
    if not lock.fits(model.card):
        raise HonestOrderError(
            f"The lock of “{name}” was made for other weights, another backend or other pixels. "
            "Lock it again."
        )
    return evaluation.evaluation_report(
        model.card,
        lock,
        validation=model.films("validation"),
        # A report is written whether or not the test split is open, so the seal isn't an error here.
        test=model.films("test") if model.test_opened else None,
        markdown=model_card(settings, name),
        openings=len(openings_of(settings, model)),
        prevalence=prevalence,
        made_at=now or datetime.now(UTC),
        cost=cost,
        provenance=provenance(settings, model),
    )


def export_report(
    settings: Settings, report: documents.EvaluationReport, kind: str, *, actor: str = trail.PYTHON
) -> bytes:
    """Write an evaluation as a file, with its entry in the trail before the file is handed out.

    Parameters
    ----------
    kind : str
        ``PDF`` or ``JSON``.
    """
    made = drawn(report) if kind == "PDF" else as_json(report).encode()
    _note(settings, load_model(settings, report.model), f"evaluation as {kind}", actor)
    return made


def _note(settings: Settings, model: Model, changed: str, actor: str) -> None:
    objects = {"model": model.card.model_sha256}
    trail.enter(
        settings, trail.MODEL, "exported", actor=actor, name=model.name, objects=objects, changed=changed
    )


def drawn(report: documents.EvaluationReport) -> bytes:
    """Draw an evaluation as a PDF."""
    from xraylab.reports.pdf import evaluation_pdf  # loads reportlab, which other actions don't need

    return evaluation_pdf(report)


def as_json(report: documents.EvaluationReport) -> str:
    """Write an evaluation as JSON; a number that isn't known is null."""
    return report.model_dump_json(indent=2) + "\n"


def threshold_csv(settings: Settings, name: str, split: str, *, actor: str = trail.PYTHON) -> str:
    """Write every row of a model's exact threshold table as CSV, highest threshold first.

    Columns are ``threshold`` (all its digits; at ``inf`` no film is positive), ``tp``, ``fp``, ``fn``,
    ``tn``, and six rates, each with the ends of its 95 % interval, clustered by patient. The last columns
    count the films by the lock's review band, with ``threshold`` as its upper end: ``review_from`` (empty
    without a band, or above the threshold), ``above``, ``between``, ``below`` and ``below_positive``.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once it has been opened.

    Raises
    ------
    NotFoundError
        If there is no such model or split, or its predictions are missing or damaged.
    WeightsError
        If its stored predictions are those of other weights.
    HonestOrderError
        If the test films are sealed.
    """
    model = load_model(settings, name)
    table, lock = model.table(split), model.lock
    review_from = lock.review_from if lock is not None and lock.fits(model.card) else None
    ends = [f"{rate}{end}" for rate in PROPORTIONS for end in ("", "_low", "_high")]
    rows = (
        [*_row(table, threshold), *_zones(table, threshold, review_from)]
        for threshold in table.threshold.tolist()
    )
    _note(settings, model, f"thresholds on {split} as CSV", actor)
    return as_csv(("threshold", "tp", "fp", "fn", "tn", *ends, *_ZONES), rows)


def predictions_csv(settings: Settings, name: str, split: str, *, actor: str = trail.PYTHON) -> str:
    """Write the score of every film of a split as CSV.

    Columns are ``film`` (its name in the dataset, which may itself say whose film it is), ``patient`` (a
    running number instead of the patient's key), ``label`` (0 or 1), ``kind`` (from the file's name),
    ``score``, ``refused`` (why there is no score), one probability for each kind of the finding, and the zone
    of the score at the lock: ``zone`` (above, between or below; empty without a lock), ``threshold`` and
    ``review_from``.

    Parameters
    ----------
    split : str
        ``validation``, or ``test`` once it has been opened.

    Raises
    ------
    NotFoundError, WeightsError, HonestOrderError
        As ``threshold_csv``.
    """
    model = load_model(settings, name)
    films, lock = model.films(split), model.lock
    lock = lock if lock is not None and lock.fits(model.card) else None
    frame = films.frame
    # A running number: the key may be part of a hospital's patient number.
    patients = pd.factorize(frame["group"])[0] + 1
    columns: dict[str, Sequence[object] | pd.Series] = {
        "film": frame["image_id"],
        "patient": patients.tolist(),
        "label": frame["label"].astype("Int64"),
        "kind": frame["subtype"],
        "score": frame["score"],
        "refused": frame["refused"],
        **{f"p_{kind}": values.tolist() for kind, values in films.kinds.items()},
        "zone": [_zone(value, lock) for value in frame["score"].tolist()],
        "threshold": [lock and lock.threshold] * len(frame),
        "review_from": [lock and lock.review_from] * len(frame),
    }
    _note(settings, model, f"film scores on {split} as CSV", actor)
    return as_csv(tuple(columns), zip(*(list(column) for column in columns.values()), strict=True))


def _zone(score: float, lock: Lock | None) -> str | None:
    if lock is None or math.isnan(score):
        return None
    if score >= lock.threshold:
        return "above"
    return "below" if lock.review_from is None or score < lock.review_from else "between"


def _zones(table: ThresholdTable, threshold: float, review_from: float | None) -> list[object]:
    """Return the cells of a review band up to one threshold."""
    banded = review_from is not None and review_from < threshold
    band = review_band(table, review_from if review_from is not None and banded else threshold, threshold)
    return [
        review_from if banded else None,
        *(zone.films for zone in (band.above, band.between, band.below)),
        band.missed,
    ]


def _row(table: ThresholdTable, threshold: float) -> list[object]:
    """Return the cells of one threshold: the counts, then each rate with its interval."""
    point = table.at(threshold)
    rates = [
        number for rate in PROPORTIONS for number in (getattr(point, rate), *table.interval(rate, threshold))
    ]
    return [threshold, point.tp, point.fp, point.fn, point.tn, *rates]
