"""
Heatmaps: where the logit of the finding comes from, by Grad-CAM or another method of its family.

- activations and gradients come from pytorch-grad-cam, in fp32, in the reader's turn; hooks are always
  removed again before the next reader's turn
- the network runs forward once, and only the layers behind the mapped one are differentiated
- pytorch-grad-cam scales each map to its own maximum; here full colour is fixed per network and method
  (``models.heatmap_scale``), so that films can be compared
- a map that is zero everywhere is a valid answer: nothing in the film raised the logit; a value that is not a
  number raises an error
- the colours stay readable for the colour-blind, and are transparent where the map is zero

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
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xraylab.errors import HeatmapError
from xraylab.imaging.picture import png
from xraylab.networks.inputs import finding_logit, to_input
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
from xraylab.reading.turns import InTurn, at_once

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

    in_turn: InTurn = staticmethod(at_once)

    def get_cam_weights(
        self,
        input_tensor: Tensor,
        _layers: object,
        _targets: object,
        activations: Floats,
        _grads: object,
    ) -> Floats:
        """Return the softmax over channels of the film's logit when masked by each channel, (1, C)."""
        channels = torch.from_numpy(activations[0]).to(input_tensor.device)
        # A constant channel masks the whole film: one pass gives the logit of all such channels.
        logits = self.in_turn(partial(self._logits, torch.zeros_like(input_tensor))).repeat(len(channels))
        varying = torch.nonzero(channels.amax(dim=(1, 2)) > channels.amin(dim=(1, 2))).flatten()
        for group in varying.split(_MASKED):  # type: ignore[no-untyped-call]
            logits[group] = self.in_turn(partial(self._masked, input_tensor, channels[group, None]))
        weights: Floats = logits.softmax(dim=0)[None].float().cpu().numpy()
        return weights

    def _masked(self, film: Tensor, channels: Tensor) -> Tensor:
        """Return the film's logit when masked by each channel, (n,) from channels (n, 1, rows, columns)."""
        large = interpolate(channels, size=film.shape[-2:], mode="bilinear", align_corners=True)
        low, high = large.amin(dim=(2, 3), keepdim=True), large.amax(dim=(2, 3), keepdim=True)
        return self._logits(film * ((large - low) / (high - low + 1e-8)))

    @torch.no_grad()
    def _logits(self, films: Tensor) -> Tensor:
        return finding_logit(self.model(films.contiguous(memory_format=torch.channels_last)))


@dataclass(frozen=True)
class Method:
    """A way to draw a heatmap."""

    name: str  # in files
    title: str
    about: str  # one sentence
    cam: type[BaseCAM]
    quick: bool = True  # whether one forward pass is enough
    scaled: bool = True  # whether a model's scale includes it


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
            "Where the features vary most; it doesn't know the score, so it isn't about the finding.",
            EigenCAM,
            scaled=False,  # its maps don't depend on the score
        ),
        Method(
            "score-cam",
            "Score-CAM",
            "Features weighed by the score of the film seen through each; hundreds of passes.",
            _ScoreCAM,
            quick=False,
            scaled=False,  # measuring would take hours per model
        ),
    )
}
QUICK = tuple(name for name, method in METHODS.items() if method.quick)
SCALED = tuple(name for name, method in METHODS.items() if method.scaled)


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One film's map by one method."""

    method: str
    strength: Floats  # (side, side); 0 is nothing, 1 full colour, and higher values are possible
    grids: tuple[tuple[int, int], ...]  # rows and columns of each network's true grid
    fixed: bool  # whether full colour means the same on every film; else it is this map's maximum

    @property
    def values(self) -> Floats:
        """The map as it is drawn, (side, side) in [0, 1]."""
        return np.clip(self.strength, 0, 1)

    @property
    def blank(self) -> bool:
        """Whether nothing in the film raised the logit."""
        return not self.strength.any()


def heatmap(loaded: LoadedModel, pixels: NDArray[np.uint8], method: str = DEFAULT) -> Floats:
    """Return the map to draw over one film, float32 (side, side) in [0, 1]; see ``heatmaps``."""
    return heatmaps(loaded, pixels, (method,))[0].values


def heatmaps(
    loaded: LoadedModel, pixels: NDArray[np.uint8], methods: Sequence[str] = (DEFAULT,)
) -> tuple[Heatmap, ...]:
    """Compute heatmaps of the logit of the finding on one film, one per method.

    An ensemble's map is the mean of its members' maps. Each member's map is computed on its own grid and its
    own scale, and stretched to 224 × 224. The mean isn't scaled again: it stays paler where members mark
    different places, and a member with an empty map counts as zero.

    Parameters
    ----------
    pixels : uint8 array of shape (256, 256)
        A standardised film.
    methods : sequence of str
        Names of ``METHODS``.

    Returns
    -------
    tuple of Heatmap
        In the order of ``methods``; as large as the network's input, or 224 × 224 for an ensemble.

    Raises
    ------
    HeatmapError
        If the network gives values that are not numbers.
    """
    if all(METHODS[name].quick for name in methods):
        return loaded.in_turn(lambda: _computed(loaded, pixels, methods))
    return _computed(loaded, pixels, methods)  # in many pieces, since it takes minutes


