"""
pytorch-grad-cam, imported here alone.

It loads matplotlib, which nothing in XRayLab draws with. Matplotlib keeps a list of the machine's fonts; like
everything that XRayLab writes, this list goes into the home. The folder has to be set before the import.
"""

import os

from xraylab.settings import load_settings

os.environ.setdefault("MPLCONFIGDIR", str(load_settings().cache / "matplotlib"))

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
