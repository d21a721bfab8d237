"""
Heatmaps: where the pneumonia logit comes from, by Grad-CAM or another method of its family.

- activations and gradients by pytorch-grad-cam, in fp32, under the model's lock, hooks always removed again
- the network runs forward once; what is differentiated is what follows the layer, which is all a map needs
- pytorch-grad-cam's own maps are scaled to their own maximum; these are not, so that strengths can be
  compared from film to film: full colour is fixed a network and method (``models.scale``)
- a map that is zero everywhere is a valid answer: nothing in the film raised the logit; a map with a value
  that is no number is a fault, and an error says so
- colour: a scale that stays readable for the colour-blind, transparent where the map is zero

References
----------
Selvaraju et al. (2017), Grad-CAM, ICCV 618-626.
Chattopadhay et al. (2018), Grad-CAM++, WACV 839-847.
Draelos and Carin (2020), HiResCAM, arXiv:2011.08891.
Jiang et al. (2021), LayerCAM, IEEE Trans Image Process 30:5875-5888.
Muhammad and Yeasin (2020), Eigen-CAM, IJCNN.
Wang et al. (2020), Score-CAM, CVPR workshops 24-25.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xraylab.errors import HeatmapError
from xraylab.imaging.picture import png
from xraylab.networks.inputs import pneumonia_logit, to_input
from xraylab.networks.registry import Network
from xraylab.reading.cams import (
    ActivationsAndGradients,
    BaseCAM,
    EigenCAM,
    GradCAM,
    GradCAMPlusPlus,
    HiResCAM,
    LayerCAM,
    ScoreCAM,
)
from xraylab.reading.loaded import LoadedModel, Part

Floats = NDArray[np.float32]

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
_MASKED = 16  # films that Score-CAM masks and scores at once


class _ScoreCAM(ScoreCAM):  # type: ignore[misc]  # the library has no types
    """Score-CAM that masks a few films at a time, without a progress bar: the library masks all at once."""

    @torch.no_grad()
    def get_cam_weights(
        self,
        input_tensor: Tensor,
        _layers: object,
        _targets: object,
        activations: Floats,
        _grads: object,
    ) -> Floats:
        """Softmax over channels of the logit that the film has when it is seen through each, (1, C)."""
        channels = torch.from_numpy(activations[0]).to(input_tensor.device)
        # a channel that is the same everywhere masks everything: one pass tells what all of those come to
        logits = pneumonia_logit(self.model(torch.zeros_like(input_tensor))).repeat(len(channels))
        seen = torch.nonzero(channels.amax(dim=(1, 2)) > channels.amin(dim=(1, 2))).flatten()
        for some in seen.split(_MASKED):  # type: ignore[no-untyped-call]
            size = input_tensor.shape[-2:]
            large = interpolate(channels[some, None], size=size, mode="bilinear", align_corners=True)
            low, high = large.amin(dim=(2, 3), keepdim=True), large.amax(dim=(2, 3), keepdim=True)
            masked = input_tensor * ((large - low) / (high - low + 1e-8))
            logits[some] = pneumonia_logit(self.model(masked.contiguous(memory_format=torch.channels_last)))
        weights: Floats = logits.softmax(dim=0)[None].float().cpu().numpy()
        return weights


@dataclass(frozen=True)
class Method:
    """A way to draw a heatmap."""

    name: str  # in files
    title: str
    about: str  # one sentence
    cam: type[BaseCAM]
    quick: bool = True  # whether one forward pass is enough
    scaled: bool = True  # whether a model's scale has it


DEFAULT = "grad-cam"
METHODS = {
    method.name: method
    for method in (
        Method(
            DEFAULT, "Grad-CAM", "Features weighed by how much, on average, they raise the score.", GradCAM
        ),
        Method(
            "grad-cam++",
            "Grad-CAM++",
            "Grad-CAM that gives several separate places their due.",
            GradCAMPlusPlus,
        ),
        Method("hirescam", "HiResCAM", "Features weighed place by place, not on average.", HiResCAM),
        Method("layercam", "LayerCAM", "Only what raises the score at that very place.", LayerCAM),
        Method(
            "eigen-cam",
            "EigenCAM",
            "Where the features vary most; it doesn't know the score, so it isn't about pneumonia.",
            EigenCAM,
            scaled=False,  # it knows no score that could be low
        ),
        Method(
            "score-cam",
            "Score-CAM",
            "Features weighed by the score of the film seen through each; hundreds of passes.",
            _ScoreCAM,
            quick=False,
            scaled=False,  # hours a model
        ),
    )
}
QUICK = tuple(name for name, method in METHODS.items() if method.quick)
SCALED = tuple(name for name, method in METHODS.items() if method.scaled)


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One film's map by one method."""

    method: str
    strength: Floats  # (side, side), 0 is nothing and 1 full colour; more where it is stronger still
    grids: tuple[tuple[int, int], ...]  # rows and columns of each network's true grid
    fixed: bool  # whether full colour means the same on every film; else it is this map's own maximum

    @property
    def values(self) -> Floats:
        """(side, side) in [0, 1]: what is drawn."""
        return np.clip(self.strength, 0, 1)

    @property
    def blank(self) -> bool:
        """Whether nothing in the film raised the logit."""
        return not self.strength.any()


