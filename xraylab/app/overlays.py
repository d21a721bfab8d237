"""Heatmaps as the film viewer lays them over a film."""

from collections.abc import Sequence

from xraylab.app.components.film_viewer import Overlay
from xraylab.app.samples import Sample, outlined
from xraylab.findings import Finding
from xraylab.reports import film_words
from xraylab.reports.film import DrawnHeatmap

_OWN = "as strong as the strongest place on this film"


def overlays(drawn: Sequence[DrawnHeatmap], finding: Finding, sample: Sample | None = None) -> list[Overlay]:
    """Return heatmaps for the viewer; over a sample film each shows the lesion too."""
    fixed = film_words.fixed_scale(finding)
    return [
        Overlay(
            layer.method,
            layer.png if sample is None else outlined(layer.png, sample.phantom.mask),
            fixed if layer.fixed else _OWN,
        )
        for layer in drawn
    ]
