"""
Read a DICOM file: parse it, check it, and unpack its pixels.

- ``dicom_grey`` turns stored values into grey, ``dicom_hang`` the picture upright, ``dicom_signs`` reads tags
- only the elements that are needed to draw and judge the film are parsed; nothing that identifies a patient
  leaves this module, neither in a result nor in a sentence
- sizes are checked in the header and in the compressed picture before anything is decoded
- this module loads pydicom, so import it only for a file that is DICOM
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    JPEGLSNearLossless,
)

from xraylab.errors import UnreadableImageError
from xraylab.imaging.decoding.codestream import JPEG, JPEG_2000, JPEG_LS, LOSSLESS_JPEG
from xraylab.imaging.decoding.colour import colour_of
from xraylab.imaging.decoding.dicom_bits import stored_bits
from xraylab.imaging.decoding.dicom_elements import whole
from xraylab.imaging.decoding.dicom_file import NATIVE, named, parsed
from xraylab.imaging.decoding.dicom_grey import eight_bits, shown
from xraylab.imaging.decoding.dicom_hang import hanging_of, hung_of
from xraylab.imaging.decoding.dicom_layout import settle
from xraylab.imaging.decoding.dicom_packing import CODED_AS, RLE, Packing, settle_packing, too_many
from xraylab.imaging.decoding.dicom_shape import aspect_of, to_scale
from xraylab.imaging.decoding.dicom_signs import signs_of
from xraylab.imaging.decoding.limits import check_size
from xraylab.imaging.facts import MAX_PIXELS, Hung, Signs

# The package that unpacks each way of coding is named, so that another installed one never changes a film.
# GDCM only unpacks what no other package can.
_PACKAGES = {
    JPEG: "pillow",
    LOSSLESS_JPEG: "gdcm",
    JPEG_LS: "pyjpegls",
    JPEG_2000: "pylibjpeg",
    RLE: "pylibjpeg",
}
_PLUGINS = {syntax: _PACKAGES[coding] for syntax, coding in CODED_AS.items()}
# Which bits of a word are its value is decided by dicom_bits alone, since pydicom doesn't look at High Bit.
_OPTIONS: dict[str, Any] = {"correct_unused_bits": False}
# Values may be a little beyond the range that was stored, and must not be cut to its bits.
_MAYBE_LOSSY = {JPEG2000, HTJ2K, JPEGLSNearLossless}
_BITS = (8, 16, 32)


@dataclass(frozen=True, eq=False)
class DicomFilm:
    """A film as a screen shows it."""

    pixels: NDArray[np.uint8]  # (rows, columns), turned to the usual hanging
    aspect: float  # a pixel's height over its width, as it hangs
    stored: tuple[int, int]  # rows and columns in the file
    bits: int  # per sample, as stored
    signs: Signs
    hung: Hung

    @property
    def drawn(self) -> NDArray[np.uint8]:
        """The film for people, with square pixels."""
        return to_scale(self.pixels, self.aspect)


def read(data: bytes) -> DicomFilm:
    """Bring a DICOM file to 8 bits of grey, black for air.

    Parameters
    ----------
    data : bytes
        A whole file, with or without preamble and file meta.

    Returns
    -------
    DicomFilm
        At native resolution.

    Raises
    ------
    UnreadableImageError
        If the file doesn't hold exactly one picture, or its size or packing isn't read. The decoders may
        raise other exceptions on a damaged file; call this inside ``guard.guarded``.
    """
    file = parsed(data)
    ds, notes = file.ds, file.notes
    _check_syntax(ds.file_meta.TransferSyntaxUID)
    notes += _check(ds)
    packing = settle_packing(ds, unended=file.unended)
    stored, more = _unpacked(ds, packing)
    notes += [*packing.notes, *more]
    colour = 0.0
    if stored.ndim == 3:  # noqa: PLR2004 (rows, columns, channels)
        picture = Image.fromarray(eight_bits(stored, ds))
        pixels, colour = np.asarray(picture.convert("L")).copy(), colour_of(picture)
    else:
        pixels, more = shown(stored, ds)
        notes += more
    aspect, more = aspect_of(ds)
    notes += more
    shape, hanging = pixels.shape, hanging_of(ds)
    hung = hung_of(ds, hanging, shape)
    signs = signs_of(ds, colour=colour, notes=(*notes, *hanging.notes))
    aspect = 1 / aspect if hanging.swap else aspect
    return DicomFilm(hanging.hung(pixels), aspect, shape, whole(ds, "BitsStored"), signs, hung)


def _check_syntax(syntax: UID) -> None:
    if syntax not in NATIVE and syntax not in CODED_AS:
        raise UnreadableImageError(
            f"The DICOM file's pixels are packed in a way that isn't read ({named(syntax)}). Export it "
            "uncompressed."
        )


def _check(ds: FileDataset) -> list[str]:
    """Reject a file without exactly one picture of a usual size, before anything is unpacked.

    Returns
    -------
    list of str
        What was assumed on how the pixels are laid out.
    """
    frames = whole(ds, "NumberOfFrames", 1)
    if frames > 1:
        raise UnreadableImageError(too_many(frames))
    notes = settle(ds)
    check_size(whole(ds, "Columns"), whole(ds, "Rows"))
    samples, bits = whole(ds, "SamplesPerPixel"), whole(ds, "BitsAllocated")
    if samples not in (1, 3):
        raise UnreadableImageError(
            f"The DICOM file has {samples} samples per pixel; only 1 (grey) and 3 are read."
        )
    if bits not in _BITS:
        raise UnreadableImageError(
            f"Samples of {bits} bits in a DICOM file aren't read, only 8, 16 and 32. Export it again."
        )
    if whole(ds, "Columns") * whole(ds, "Rows") * samples > MAX_PIXELS:
        raise UnreadableImageError("The DICOM file has too many pixels for a radiograph. Export it smaller.")
    return notes


def _unpacked(ds: FileDataset, packing: Packing) -> tuple[NDArray[Any], list[str]]:
    """Return the stored values, (rows, columns) or (rows, columns, 3) in RGB, with notes on their bits."""
    plugin = _PLUGINS.get(packing.syntax, "")
    try:
        array, meta = get_decoder(packing.syntax).as_array(ds, decoding_plugin=plugin, **_OPTIONS)
    except BaseException as error:
        # The run-length decoder is written in Rust, and its panic isn't an Exception.
        if type(error).__name__ == "PanicException":
            raise ValueError("the decoder gave up") from error
        raise
    exact = packing.syntax not in _MAYBE_LOSSY
    notes = stored_bits(array, ds, precision=packing.precision, exact=exact)
    if str(meta["photometric_interpretation"]) == "PALETTE COLOR":
        return apply_color_lut(array, ds), notes
    return array, notes