def _computed(loaded: LoadedModel, pixels: NDArray[np.uint8], methods: Sequence[str]) -> tuple[Heatmap, ...]:
    film = torch.tensor(pixels).unsqueeze(0)  # a copy: rows of the pixel store are read-only
    raw = [  # by part and method
        raw_maps(part.net, part.entry, film.to(loaded.device), methods, in_turn=loaded.in_turn)
        for part in loaded.parts
    ]
    return tuple(
        _drawn(loaded.parts, method, [maps[place] for maps in raw]) for place, method in enumerate(methods)
    )


def _drawn(parts: tuple[Part, ...], method: str, raw: list[Floats]) -> Heatmap:
    """Build one method's map from the raw grids of all parts."""
    tops = [part.scale.of(method) if part.scale else None for part in parts]
    strengths = [
        _strength(grid, top, part.entry.side) for grid, top, part in zip(raw, tops, parts, strict=True)
    ]
    grids = tuple(dict.fromkeys((int(grid.shape[0]), int(grid.shape[1])) for grid in raw))
    fixed = all(top is not None for top in tops)
    if len(strengths) == 1:
        return Heatmap(method, strengths[0], grids, fixed)
    stretched = [_stretched(np.clip(strength, 0, 1), _ENSEMBLE_SIDE) for strength in strengths]
    return Heatmap(method, np.mean(stretched, axis=0, dtype=np.float32), grids, fixed)


def _strength(raw: Floats, top: float | None, side: int) -> Floats:
    """Return what raises the logit, in parts of full colour, stretched to the network's square."""
    rising: Floats = np.maximum(raw, 0).astype(np.float32)
    full = top or float(rising.max())  # without a fixed scale the map's own maximum is full colour
    with np.errstate(over="ignore"):  # a stored scale can be so small that the quotient overflows
        strength = (rising / full).astype(np.float32) if full > 0 else rising
    _require_numbers(strength)
    return _stretched(strength, side)


def raw_maps(
    net: nn.Module,
    entry: Network,
    film: Tensor,
    methods: Sequence[str],
    *,
    in_turn: InTurn = at_once,
) -> list[Floats]:
    """Compute maps as the methods define them, before negative values are dropped and before scaling.

    Parameters
    ----------
    film : uint8 tensor of shape (1, 256, 256)
    in_turn : callable, optional
        Runs what goes through the network in the reader's turn: hooks would see the films of other readers.

    Returns
    -------
    list of float32 arrays of shape (rows, columns)
        On the layer's true grid, one per method.

    Raises
    ------
    HeatmapError
        If an activation, a gradient or a map is not a number.
    """
    chosen = [METHODS[name] for name in methods]
    x = to_input(film, entry)
    layer = net.get_submodule(entry.cam_layer)
    differentiate = any(method.cam is not EigenCAM for method in chosen)
    activations, grads = in_turn(lambda: _activations(net, layer, x, differentiate=differentiate))
    maps = [_combined(method, net, layer, x, activations, grads, in_turn) for method in chosen]
    _require_numbers(*maps)
    return maps


def _activations(
    net: nn.Module, layer: nn.Module, x: Tensor, *, differentiate: bool
) -> tuple[Floats, Floats]:
    """Return a layer's activations and the gradients of the logit there, which are 0 unless asked for."""
    with torch.enable_grad(), _watched(net, layer) as watched:
        logit = finding_logit(watched(x))
        if differentiate:
            logit.sum().backward()  # type: ignore[no-untyped-call]
        activations = watched.activations[0].numpy()
        grads = watched.gradients[0].numpy() if watched.gradients else np.zeros_like(activations)
    _require_numbers(logit.detach().cpu().numpy(), activations, grads)
    return activations, grads


def _combined(
    method: Method,
    net: nn.Module,
    layer: nn.Module,
    x: Tensor,
    activations: Floats,
    grads: Floats,
    in_turn: InTurn,
) -> Floats:
    """Sum over channels by one method, as pytorch-grad-cam defines it."""
    with method.cam(net, []) as cam:  # no layers: activations and gradients are given
        if isinstance(cam, _ScoreCAM):
            cam.in_turn = in_turn
        image: Floats = cam.get_cam_image(x, layer, [None], activations, grads, eigen_smooth=False)[0]
    return np.asarray(image, np.float32)


@contextmanager
def _watched(net: nn.Module, layer: nn.Module) -> Iterator[ActivationsAndGradients]:
    """Keep the activations and gradients of a network's layer; gradients stop at that layer."""
    # A clone, since the next layer may change it in place, which a leaf forbids.
    cut = layer.register_forward_hook(lambda _net, _x, output: output.detach().requires_grad_().clone())
    watched = None
    try:
        watched = ActivationsAndGradients(net, [layer], None)
        yield watched
    finally:
        cut.remove()
        if watched is not None:
            for handle in watched.handles:
                handle.remove()


def _require_numbers(*arrays: NDArray[np.floating]) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise HeatmapError(
            "There is no heatmap: the network gave values on this film that are not numbers. Train the model "
            "again, or read with another."
        )


def _stretched(values: Floats, side: int) -> Floats:
    """Stretch a map to a square of another size; return it as it is if it has that size."""
    if values.shape == (side, side):
        return values
    grid = torch.from_numpy(values)[None, None]
    stretched: Floats = interpolate(grid, size=(side, side), mode="bilinear")[0, 0].numpy()
    return stretched


def overlay_png(values: Floats) -> bytes:
    """Draw a heatmap as an RGBA picture to lay over the film: stronger is lighter and more opaque."""
    return png(_overlay(values))


def laid_over(film: NDArray[np.uint8], values: Floats) -> NDArray[np.uint8]:
    """Lay a heatmap over its film.

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
