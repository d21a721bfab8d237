"""
Heatmaps: where the pneumonia logit comes from, by Grad-CAM.

- pytorch-grad-cam in fp32, under the model's lock, always closed again
- a map that is zero everywhere is a valid answer: nothing in the film raised the logit
- colour: a scale that stays readable for the colour-blind, transparent where the map is zero

References
----------
Selvaraju et al. (2017), Grad-CAM, ICCV 618-626.
"""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pytorch_grad_cam import GradCAM
from torch import Tensor
from torch.nn.functional import interpolate

from xraylab.networks.inputs import pneumonia_logit, to_input
from xraylab.reading.loaded import LoadedModel, Part

_ANCHORS = np.array(  # from dark violet over magenta and orange to pale yellow; lightness rises throughout
    [
        [20, 11, 52],
        [87, 15, 109],
        [147, 38, 103],
        [203, 65, 73],
        [243, 120, 25],
        [252, 180, 25],
        [252, 255, 164],
    ],
    dtype=np.float64,
)
COLOURS = tuple(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in _ANCHORS)  # from low to high, for a legend
_OPAQUE = 255
_ENSEMBLE_SIDE = 224


class _PneumoniaTarget:
    """Grad-CAM's target: the pneumonia logit of one film's outputs."""

    def __call__(self, output: Tensor) -> Tensor:
        return pneumonia_logit(output.reshape(1, -1))[0]


def heatmap(loaded: LoadedModel, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grad-CAM of the pneumonia logit on one film.

    An ensemble's map is the mean of its members' maps, each drawn by its own network on its own grid,
    scaled to its own maximum and stretched to 224 x 224. It isn't scaled again: where members look at
    different places it stays paler, and a member whose map is empty counts as one that saw nothing.

    Parameters
    ----------
    pixels : uint8 array of shape (256, 256)
        A standardised film.

    Returns
    -------
    float32 array of shape (side, side) in [0, 1]
        One network's has its own side and is scaled to its own maximum; zero everywhere if nothing raised
        the logit.
    """
    film = torch.tensor(pixels).unsqueeze(0)  # a copy: rows of the pixel store are read-only
    side = loaded.parts[0].entry.side if len(loaded.parts) == 1 else _ENSEMBLE_SIDE
    with loaded.busy:
        maps = [_part_heatmap(part, film.to(loaded.device)) for part in loaded.parts]
    mean: NDArray[np.float32] = np.mean([_stretched(one, side) for one in maps], axis=0, dtype=np.float32)
    return mean


def _part_heatmap(part: Part, film: Tensor) -> NDArray[np.float32]:
    """(side, side) in [0, 1]."""
    x = to_input(film, part.entry)
    layer = part.net.get_submodule(part.entry.cam_layer)
    with torch.enable_grad(), GradCAM(part.net, [layer]) as cam:
        x.requires_grad_()
        grey: NDArray[np.float32] = cam(input_tensor=x, targets=[_PneumoniaTarget()])[0]
    return np.nan_to_num(np.clip(grey, 0, 1)).astype(np.float32)


def _stretched(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A square map at another size; untouched if it has that size."""
    if values.shape == (side, side):
        return values
    grid = torch.from_numpy(values)[None, None]
    stretched: NDArray[np.float32] = interpolate(grid, size=(side, side), mode="bilinear")[0, 0].numpy()
    return stretched


def overlay_png(values: NDArray[np.float32]) -> bytes:
    """A heatmap as an RGBA picture to lay over the film: the stronger, the lighter and more opaque."""
    return png(_overlay(values))


def laid_over(film: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A film under its heatmap.

    Parameters
    ----------
    film : uint8 array of shape (side, side)
    values : float32 array of shape (n, n) in [0, 1]
        Stretched to the film.

    Returns
    -------
    uint8 array of shape (side, side, 3)
    """
    grey = Image.fromarray(film).convert("RGBA")
    return np.asarray(Image.alpha_composite(grey, _overlay(values).resize(grey.size)).convert("RGB"))


def _overlay(values: NDArray[np.float32]) -> Image.Image:
    position = values * (len(_ANCHORS) - 1)
    anchors = np.arange(len(_ANCHORS))
    rgb = np.stack([np.interp(position, anchors, _ANCHORS[:, channel]) for channel in range(3)], axis=-1)
    rgba = np.concatenate([rgb, (values * _OPAQUE)[..., None]], axis=-1).round().astype(np.uint8)
    return Image.fromarray(rgba)


def png(image: Image.Image) -> bytes:
    """An image as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
