"""
Weights: load pretrained weights from a file into a network.

- safetensors, or a ``.pth`` read with ``weights_only``; never a pickle, which could run code
- a file under the name of published weights must have their SHA-256, which is checked before it is parsed
- published names of tensors are turned into ours
- a file for another network is detected by its tensors, not by its name
"""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from xraylab.errors import WeightsError
from xraylab.networks import efficientnet_lite
from xraylab.networks.registry import Network
from xraylab.stored import WEIGHTS_BYTES, read_file

_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def load_into(net: nn.Module, file: Path, entry: Network) -> str:
    """Copy pretrained weights into a network; a head of another size is left unchanged.

    Returns
    -------
    str
        The file's SHA-256.

    Raises
    ------
    WeightsError
        If the file can't be read, isn't what was published under its name, or holds another network's
        weights.
    """
    try:
        raw = read_file(file, WEIGHTS_BYTES)
    except OSError as error:
        raise WeightsError(f"{file} can't be opened. Check the path and its permissions.") from error
    sha256 = hashlib.sha256(raw).hexdigest()
    if file.name == entry.imagenet_file and not sha256.startswith(entry.published_sha256):
        raise WeightsError(
            f"{file.name} is not the file that was published under this name: its SHA-256 differs. Install "
            "or download it again. If these are weights of your own, give the file another name."
        )
    own = net.state_dict()
    state = _renamed(_parse(raw, file), own)
    head = entry.head + "."
    backbone = {key: value for key, value in own.items() if not key.startswith(head)}
    missing = [key for key in backbone if key not in state and not key.endswith("num_batches_tracked")]
    misfit = [key for key in backbone if key in state and state[key].shape != own[key].shape]
    strange = [key for key in state if key not in own and not key.startswith(head)]
    if missing or misfit or strange:
        raise WeightsError(
            f"{file.name} doesn't hold weights of {entry.title}: {len(missing)} tensors are missing, "
            f"{len(misfit)} have another shape and {len(strange)} are unknown. Choose the file that belongs "
            "to this network."
        )
    fitting = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    if not all(bool(torch.isfinite(v).all()) for v in fitting.values() if v.is_floating_point()):
        raise WeightsError(
            f"{file.name} holds weights that are not finite numbers. Download or copy it again."
        )
    net.load_state_dict(fitting, strict=False)
    return sha256


def _renamed(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors of published files the names that they have in our networks."""
    names = {key: (_in_dense_layer(key), efficientnet_lite.renamed(key)) for key in state}
    return {next((new for new in names[key] if new in own), key): value for key, value in state.items()}


def _in_dense_layer(key: str) -> str:
    """Rename a key of torchvision's DenseNet file: it still uses norm.1 where the network uses norm1."""
    return _DENSE_LAYER.sub(r"\1\2", key)


def _parse(raw: bytes, file: Path) -> dict[str, Tensor]:
    """Read tensors from bytes in memory: if a memory-mapped file is overwritten, the process crashes."""
    try:
        if file.suffix == ".safetensors":
            return dict(safetensors.torch.load(raw))
        loaded = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise many kinds of errors on other or damaged files
        raise WeightsError(
            f"{file.name} can't be read as a weights file. XRayLab takes .safetensors, or .pth saved as a "
            "state dictionary."
        ) from error
    if not isinstance(loaded, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()
    ):
        raise WeightsError(f"{file.name} is not a state dictionary. Save the network's state_dict() instead.")
    return loaded
