"""
Where pretrained weights are: in the home's weights folder, in a file, or in another model.

- nothing is downloaded: a missing file is a sentence that says what to put where
- no torch: a request is checked here before anything heavy is imported
"""

from pathlib import Path

from xraylab.errors import WeightsError
from xraylab.networks.registry import Network
from xraylab.settings import Settings


def weights_path(settings: Settings, entry: Network, weights: str) -> Path:
    """Find the file that ``weights`` means.

    Parameters
    ----------
    weights : str
        ``imagenet``, a model's name, or a path to a ``.safetensors`` or ``.pth`` file.

    Raises
    ------
    WeightsError
        If there is no such file, or the network has no ImageNet weights.
    """
    if weights == "imagenet":
        if not entry.pretrained:
            raise WeightsError(f"There are no ImageNet weights for {entry.title}. Choose none.")
        file = settings.weights / entry.weights_file
        if not file.exists():
            raise WeightsError(
                f"The ImageNet weights of {entry.title} are not on this machine. Place the file "
                f"{entry.weights_file} in {settings.weights}, name a file with --weights, or choose none."
            )
        return file
    model = settings.models / weights / "model.safetensors"
    if "/" not in weights and model.exists():
        return model
    file = Path(weights).expanduser()
    if not file.is_file():
        raise WeightsError(
            f"“{weights}” is neither imagenet, none, a model, nor a weights file on this machine. Check the "
            "path."
        )
    return file
