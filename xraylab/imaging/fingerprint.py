"""
Fingerprints: recognise a film that was seen before, after re-encoding or rescaling too.

- a fingerprint is made from the standard pixels, so file name, format and metadata play no part
- 16 bytes per film are stored: the signs of 128 low frequencies, from which no picture can be made
- a film at hand is compared with its amplitudes: a sign that differs counts little if its wave is weak
- a film without any structure is never recognised
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xraylab.imaging.facts import SIDE

FINGERPRINT_BYTES = 16
_WAVES = 8 * FINGERPRINT_BYTES
CELLS = 32  # the film is averaged to 32 × 32 first, which evens out the noise of compression
BLOCK = SIDE // CELLS  # pixels along the side of a cell
# Below the third diagonal all chest films have the same signs, so these waves tell nothing.
_FIRST_DIAGONAL = 3
# Share of a film's amplitude, agreeing less differing. The same film after JPEG 60 or rescaling stays above
# 0.995; of 5,216 chest films no two of different patients reach 0.962, and of 400 phantoms none 0.989.
_SAME = 0.993
_AT_ONCE = 256  # films; 16 MB of pixels
# Rows of the cosine transform, scaled so that they are orthonormal. To load scipy for them takes longer.
_COSINES = (
    np.array([np.cos(np.pi * (np.arange(CELLS) + 0.5) * k / CELLS) for k in range(CELLS)], np.float32)
    * np.where(np.arange(CELLS) == 0, 1, np.sqrt(2))[:, None].astype(np.float32)
    / np.sqrt(np.float32(CELLS))
)


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of some films."""

    # float32 (n, 128): amplitudes of a film's waves with their signs; absolute values add up to 1, or all
    # are 0 for a film without structure
    waves: NDArray[np.float32]
    signs_only: bool = False  # whether the amplitudes weren't stored, so that all waves count the same

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8]) -> Self:
        """Compute the fingerprints of standard pixels, uint8 of shape (n, 256, 256); a memory map will do."""
        return cls.of_parts(_parts(pixels))

    @classmethod
    def of_parts(cls, parts: Iterable[NDArray[np.uint8]]) -> Self:
        """Compute the fingerprints of standard pixels that come in parts: at least one, maybe empty."""
        return cls(_shares(np.concatenate([_waves(part) for part in parts])))

    @classmethod
    def of_stored(cls, stored: NDArray[np.uint8]) -> Self:
        """Return fingerprints of stored signs, uint8 of shape (n, 16): all waves count the same.

        Such a film is recognised only if no sign differs.
        """
        return cls(_shares(_signs(stored)), signs_only=True)

    @property
    def stored(self) -> NDArray[np.uint8]:
        """The signs, uint8 of shape (n, 16)."""
        return np.packbits(self.waves > 0, axis=1)

    def __len__(self) -> int:
        return len(self.waves)

    def find(self, known: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Find each film among known ones.

        Parameters
        ----------
        known : uint8 array of shape (m, 16)
            Stored fingerprints.

        Returns
        -------
        intp array of shape (n,)
            Row of the known film that resembles it most; -1 if it isn't among them.
        """
        if not len(known) or not len(self):
            return np.full(len(self), -1, np.intp)
        if self.signs_only:
            return self._find_equal(known)
        signs = _signs(known).T
        rows = np.empty(len(self), np.intp)
        for start in range(0, len(self), _AT_ONCE):
            agreement = self.waves[start : start + _AT_ONCE] @ signs
            best = agreement.argmax(axis=1)
            same = agreement[np.arange(len(best)), best] >= _SAME
            rows[start : start + _AT_ONCE] = np.where(same, best, -1)
        return rows

    def _find_equal(self, known: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Find each film by equal signs: one that differs is 1/64 of the agreement, which is too much."""
        row_of = {film.tobytes(): row for row, film in reversed(list(enumerate(known)))}
        return np.array([row_of.get(film.tobytes(), -1) for film in self.stored], np.intp)


def _parts(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut many films into parts that fit into memory; at least one, which may be empty."""
    return [pixels[start : start + _AT_ONCE] for start in range(0, max(1, len(pixels)), _AT_ONCE)]


def _waves(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the amplitudes of the waves that count, (n, 128): a cosine transform of the averaged film."""
    waves: NDArray[np.float32] = (_COSINES @ cell_sums(pixels) @ _COSINES.T)[:, *_chosen()]
    return waves


def cell_sums(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Add up the grey values in each cell of films, uint8 of shape (n, 256, 256): (n, 32, 32)."""
    # Rows first: sums over the last axis are several times slower.
    rows = pixels.reshape(-1, CELLS, BLOCK, SIDE).sum(axis=2, dtype=np.uint16)
    sums = rows.reshape(-1, CELLS, CELLS, BLOCK).sum(axis=3, dtype=np.uint32)
    cells: NDArray[np.float32] = sums.astype(np.float32)
    return cells


def _chosen() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row and column of the waves that count, from long waves to short ones."""
    row, column = np.indices((CELLS, CELLS)).reshape(2, -1)
    order = np.lexsort((row, row + column))
    kept = order[(row + column)[order] >= _FIRST_DIAGONAL][:_WAVES]
    return row[kept], column[kept]


def _signs(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.unpackbits(stored, axis=1).astype(np.float32) * 2 - 1


def _shares(waves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each film's amplitudes by their sum; those of a film without structure stay 0."""
    # Rounding leaves traces of waves in a film of one grey value; real films have amplitudes above 1.
    total = np.abs(waves).sum(axis=1, keepdims=True)
    shares: NDArray[np.float32] = np.where(total > 1, waves / np.maximum(total, 1), 0).astype(np.float32)
    return shares
