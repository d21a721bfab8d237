"""
Provenance: where the films of an evaluation came from, which they are, and who saw results on them.

- the dataset's record is used only if the model was trained on exactly these pixels and splits; otherwise the
  card tells less, and a sentence says what isn't known
- nothing is opened: a split whose results may not be shown has no counts of scores either
"""

import hashlib
from collections import Counter
from collections.abc import Iterable

from xraylab import documents
from xraylab.actions.overlap import overlap_of_held_out
from xraylab.data.datasets import DatasetInfo
from xraylab.data.split import LEFT_OUT
from xraylab.documents.older import older
from xraylab.findings import Finding
from xraylab.models import HELD_OUT, MadeFrom, Model, dataset_of, films_of, openings_of
from xraylab.predictions import SPLITS, Predictions
from xraylab.settings import Settings

_NO_DATASET = (
    "The dataset isn’t here, so it isn’t known how many files the source held, which of them were ignored or "
    "refused, and why. The numbers per split are those of the model card."
)
_NO_FILMS = "It isn’t known which films these are: neither the model’s folder nor a dataset here tells."
_INCOMPLETE = (
    "The training started from weights whose films aren’t known, so some films may have been used before."
)
_UNKNOWN_USE = "It isn’t known whether the first weights were made from some of these films."


def provenance(settings: Settings, model: Model) -> documents.Provenance:
    """Look up the flow of a model's films, their hashes and the openings of its test films.

    Raises
    ------
    NotFoundError, WeightsError
        As ``Model.films``, for the validation films.
    """
    films = films_of(settings, model)
    return documents.Provenance(
        flow=_flow(model, _dataset_info(settings, model), films),
        pixel_hash=model.card.dataset.pixel_hash,
        hashes=[] if films is None else _hashes(films),
        openings=[
            documents.OpeningRow(at=opening.at, model=opening.model, data=opening.data, actor=opening.actor)
            for opening in openings_of(settings, model)
        ],
    )


def _dataset_info(settings: Settings, model: Model) -> DatasetInfo | None:
    """Return the record of the dataset, if the model was trained on these pixels and this split."""
    dataset = dataset_of(settings, model)
    if dataset is None:
        return None
    return dataset.info if model.card.dataset.is_of(dataset.info) else None


def _flow(model: Model, info: DatasetInfo | None, films: MadeFrom | None) -> documents.FilmFlow:
    splits = model.card.dataset.splits
    shown = [split for split in HELD_OUT if split == "validation" or model.test_opened]
    unknown = [_NO_DATASET] * (info is None) + _unknown_films(model, films)
    return documents.FilmFlow(
        files=info and info.n + len(info.refused) + sum(info.ignored.values()),
        ignored=info and _reasons(Counter(info.ignored)),
        refused=info and _reasons(Counter(file.reason for file in info.refused)),
        films=info and info.n,
        patients=info and info.patients,
        left_out=splits.get(LEFT_OUT, {}).get("films", 0) if info else None,
        splits=[_split(name, splits[name], model.card.finding) for name in SPLITS if name in splits],
        held_out=[_held_out(model, split) for split in shown],
        notes=info.notes if info else [],
        unknown=unknown,
    )


def _unknown_films(model: Model, films: MadeFrom | None) -> list[str]:
    """Say what isn't known about the films that the model, or its first weights, were made from."""
    if films is None:
        return [_NO_FILMS]
    if films.incomplete:
        return [_INCOMPLETE]
    # Without the file, the dataset tells the splits, but not what the first weights were made from.
    return [] if model.made_from is not None else [_UNKNOWN_USE]


def _split(name: str, counts: dict[str, int], finding: Finding) -> documents.SplitFlow:
    negatives, positives = map(counts.get, finding.classes)
    return documents.SplitFlow(
        split=name,
        films=counts.get("films", 0),
        patients=counts.get("patients"),
        positives=positives,
        negatives=negatives,
        **older(finding, pneumonia=positives, normal=negatives),
    )


def _held_out(model: Model, split: str) -> documents.HeldOutFlow:
    before, kept = overlap_of_held_out(model, split), model.films(split)
    evaluated = len(kept.scored)
    not_scored = int(kept.frame["score"].isna().sum())
    return documents.HeldOutFlow(
        split=split,
        films=len(before.uses),
        used_before=len(before.uses) - len(kept),
        trained_on_before=before.trained_on,
        not_scored=_reasons(Counter(_refusals(kept))),
        unlabelled=len(kept) - not_scored - evaluated,
        evaluated=evaluated,
    )


def _refusals(films: Predictions) -> Iterable[str]:
    """Return why each film without a score has none; stored films without a reason aren't read at all."""
    return films.frame.loc[films.frame["score"].isna()].reindex(columns=["refused"])["refused"].tolist()


def _reasons(counts: Counter[str]) -> list[documents.Reason]:
    return [documents.Reason(reason=reason, files=files) for reason, files in counts.most_common()]


def _hashes(films: MadeFrom) -> list[documents.FilmsHash]:
    """Hash the films of each split of the training, without those that the figures leave out."""
    frame = films.frame[films.frame["own"] & films.frame["used_before"].isna()]
    return [
        _hash(split, frame.loc[frame["split"] == split, "fingerprint"])
        for split in SPLITS
        if (frame["split"] == split).any()
    ]


def _hash(split: str, fingerprints: Iterable[bytes]) -> documents.FilmsHash:
    # Sorted and without repeats, so that neither the order of files nor a film that occurs twice matters.
    different = sorted(set(fingerprints))
    digest = hashlib.sha256(b"".join(different)).hexdigest()
    return documents.FilmsHash(split=split, films=len(different), sha256=digest)