def heatmap(loaded: LoadedModel, pixels: NDArray[np.uint8], method: str = DEFAULT) -> Floats:
    """What is drawn over one film, float32 (side, side) in [0, 1]; see ``heatmaps``."""
    return heatmaps(loaded, pixels, (method,))[0].values


def heatmaps(
    loaded: LoadedModel, pixels: NDArray[np.uint8], methods: Sequence[str] = (DEFAULT,)
) -> tuple[Heatmap, ...]:
    """Heatmaps of the pneumonia logit on one film, by each method.

    An ensemble's map is the mean of its members' maps, each drawn by its own network on its own grid, on its
    own scale up to full colour, and stretched to 224 x 224. It isn't scaled again: where members look at
    different places it stays paler, and a member whose map is empty counts as one that saw nothing.

    Parameters
    ----------
    pixels : uint8 array of shape (256, 256)
        A standardised film.
    methods : sequence of str
        Of ``METHODS``.

    Returns
    -------
    tuple of Heatmap
        In the order of ``methods``; on the network's own side, which is the ensemble's if it is one.

    Raises
    ------
    HeatmapError
        If the network gives values that are no numbers.
    """
    film = torch.tensor(pixels).unsqueeze(0)  # a copy: rows of the pixel store are read-only
    raw = [  # a part, a method
        raw_maps(part.net, part.entry, film.to(loaded.device), methods, busy=loaded.busy)
        for part in loaded.parts
    ]
    return tuple(
        _drawn(loaded.parts, method, [maps[place] for maps in raw]) for place, method in enumerate(methods)
    )


def _drawn(parts: tuple[Part, ...], method: str, raw: list[Floats]) -> Heatmap:
    """One method's map from its parts' raw grids."""
    tops = [part.scale.of(method) if part.scale else None for part in parts]
    strengths = [
        _strength(grid, top, part.entry.side) for grid, top, part in zip(raw, tops, parts, strict=True)
    ]
    grids = tuple(dict.fromkeys((int(grid.shape[0]), int(grid.shape[1])) for grid in raw))
    fixed = all(top is not None for top in tops)
    if len(strengths) == 1:
        return Heatmap(method, strengths[0], grids, fixed)
    stretched = [_stretched(np.clip(one, 0, 1), _ENSEMBLE_SIDE) for one in strengths]
    return Heatmap(method, np.mean(stretched, axis=0, dtype=np.float32), grids, fixed)


