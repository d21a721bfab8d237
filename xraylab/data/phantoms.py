"""
Teaching phantoms: synthetic chest films of children, for users who have no data yet.

- a film depends only on (seed, patient, film), so any film can be made again by itself
- two patients in five are ill; features that imitate illness are equally frequent in ill and well patients,
  and exposure, noise and format don't depend on illness
- ``Phantom.pixels`` are clean: the word SYNTHETIC is added below the film on export and display, and the
  decoder removes it again if the file carries ``MARK``
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from xraylab import files
from xraylab.data import _phantom_film as films
from xraylab.data import _phantom_lesions as lesions
from xraylab.data._phantom_anatomy import draw_anatomy, draw_pose
from xraylab.data._phantom_chest import AIR, build_chest
from xraylab.errors import DatasetError
from xraylab.findings import PNEUMONIA, Finding
from xraylab.imaging import CAPTION_ROWS
from xraylab.imaging import PHANTOM_MARK as MARK

CAPTION = "SYNTHETIC - teaching phantom"

# Drawn with the same frequency for ill and well patients, so that none of them reveals the answer.
NUISANCES = ("thymus", "rotation", "inspiration", "fold", "vessels")
_NUISANCE_SHARE = 0.55
_BLOCK = 5  # patients, of whom exactly two are ill
_ILL = 2
_FOCAL_SHARE = 0.6
_FILMS = (1, 2, 3)
_FILM_SHARES = (0.82, 0.12, 0.06)

# Films count from 1; random streams of film 0 draw what a patient's films, or a block of patients, share.
_CASE, _ANATOMY, _VESSELS, _DISEASE, _FILM_COUNT, _BLOCK_ORDER = range(1, 7)


@dataclass(frozen=True, eq=False)
class Phantom:
    """One synthetic film with its true label, lesion and lungs."""

    pixels: NDArray[np.uint8]  # (256, 256) clean film, without a caption
    mask: NDArray[np.bool_]  # (256, 256) the lesion; empty for normals
    lungs: NDArray[np.bool_]  # (256, 256) lung fields
    label: int  # 0 without a lesion, 1 with one
    pattern: str  # "normal", "focal" or "interstitial"
    mimic: str | None  # one of NUISANCES, for normals that imitate disease
    patient: int
    film: int  # 1, 2, ... of that patient

    @property
    def stem(self) -> str:
        """Name of its files, without the suffix."""
        return f"phantom{self.patient:04d}_{self.pattern}_{self.film}"


def phantom(patient: int, film: int, *, seed: int) -> Phantom:
    """Make one film of one patient.

    Parameters
    ----------
    patient : int
        Number of the patient, from 0.
    film : int
        Number of the film, from 1. Anatomy and disease depend on the patient, everything else on the film.
    seed : int
        0 or more; another seed gives other patients.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    if patient < 0 or film < 1 or seed < 0:
        raise ValueError(f"patient {patient}, film {film}, seed {seed}: from 0, from 1 and from 0")
    pattern, nuisance = _draw_case(patient, seed=seed)
    anatomy = draw_anatomy(_rng(seed, patient, 0, _ANATOMY), nuisance=nuisance)
    rng = _rng(seed, patient, film)
    pose, exposure = draw_pose(rng, anatomy), films.draw_exposure(rng)
    chest = build_chest(anatomy, pose, _rng(seed, patient, 0, _VESSELS))
    tissue = chest.tissue + films.overlay(chest, exposure, rng, fold=nuisance == "fold")
    added = AIR * chest.air * lesions.density(pattern, chest, pose, _rng(seed, patient, 0, _DISEASE))
    ill = pattern != lesions.NORMAL
    return Phantom(
        pixels=films.expose(tissue - AIR * chest.air + added, exposure, rng),
        mask=lesions.outline(added, chest.lungs),
        lungs=chest.lungs,
        label=int(ill),
        pattern=pattern,
        mimic=None if ill else nuisance,
        patient=patient,
        film=film,
    )


