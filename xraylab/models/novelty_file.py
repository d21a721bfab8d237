"""
The file that describes a model's training films (``novelty.safetensors``).

- it holds the statistics of one network's features; an ensemble has no such file, its members have one each
- it names the weights and the layer it was made for, and counts for no others
- a model without a usable file still reads films, and says that this isn't checked
"""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from xraylab.evaluation.novelty import Novelty
from xraylab.stored import check_file

NOVELTY_FILE = "novelty.safetensors"
_SCHEMA = "xraylab.novelty/1"
_ARRAYS = ("mean", "scale", "axes", "variance")


def novelty_bytes(novelty: Novelty, *, model_sha256: str, layer: str) -> bytes:
    """Return the content of the file.

    Parameters
    ----------
    novelty : Novelty
        Statistics of the training films' features.
    model_sha256 : str
        Hash of the weights that gave the features.
    layer : str
        Layer of the network whose mean activations are the features.
    """
    tensors = {name: np.ascontiguousarray(getattr(novelty, name)) for name in _ARRAYS}
    tensors["limits"] = np.array([novelty.rest, novelty.limit], dtype=np.float64)
    metadata = {"schema": _SCHEMA, "model_sha256": model_sha256, "layer": layer}
    return safetensors.numpy.save(tensors, metadata)


def read_novelty(file: Path, *, model_sha256: str, layer: str) -> Novelty | None:
    """Read the file; None if it is missing, damaged, or made for other weights or another layer.

    Parameters
    ----------
    model_sha256, layer : str
        The weights and the layer that it has to be made for.
    """
    expected = {"schema": _SCHEMA, "model_sha256": model_sha256, "layer": layer}
    try:
        check_file(file)
        with safetensors.safe_open(file, framework="numpy") as opened:
            if (opened.metadata() or {}) != expected:
                return None
            mean, scale, axes, variance, limits = (opened.get_tensor(name) for name in (*_ARRAYS, "limits"))
    except (OSError, safetensors.SafetensorError):
        return None
    # The file may come from anywhere: an array of the wrong shape or with a NaN would warn of no film.
    arrays = (mean, scale, axes, variance, limits)
    k, d = variance.size, mean.size  # axes kept, features
    shapes_fit = tuple(array.shape for array in arrays) == ((d,), (d,), (k, d), (k,), (2,))
    if not (shapes_fit and k and all(a.dtype.kind == "f" and np.isfinite(a).all() for a in arrays)):
        return None
    # Distances are divided by these.
    if not all((array > 0).all() for array in (scale, variance, limits)):
        return None
    return Novelty(mean, scale, axes, variance, *limits.tolist())
