"""
Scoring: stored films to one score each, by one network or by several together.

- the executor, ``evaluate``, ``predict`` and the page all score here
- what a film's kind of pneumonia might be is kept beside the score; the decision never hangs on it
- how unlike the training films a film is comes from the same forward pass
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from xraylab.evaluation.averaging import ALONE, Averaging, probability
from xraylab.evaluation.novelty import mean_ratio
from xraylab.imaging.perturbations import SUITE, Perturbation
from xraylab.networks.backends import forward
from xraylab.networks.inference import all_outputs, kinds_given_pneumonia, shows_features
from xraylab.networks.inputs import pneumonia_logit
from xraylab.networks.registry import Network
from xraylab.predictions import PERTURBATION, class_columns, class_probabilities
from xraylab.reading.features import FeatureReader
from xraylab.reading.loaded import LoadedModel, Part

Floats = NDArray[np.float64]
_KNOWN = ["image_id", "patient", "group", "split", "label", "subtype"]  # of a film, before it is scored
_CHUNK = 512  # films perturbed at once


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model says about m films."""

    logit: Floats  # (m,)
    spread: Floats  # (m,) disagreement of an ensemble's members, as a standard deviation; NaN for one network
    kinds: Floats  # (m, classes - 1) probability of each kind of pneumonia, given pneumonia
    novelty: Floats  # (m,) how unlike the training films, above 1 too unlike; NaN where the model can't tell

    @property
    def score(self) -> Floats:
        """(m,) in [0, 1]."""
        return probability(self.logit)

    def columns(self, classes: Sequence[str]) -> dict[str, Floats]:
        """The columns of ``predictions.parquet`` that a model fills; ``p_<class>`` for more than two."""
        found = {"logit": self.logit, "score": self.score, "spread": self.spread}
        shares = class_probabilities(self.score, self.kinds).T
        return found | dict(zip(class_columns(classes), shares, strict=False))  # two classes have no columns


def score_pixels(
    loaded: LoadedModel,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None = None,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score standardised films with a loaded model; see ``inference.all_outputs``."""
    with loaded.busy:
        return _score(loaded.parts, loaded.model.averaging, pixels, rows, loaded.device, on_progress)


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
    """Score standardised films with a network that is no model yet."""
    return _score(
        (Part(net, entry, forward(net, entry, backend, device)),), ALONE, pixels, rows, device, on_progress
    )


def described(
    catalog: pd.DataFrame, rows: NDArray[np.intp], scores: Scores, classes: Sequence[str]
) -> pd.DataFrame:
    """Rows of ``predictions.parquet``: films of a catalog with what a model says about them."""
    return catalog.iloc[rows][_KNOWN].assign(**scores.columns(classes)).reset_index(drop=True)


def described_under_suite(
    score: Callable[[NDArray[np.uint8]], Scores],
    catalog: pd.DataFrame,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    classes: Sequence[str],
) -> pd.DataFrame:
    """Rows of ``suite.parquet``: the same films under each perturbation; see ``under_suite``."""
    return pd.concat(
        [
            described(catalog, some, scores, classes).assign(**{PERTURBATION: one.name})
            for one, some, scores in under_suite(score, pixels, rows)
        ],
        ignore_index=True,
    )


def under_suite(
    score: Callable[[NDArray[np.uint8]], Scores], pixels: NDArray[np.uint8], rows: NDArray[np.intp]
) -> Iterator[tuple[Perturbation, NDArray[np.intp], Scores]]:
    """Score films under each perturbation of the suite, so many at once as find room anywhere.

    Parameters
    ----------
    score : callable
        Scores films, uint8 (m, 256, 256).
    pixels, rows
        The films and which of them, as for ``score_pixels``.

    Yields
    ------
    the perturbation, the rows that were scored under it, and their scores; before each of them nothing is
    computed, so that a caller may stop there
    """
    for one in SUITE:
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            yield one, some, score(np.stack([one(film) for film in pixels[some]]))


def _score(
    parts: tuple[Part, ...],
    averaging: Averaging,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp] | None,
    device: torch.device,
    on_progress: Callable[[int], None] | None,
) -> Scores:
    films = len(pixels if rows is None else rows)
    outputs, ratios = [], []
    for number, part in enumerate(parts):
        tell = _share_of(on_progress, number * films, len(parts)) if on_progress else None
        reader = _reader(part, pixels, rows)
        outputs.append(
            all_outputs(
                part.net,
                part.entry,
                pixels,
                rows,
                device=device,
                on_progress=tell,
                on_features=reader,
                run=part.run,
            )
        )
        ratios.append(np.full(films, np.nan) if reader is None else reader.made)
    averaged = averaging.of(np.stack([pneumonia_logit(output).numpy() for output in outputs]))
    kinds = averaged.given_pneumonia(np.stack([kinds_given_pneumonia(output) for output in outputs]))
    return Scores(averaged.logit, averaged.spread, kinds, mean_ratio(np.stack(ratios)))


def _reader(part: Part, pixels: NDArray[np.uint8], rows: NDArray[np.intp] | None) -> FeatureReader | None:
    """What tells how unlike the training films are those that a part scores, if it can."""
    if part.novelty is None or not shows_features(part.net, part.run):
        return None
    return FeatureReader(pixels, rows, part.novelty.ratio)


def _share_of(on_progress: Callable[[int], None], before: int, parts: int) -> Callable[[int], None]:
    """Progress of one part of several, told as films of all."""
    return lambda done: on_progress((before + done) // parts)