def _strength(raw: Floats, top: float | None, side: int) -> Floats:
    """What raises the logit, in parts of full colour, stretched to the network's square."""
    rising: Floats = np.maximum(raw, 0).astype(np.float32)
    full = top or float(rising.max())
    return _stretched((rising / full).astype(np.float32) if full > 0 else rising, side)


def raw_maps(
    net: nn.Module,
    entry: Network,
    film: Tensor,
    methods: Sequence[str],
    *,
    busy: AbstractContextManager[object] | None = None,
) -> list[Floats]:
    """Maps as the methods define them before negative values are dropped and anything is scaled.

    Parameters
    ----------
    film : uint8 tensor of shape (1, 256, 256)
    busy : lock, optional
        Of the network, taken while hooks hang on it: they would see the films of others.

    Returns
    -------
    list of float32 arrays of shape (rows, columns)
        On the layer's true grid, one a method.

    Raises
    ------
    HeatmapError
        If an activation, a gradient or a map is no number.
    """
    chosen = [METHODS[name] for name in methods]
    x = to_input(film, entry)
    layer = net.get_submodule(entry.cam_layer)
    with busy or nullcontext(), torch.enable_grad(), _watched(net, layer) as seen:
        logit = pneumonia_logit(seen(x))
        if any(method.cam is not EigenCAM for method in chosen):
            logit.sum().backward()  # type: ignore[no-untyped-call]
        activations = seen.activations[0].numpy()
        grads = seen.gradients[0].numpy() if seen.gradients else np.zeros_like(activations)
    _require_numbers(logit.detach().cpu().numpy(), activations, grads)
    maps = [_combined(method, net, layer, x, activations, grads) for method in chosen]
    _require_numbers(*maps)
    return maps


def _combined(
    method: Method, net: nn.Module, layer: nn.Module, x: Tensor, activations: Floats, grads: Floats
) -> Floats:
    """One method's sum over channels, as pytorch-grad-cam defines it."""
    with method.cam(net, []) as cam:  # no layers: it need not watch, what there is to see is given
        image: Floats = cam.get_cam_image(x, layer, [None], activations, grads, eigen_smooth=False)[0]
    return np.asarray(image, np.float32)


@contextmanager
def _watched(net: nn.Module, layer: nn.Module) -> Iterator[ActivationsAndGradients]:
    """A network whose layer's activations and gradients are kept; gradients stop at that layer."""
    # a clone, since what follows may change it in place, which a leaf forbids
    cut = layer.register_forward_hook(lambda _net, _x, output: output.detach().requires_grad_().clone())
    seen = None
    try:
        seen = ActivationsAndGradients(net, [layer], None)
        yield seen
    finally:
        cut.remove()
        if seen is not None:
            for handle in seen.handles:
                handle.remove()


def _require_numbers(*arrays: NDArray[np.floating]) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise HeatmapError(
            "There is no heatmap: the network gave values on this film that are no numbers. Train the model "
            "again, or read with another."
        )


def _stretched(values: Floats, side: int) -> Floats:
    """A map as a square of another size; untouched if it has that size."""
    if values.shape == (side, side):
        return values
    grid = torch.from_numpy(values)[None, None]
    stretched: Floats = interpolate(grid, size=(side, side), mode="bilinear")[0, 0].numpy()
    return stretched


def overlay_png(values: Floats) -> bytes:
    """A heatmap as an RGBA picture to lay over the film: the stronger, the lighter and more opaque."""
    return png(_overlay(values))


def laid_over(film: NDArray[np.uint8], values: Floats) -> NDArray[np.uint8]:
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


def _overlay(values: Floats) -> Image.Image:
    position = values * (len(_ANCHORS) - 1)
    anchors = np.arange(len(_ANCHORS))
    rgb = np.stack([np.interp(position, anchors, _ANCHORS[:, channel]) for channel in range(3)], axis=-1)
    rgba = np.concatenate([rgb, (values * _OPAQUE)[..., None]], axis=-1).round().astype(np.uint8)
    return Image.fromarray(rgba)
