"""
Test whether a heatmap is faithful to the model: remove from the film what it marks, and compare the scores.

- the method is ROAD, by pytorch-grad-cam: removed pixels are filled in from their surroundings, so that no
  edge shows where they were; the most marked pixels are removed first, and in a second run the least marked
- the map is compared with smooth random maps on the same grid, since any smooth map has some effect
- the result is about the model, not about the child: a faithful map may mark what has nothing to do with
  disease

References
----------
Rong et al. (2022), A consistent and efficient evaluation strategy for attribution methods, ICML, PMLR
162:18770-18795.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from xraylab.finite import check_scores
from xraylab.reading.cams import NoisyLinearImputer, RemoveLeastRelevantFirst, RemoveMostRelevantFirst
from xraylab.reading.heatmap import Heatmap
from xraylab.reading.loaded import LoadedModel
from xraylab.reading.scoring import score_pixels

RANDOM_MAPS = 20
SHARES = (0.1, 0.2, 0.3)  # of the film that are removed
_SEED = 7
_GREYS = 255
_TIE = 1e-6  # share of a random map that is added: equal values would be removed as scattered single pixels
Floats = NDArray[np.float32]


class _Imputer(NoisyLinearImputer):  # type: ignore[misc]  # the library has no types
    """The library's system of equations without its noise; its own call mixes tensors and arrays."""

    def __call__(self, img: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Fill in a film (1, rows, columns) where the mask (rows, columns) is 0."""
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import spsolve

        missing, film = mask.numpy() == 0, img.numpy().copy()
        system, right = self.setup_sparse_system(mask.numpy(), film, self.weighting)
        film[0, missing] = spsolve(csc_matrix(system), right[:, 0])
        return torch.from_numpy(film)


@dataclass(frozen=True)
class Faithfulness:
    """Comparison of a heatmap with random maps."""

    gain: float  # in logits; a higher gain is more faithful
    random: tuple[float, ...]  # gains of the random maps

    @property
    def beaten(self) -> int:
        """Number of random maps that are less faithful."""
        return sum(self.gain > gain for gain in self.random)

    @property
    def share(self) -> float:
        """Share of random maps that are less faithful, in [0, 1]; 0.5 by chance."""
        return self.beaten / len(self.random)


def faithfulness(
    loaded: LoadedModel,
    pixels: NDArray[np.uint8],
    drawn: Heatmap,
    *,
    maps: int = RANDOM_MAPS,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Faithfulness | None:
    """Compare a heatmap with smooth random maps by ROAD; the result is reproducible.

    Each map removes the same shares of the film, once where it is strongest and once where it is weakest. Its
    gain is half the difference between the two mean logits.

    Parameters
    ----------
    pixels : uint8 array of shape (256, 256)
        The standardised film.
    drawn : Heatmap
        The heatmap of this film by this model.
    maps : int
        Number of random maps.
    on_progress : callable
        Called with the share that is done, in (0, 1].

    Returns
    -------
    Faithfulness or None
        None if the map is blank, since it marks nothing that could be removed.
    """
    if drawn.blank:
        return None
    draw = np.random.default_rng(_SEED)
    side = len(pixels)
    random = [smooth(draw, drawn.grids[0], side) for _ in range(maps)]
    own = _resized(drawn.strength, side)
    candidates = [own / own.max() + _TIE * smooth(draw, drawn.grids[0], side), *random]
    gains = []
    for done, candidate in enumerate(candidates, 1):
        # Filling in takes most of the time, so it waits for its turn together with the scores.
        gains.append(loaded.in_turn(partial(_gain, loaded, pixels, candidate)))
        on_progress(done / len(candidates))
    return Faithfulness(gains[0], tuple(gains[1:]))


def smooth(draw: np.random.Generator, grid: tuple[int, int], side: int) -> Floats:
    """Draw a random map as smooth as a heatmap on this grid, (side, side) in [0, 1]."""
    return _resized(draw.random(grid, dtype=np.float32), side)


def _gain(loaded: LoadedModel, pixels: NDArray[np.uint8], marks: Floats) -> float:
    """Return half the difference of the logits without the least and without the most marked parts."""
    least = [_without(RemoveLeastRelevantFirst, pixels, marks, share) for share in SHARES]
    most = [_without(RemoveMostRelevantFirst, pixels, marks, share) for share in SHARES]
    logit = score_pixels(loaded, np.stack(least + most)).logit
    check_scores(logit, of=f"“{loaded.model.name}”", remedy="Read the film with another model.")
    return float(logit[: len(SHARES)].mean() - logit[len(SHARES) :].mean()) / 2


def _without(
    remove: type[RemoveMostRelevantFirst], pixels: NDArray[np.uint8], marks: Floats, share: float
) -> NDArray[np.uint8]:
    """Return the film with a share of it filled in from its surroundings."""
    film = torch.from_numpy(pixels.astype(np.float32) / _GREYS)[None]
    filled = remove(100 * (1 - share), _Imputer())(film, torch.from_numpy(marks))[0]
    return np.asarray((filled.numpy() * _GREYS).round().clip(0, _GREYS), np.uint8)


def _resized(values: Floats, side: int) -> Floats:
    grid = torch.from_numpy(np.ascontiguousarray(values))[None, None]
    resized: Floats = interpolate(grid, size=(side, side), mode="bilinear")[0, 0].numpy()
    return resized
