"""
Scoring: stored films to one score each, by one network or by several together.

- the executor, ``evaluate``, ``predict`` and the page all score here
- the probabilities of the finding's kinds are returned with the score; the decision never depends on them
- the distance from the training films comes from the same forward pass
- a film for which a network gives an output that isn't finite has no score: its logit is NaN
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.evaluation.averaging import ALONE, Averaging, probability
from xraylab.evaluation.novelty import mean_ratio
from xraylab.imaging.perturbations import SUITE, Perturbation
from xraylab.networks.backends import forward
from xraylab.networks.inference import all_outputs, kinds_given_finding, shows_features
from xraylab.networks.inputs import finding_logit
from xraylab.networks.registry import Network
from xraylab.predictions import PERTURBATION, class_columns, class_probabilities
from xraylab.reading.features import FeatureReader
from xraylab.reading.loaded import LoadedModel, Part

Floats = NDArray[np.float64]
_KNOWN = ["image_id", "patient", "group", "split", "label", "subtype"]  # columns that need no score
_CHUNK = 512  # films perturbed at once
_PIECE = 8  # films scored in one turn; 32 take longer per film, since less of them stays in the caches


@dataclass(frozen=True, eq=False)
class Scores:
    """A model's output for m films."""

    logit: Floats  # (m,); finite, or NaN for a film without a score
    spread: Floats  # (m,) disagreement of an ensemble's members, as a standard deviation; NaN for one network
    kinds: Floats  # (m, classes - 1) probability of each kind of the finding, given the finding
    novelty: Floats  # (m,) distance from the training films, above 1 too far; NaN if not measured

    @property
    def score(self) -> Floats:
        """Scores, (m,) in [0, 1]."""
        return probability(self.logit)

    def columns(self, classes: Sequence[str]) -> dict[str, Floats]:
        """Return the model's columns of ``predictions.parquet``; ``p_<class>`` from three classes on."""
        columns = {"logit": self.logit, "score": self.score, "spread": self.spread}
        shares = class_probabilities(self.score, self.kinds).T
        return columns | dict(
            zip(class_columns(classes), shares, strict=False)
        )  # two classes have no columns


def score_pixels(
    loaded: LoadedModel,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None = None,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score standardised films with a loaded model.

    Parameters
    ----------
    loaded : LoadedModel
        A few films are a piece of its turns: other readers wait no longer than that.
    pixels : uint8 array of shape (n, 256, 256)
    rows : int array of shape (m,), optional
        The films to score; by default all.
    on_progress : callable, optional
        Called with the number of films that are done.

    Returns
    -------
    Scores
        Of m films, in the order of ``rows``.
    """
    chosen = np.arange(len(pixels)) if rows is None else rows
    averaging = loaded.model.averaging
    scored = []
    for start in range(0, max(len(chosen), 1), _PIECE):
        piece = chosen[start : start + _PIECE]
        score = partial(_score, loaded.parts, averaging, pixels, piece, loaded.device)
        scored.append(loaded.in_turn(score))
        if on_progress:
            on_progress(start + len(piece))
    return Scores(
        *(np.concatenate([getattr(part, field.name) for part in scored]) for field in fields(Scores))
    )


def score_network(
    net: nn.Module,
    entry: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None = None,
    *,
    device: torch.device,
    backend: str = "fp32",
    on_progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score standardised films with a network that is not a model yet; see ``score_pixels``."""
    return _score(
        (Part(net, entry, forward(net, entry, backend, device)),), ALONE, pixels, rows, device, on_progress
    )


def described(
    catalog: pd.DataFrame, rows: NDArray[np.intp], scores: Scores, classes: Sequence[str]
) -> pd.DataFrame:
    """Return rows of ``predictions.parquet``: films of a catalog with a model's output for them."""
    return catalog.iloc[rows][_KNOWN].assign(**scores.columns(classes)).reset_index(drop=True)


def described_under_suite(
    score: Callable[[NDArray[np.uint8]], Scores],
    catalog: pd.DataFrame,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    classes: Sequence[str],
) -> pd.DataFrame:
    """Return rows of ``suite.parquet``: the same films under each perturbation; see ``under_suite``."""
    return pd.concat(
        [
            described(catalog, chunk, scores, classes).assign(**{PERTURBATION: perturbation.name})
            for perturbation, chunk, scores in under_suite(score, pixels, rows)
        ],
        ignore_index=True,
    )


def under_suite(
    score: Callable[[NDArray[np.uint8]], Scores], pixels: NDArray[np.uint8], rows: NDArray[np.intp]
) -> Iterator[tuple[Perturbation, NDArray[np.intp], Scores]]:
    """Score films under each perturbation of the suite, in chunks that fit in any machine's memory.

    Parameters
    ----------
    score : callable
        Scores films, uint8 (m, 256, 256).
    pixels, rows
        All films, and the ones to score, as for ``score_pixels``.

    Yields
    ------
    perturbation : Perturbation
    rows : int array
        The films of this chunk.
    scores : Scores
        Theirs under the perturbation. A chunk is computed when it is asked for, so a caller may stop early.
    """
    for perturbation in SUITE:
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            yield perturbation, chunk, score(np.stack([perturbation(film) for film in pixels[chunk]]))


def _score(
    parts: tuple[Part, ...],
    averaging: Averaging,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None,
    device: torch.device,
    on_progress: Callable[[int], None] | None = None,
) -> Scores:
    films = len(pixels if rows is None else rows)
    outputs, ratios = [], []
    for part in parts:
        reader = _reader(part, pixels, rows)
        outputs.append(
            all_outputs(
                part.net,
                part.entry,
                pixels,
                rows,
                device=device,
                on_progress=on_progress,
                on_features=reader,
                run=part.run,
            )
        )
        ratios.append(np.full(films, np.nan) if reader is None else reader.made)
    return _averaged(outputs, averaging, mean_ratio(np.stack(ratios)))


def scores_of(outputs: torch.Tensor) -> Scores:
    """Return the scores of a network alone from its outputs, float32 (m, classes)."""
    return _averaged([outputs], ALONE, np.full(len(outputs), np.nan))


def _averaged(outputs: list[torch.Tensor], averaging: Averaging, novelty: Floats) -> Scores:
    # Each member is calibrated before the mean is taken, so that all speak on one scale.
    averaged = averaging.of(np.stack([_logits(output) for output in outputs]))
    kinds = averaged.given_finding(np.stack([kinds_given_finding(output) for output in outputs]))
    return Scores(averaged.logit, averaged.spread, kinds, novelty)


def _logits(outputs: torch.Tensor) -> Floats:
    """Return logits of the finding, (m,); NaN for a film with any output that isn't finite."""
    # One infinite output among three classes may still give a finite logit, but the network has overflowed.
    finite = outputs.isfinite().all(dim=1).numpy()
    return np.where(finite, finding_logit(outputs).numpy(), np.nan)


def _reader(part: Part, pixels: NDArray[np.uint8], rows: NDArray[np.intp] | None) -> FeatureReader | None:
    """Return what measures the films' distance from the training films; None if the part can't."""
    if part.novelty is None or not shows_features(part.net, part.run):
        return None
    return FeatureReader(pixels, rows, part.novelty.ratio)
