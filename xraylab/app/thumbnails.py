"""Pictures of a dataset's films: thumbnails for every grid that shows some, and large ones for the viewer."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xraylab import formats
from xraylab.actions import Similar
from xraylab.app.components.film_grid import Thumbnail
from xraylab.data.datasets import Dataset
from xraylab.data.phantoms import burn_in
from xraylab.imaging.picture import png

_LONGER = 768  # pixels of the longer side; a film has 256 × 256, which is enlarged smoothly

ABOUT_ALIKE = (
    "The distance is 0 for the same picture, and about 1 for films that have no more in common than any two. "
    "A network measures it that has seen photographs only. Films that look alike need not have the same "
    "finding."
)


def thumbnails(
    dataset: Dataset,
    rows: NDArray[np.intp],
    remarks: Mapping[str, str] | None = None,
    *,
    name: Literal["path", "patient"] = "path",
    pictures: Mapping[str, NDArray[np.uint8]] | None = None,
) -> list[Thumbnail]:
    """Return films with their label, kind and name.

    Parameters
    ----------
    rows : intp array of shape (m,)
        Of the catalog; only these films are read.
    remarks : mapping of str to str, optional
        Set before the first line, by image id, such as a score or a distance.
    name : str
        The column for the second line.
    pictures : mapping of str to uint8 array, optional
        Shown in place of the films, by image id, (256, 256) or in colour.
    """
    classes, synthetic = dataset.info.finding.classes, dataset.info.kind == "phantoms"
    made = []
    for row, film in zip(rows, dataset.catalog.iloc[rows].to_dict("records"), strict=True):
        image = film["image_id"]
        words = [(remarks or {}).get(image), classes[film["label"]], formats.visible(film["subtype"] or "")]
        pixels = np.asarray(dataset.pixels[row]) if pictures is None else pictures[image]
        made.append(
            Thumbnail(
                key=image,
                pixels=burn_in(pixels) if synthetic else pixels,
                title=" · ".join(filter(None, words)),
                name=formats.visible(PurePosixPath(film[name]).name),
                ratio=ratio(film["width"], film["height"]),
                label=film["label"],
            )
        )
    return made


def alike(similar: Similar) -> list[Thumbnail]:
    """Return the films of a dataset that look like a film, each with its distance."""
    images = similar.dataset.catalog["image_id"].iloc[similar.films.rows]
    distances = map(formats.distance, similar.films.distances.tolist())
    return thumbnails(
        similar.dataset, similar.films.rows, dict(zip(images, distances, strict=True)), name="patient"
    )


def large(dataset: Dataset, row: int) -> bytes:
    """Return a film of a dataset as PNG, in its own proportions and enlarged smoothly.

    Parameters
    ----------
    row : int
        Of the catalog.
    """
    return stretched(np.asarray(dataset.pixels[row]), shape_of(dataset, row))


def stretched(pixels: NDArray[np.uint8], shape: float) -> bytes:
    """Return the square that networks see as PNG, in a film's proportions and enlarged smoothly.

    Parameters
    ----------
    shape : float
        Width to height of the film itself.
    """
    size = max(1, round(_LONGER * min(1.0, shape))), max(1, round(_LONGER * min(1.0, 1 / shape)))
    return png(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), compress_level=1)


def shape_of(dataset: Dataset, row: int) -> float:
    """Return the width of a dataset's film in relation to its height."""
    return ratio(*(int(dataset.catalog[side].iloc[row]) for side in ("width", "height")))


def ratio(width: int, height: int) -> float:
    """Return the width of a film in relation to its height; 1 if its file states none."""
    return width / height if width > 0 and height > 0 else 1.0
