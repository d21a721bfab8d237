"""pytorch-grad-cam, imported here alone, without the libraries that only its other parts use."""

from xraylab.later import later
from xraylab.networks.vision import LATER

with later(*LATER, "matplotlib", "matplotlib.pyplot", "matplotlib.lines", "sklearn.decomposition"):
    from pytorch_grad_cam import (
        EigenCAM,
        GradCAM,
        GradCAMPlusPlus,
        HiResCAM,
        LayerCAM,
        ScoreCAM,
    )
    from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients
    from pytorch_grad_cam.base_cam import BaseCAM
    from pytorch_grad_cam.metrics.perturbation_confidence import (
        RemoveLeastRelevantFirst,
        RemoveMostRelevantFirst,
    )
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

__all__ = [
    "ActivationsAndGradients",
    "BaseCAM",
    "EigenCAM",
    "GradCAM",
    "GradCAMPlusPlus",
    "HiResCAM",
    "LayerCAM",
    "NoisyLinearImputer",
    "RemoveLeastRelevantFirst",
    "RemoveMostRelevantFirst",
    "ScoreCAM",
]