def generate(n: int, *, seed: int) -> Iterator[Phantom]:
    """Make ``n`` films, patient by patient: most have one, some two or three.

    Raises
    ------
    ValueError
        If ``n`` or ``seed`` is negative.
    """
    if n < 0:
        raise ValueError(f"n is {n}; it can't be negative")
    left, patient = n, 0
    while left:
        drawn = int(_rng(seed, patient, 0, _FILM_COUNT).choice(_FILMS, p=_FILM_SHARES))
        for film in range(1, min(drawn, left) + 1):
            yield phantom(patient, film, seed=seed)
        left -= min(drawn, left)
        patient += 1


def burn_in(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy for display: the film, and below it SYNTHETIC in a strip of ``CAPTION_ROWS`` rows.

    The film has the shape (side, side), or (side, side, 3) in colour.
    """
    strip = _caption(pixels.shape[1])
    return np.vstack([pixels, strip if pixels.ndim == strip.ndim else np.stack([strip] * 3, axis=-1)])


@cache
def _caption(width: int) -> NDArray[np.uint8]:
    strip = Image.new("L", (width, CAPTION_ROWS))
    middle = (width / 2, CAPTION_ROWS / 2)
    ImageDraw.Draw(strip).text(middle, CAPTION, fill=255, font=ImageFont.load_default(13), anchor="mm")
    return np.asarray(strip)


def write(
    folder: Path,
    n: int,
    *,
    seed: int = 0,
    finding: Finding = PNEUMONIA,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write ``n`` phantoms and their lesion masks in the layout that ``import`` reads.

    Parameters
    ----------
    folder : Path
        The folder to create; it appears complete or not at all.
    n : int
        Number of films.
    seed : int
        Seed of the patients.
    finding : Finding
        What the lesions stand for: its first labels name the folders.
    on_progress : callable, optional
        Called with (films done, films in total) after each film.

    Returns
    -------
    dict
        Films per label.

    Raises
    ------
    DatasetError
        If the folder isn't empty, or is a file.
    StorageError
        If the disk is full or not writable.
    """
    folder = folder.resolve()  # "." has no name that a folder could be renamed to
    _refuse_occupied(folder)
    labels = (finding.absent[0], finding.present[0])
    counts = dict.fromkeys(labels, 0)
    with files.new_folder(folder, replace=folder.exists()) as staging:
        for sub in (*(f"chest_xray/train/{label}" for label in labels), "masks"):
            (staging / sub).mkdir(parents=True)
        for done, made in enumerate(generate(n, seed=seed), start=1):
            label = labels[made.label]
            (staging / "chest_xray" / "train" / label / f"{made.stem}.png").write_bytes(png(made))
            if made.label:
                Image.fromarray(made.mask).save(staging / "masks" / f"{made.stem}.png")
            counts[label] += 1
            if on_progress is not None:
                on_progress(done, n)
    return counts


def png(made: Phantom) -> bytes:
    """Export a phantom with mark and caption, not compressed, so that the file's size reveals nothing."""
    return marked(made.pixels)


def marked(pixels: NDArray[np.uint8]) -> bytes:
    """Export the pixels of a phantom like the phantom itself."""
    text = PngImagePlugin.PngInfo()
    text.add_text(MARK, "1")
    buffer = io.BytesIO()
    Image.fromarray(burn_in(pixels)).save(buffer, format="PNG", pnginfo=text, compress_level=0)
    return buffer.getvalue()


def _refuse_occupied(folder: Path) -> None:
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise DatasetError(
            f"{folder} is not an empty folder, and nothing in it was touched. Choose a folder that doesn't "
            "exist yet."
        )


def _draw_case(patient: int, *, seed: int) -> tuple[str, str | None]:
    """Draw a patient's pattern and nuisance, independently of each other."""
    block, place = divmod(patient, _BLOCK)
    ill = _rng(seed, block, 0, _BLOCK_ORDER).permutation(_BLOCK)[place] < _ILL
    rng = _rng(seed, patient, 0, _CASE)
    pattern = lesions.FOCAL if rng.random() < _FOCAL_SHARE else lesions.INTERSTITIAL
    nuisance = str(rng.choice(NUISANCES)) if rng.random() < _NUISANCE_SHARE else None
    return pattern if ill else lesions.NORMAL, nuisance


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng(list(key))
