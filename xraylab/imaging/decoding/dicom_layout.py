"""
How the pixels of a DICOM film are laid out, as its elements say, and what is assumed where they don't.

- an element that is missing or makes no sense has the default that every viewer has, and a note says so
- if there is no default, a sentence names the element
- no text of the file is repeated: it could hold anything, even a name
"""

from collections.abc import Container

from pydicom.datadict import dictionary_description
from pydicom.dataset import FileDataset

from xraylab.errors import UnreadableImageError
from xraylab.imaging.decoding.dicom_elements import number, text

_GREY = {"MONOCHROME1", "MONOCHROME2"}
_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
_PALETTE = "PALETTE COLOR"
_NOT_READ = {"HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420"}
_MEANINGS = {  # of the defaults
    "BitsStored": " (all bits allocated)",
    "PixelRepresentation": " (unsigned)",
    "PlanarConfiguration": " (colour by pixel)",
}
_PHOTOMETRIC = "PhotometricInterpretation"


def settle(ds: FileDataset) -> list[str]:
    """Give every element that lays out the pixels a value that can be used.

    Returns
    -------
    list of str
        What was assumed, in sentences.

    Raises
    ------
    UnreadableImageError
        If an element without a default is missing, or the colours are of a kind that isn't read.
    """
    notes: list[str] = []
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        ds.add_new(keyword, "US", _stated(ds, keyword))
    allocated = int(ds.BitsAllocated)
    coloured = text(ds, _PHOTOMETRIC).upper() in _COLOUR
    samples = _settled(ds, "SamplesPerPixel", range(1, 0x10000), 3 if coloured else 1, notes)
    _settle_photometric(ds, samples, notes)
    known = len(notes)
    bits = _settled(ds, "BitsStored", range(1, allocated + 1), allocated, notes)
    if len(notes) > known:  # High Bit belongs to the Bits Stored that the file doesn't state
        ds.add_new("HighBit", "US", bits - 1)
    _settled(ds, "HighBit", range(bits - 1, allocated), bits - 1, notes)
    _settled(ds, "PixelRepresentation", range(2), 0, notes)
    if samples > 1:
        _settled(ds, "PlanarConfiguration", range(2), 0, notes)
    return notes


def _stated(ds: FileDataset, keyword: str) -> int:
    value = number(ds, keyword)
    if value is None:
        raise UnreadableImageError(
            f"The DICOM file lacks {dictionary_description(keyword)}, without which its pixels can't be laid "
            "out. Export it again."
        )
    return min(max(int(value), 0), 0xFFFF)


def _settled(ds: FileDataset, keyword: str, usable: Container[int], default: int, notes: list[str]) -> int:
    """Return an element's number, or the default with a note; the data set then holds it."""
    value = number(ds, keyword)
    if value is None or int(value) not in usable:
        notes.append(_assumed(keyword, f"{default}{_MEANINGS.get(keyword, '')}", missing=value is None))
        value = default
    ds.add_new(keyword, "US", int(value))
    return int(value)


def _settle_photometric(ds: FileDataset, samples: int, notes: list[str]) -> None:
    """Settle what the samples mean; a word that is spelled oddly counts as the standard's word."""
    word = text(ds, _PHOTOMETRIC)
    spelled = "".join(filter(str.isalnum, word.upper()))
    known = {"".join(filter(str.isalnum, name)): name for name in (*_GREY, *_COLOUR, _PALETTE, *_NOT_READ)}
    meant = known.get(spelled, "")
    if meant in _NOT_READ:
        raise UnreadableImageError(
            f"The DICOM file's colours are of a kind that isn't read (Photometric Interpretation {meant}). "
            "Export it in grey."
        )
    if meant not in (_COLOUR if samples > 1 else {*_GREY, _PALETTE}):
        meant = "RGB" if samples > 1 else "MONOCHROME2"
    if meant != word:
        notes.append(_assumed(_PHOTOMETRIC, meant, missing=not word))
    ds.add_new(_PHOTOMETRIC, "CS", meant)


def _assumed(keyword: str, value: str, *, missing: bool) -> str:
    name = dictionary_description(keyword)
    if missing:
        return f"The file lacks {name}, so {value} was assumed."
    return f"The file's {name} makes no sense, so {value} was assumed."
