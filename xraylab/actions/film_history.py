"""History of a film: where it came from, what the audit says of it, and which models used or scored it."""

from collections.abc import Iterator

import numpy as np

from xraylab.actions.overlap import overlap
from xraylab.audit.found import TITLES
from xraylab.audit.kept import last_audit
from xraylab.data.datasets import Dataset
from xraylab.errors import XRayLabError
from xraylab.formats import counted, listed, score
from xraylab.imaging.fingerprint import Fingerprints
from xraylab.models import Model, list_models
from xraylab.settings import Settings

_USED = {"train": "train", "validation": "choose or calibrate"}


def history_of_film(settings: Settings, dataset: Dataset, row: int) -> list[str]:
    """Say what happened to a film, in sentences, oldest first; scores of sealed test films stay sealed.

    Parameters
    ----------
    row : int
        Of the dataset's catalog.

    Raises
    ------
    DatasetError
        If the dataset is damaged.
    """
    models = list_models(settings)
    film = str(dataset.catalog["image_id"].iloc[row])
    return [
        *_imports(dataset),
        *_findings(dataset, film),
        *_uses(settings, models, Fingerprints.of_pixels(dataset.pixels[row : row + 1])),
        *_scores(
            [model for model in models if model.card.dataset.pixel_hash == dataset.info.pixel_hash], film
        ),
    ]


def _imports(dataset: Dataset) -> Iterator[str]:
    for event in dataset.lineage:
        if event.get("event") == "imported":
            day, films = str(event.get("at", ""))[:10], int(event.get("n", 0))
            yield f"Imported on {day} from “{event.get('source', '')}”, with {counted(films, 'film')}."


def _findings(dataset: Dataset, film: str) -> Iterator[str]:
    audit = last_audit(dataset)
    if audit is None:
        yield "These films weren't audited yet."
        return
    named = [f"“{TITLES[found.check]}”" for found in audit.findings if film in found.films]
    if named:
        yield f"Named by the audit under {listed(named)}."


def _uses(settings: Settings, models: list[Model], film: Fingerprints) -> Iterator[str]:
    """Say which models were made from the film, under whatever name they had it."""
    of_use: dict[str, list[str]] = {}
    for model in models:
        for use in filter(None, np.unique(overlap(settings, model, film).uses)):
            of_use.setdefault(str(use), []).append(f"“{model.name}”")
    for use, words in _USED.items():
        if use in of_use:
            yield f"Used to {words} {listed(of_use[use])}."


def _scores(models: list[Model], film: str) -> Iterator[str]:
    for model in models:
        for split in ("validation", *(["test"] if model.test_opened else [])):
            try:
                frame = model.films(split).scored.frame
            except XRayLabError:
                continue  # damaged predictions are told where their model is shown
            for value in frame["score"][frame["image_id"] == film]:
                yield f"Scored {score(value)} by “{model.name}”{_side(model, value)}, as a {split} film."


def _side(model: Model, value: float) -> str:
    if model.lock is None:
        return ""
    above = value >= model.lock.threshold
    return f", {'above' if above else 'below'} its threshold {score(model.lock.threshold)}"
