"""
The file that tells what a model's training films are like (``novelty.safetensors``).

- it holds the statistics of one network's features; an ensemble has none of its own, its members have theirs
- it says for which weights and which layer it was made: for others it tells nothing
- what is missing, damaged or of another make is the same as absent: the model reads films without it
"""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from xraylab.evaluation.novelty import Novelty

NOVELTY_FILE = "novelty.safetensors"
_SCHEMA = "xraylab.novelty/1"
_ARRAYS = ("mean", "scale", "axes", "variance")


def novelty_bytes(novelty: Novelty, *, model_sha256: str, layer: str) -> bytes:
    """The whole file.

    Parameters
    ----------
    model_sha256 : str
        Of the weights that gave the features.
    layer : str
        Of the network, whose mean activations they are.
    """
    tensors = {name: np.ascontiguousarray(getattr(novelty, name)) for name in _ARRAYS}
    tensors["limits"] = np.array([novelty.rest, novelty.limit], dtype=np.float64)
    metadata = {"schema": _SCHEMA, "model_sha256": model_sha256, "layer": layer}
    return safetensors.numpy.save(tensors, metadata)


def read_novelty(file: Path, *, model_sha256: str, layer: str) -> Novelty | None:
    """What the file tells; None if it isn't there, is damaged, or tells of other weights or another layer."""
    expected = {"schema": _SCHEMA, "model_sha256": model_sha256, "layer": layer}
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:
            if (opened.metadata() or {}) != expected:
                return None
            mean, scale, axes, variance, limits = (opened.get_tensor(name) for name in (*_ARRAYS, "limits"))
    except (OSError, safetensors.SafetensorError):
        return None
    numbers = (mean, scale, axes, variance, limits)
    k, d = variance.size, mean.size
    shapes = tuple(one.shape for one in numbers) == ((d,), (d,), (k, d), (k,), (2,))
    if not (shapes and k and all(one.dtype.kind == "f" and np.isfinite(one).all() for one in numbers)):
        return None
    if not all((one > 0).all() for one in (scale, variance, limits)):
        return None
    return Novelty(mean, scale, axes, variance, *limits.tolist())
