"""
What a DICOM file says about the patient, the study and earlier compression, for a file that joins the study.

- this alone identifies the patient, and is asked for only when a person wants such a file
- the elements are written anew: a caller reads what was encoded here, never the file itself
- text without a named character set is read as UTF-8, or not copied
- values that DICOM doesn't allow are left out, and so is all that can't belong to a patient or a study
"""

import codecs
import io
from collections.abc import Iterator

import pydicom
from pydicom.charset import python_encoding
from pydicom.config import RAISE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import validate_value

from xraylab.errors import UnreadableImageError

_WHOSE = ("PatientName", "PatientID")  # copied unchanged: an archive finds its patients by them
_SEXES = frozenset("MFO")
# Kinds of values whose format DICOM defines.
_CODED = frozenset(["AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"])
_BINARY = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
_UTF_8, _ASCII = "ISO_IR 192", {"", "ISO_IR 6"}  # names of character sets
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_OTHER_CHARACTERS = "in the character set that the DICOM file names"
_LONGEST = 64 * 2**10  # bytes of one value; a study's texts are shorter
_LOSSY = frozenset(  # JPEG, JPEG-LS near-lossless, JPEG 2000 and HTJ2K where they may be lossy
    f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91, 203)
)


def load_encodings() -> None:
    """Load every character set that DICOM names: Python loads one only when a text needs it."""
    for name in set(python_encoding.values()):
        codecs.lookup(name)


def lossy(data: bytes) -> bool | None:
    """Return whether a film was ever compressed with loss, as its DICOM file says; None if it doesn't say."""
    header = pydicom.dcmread(io.BytesIO(data), force=True, specific_tags=["LossyImageCompression"])
    declared = str(header.get("LossyImageCompression", ""))
    if header.file_meta.get("TransferSyntaxUID") in _LOSSY:
        return True
    return {"00": False, "01": True}.get(declared)


def study(data: bytes) -> bytes:
    """Write the patient and study of a DICOM file anew.

    Returns
    -------
    bytes
        Its elements without pixels, as a DICOM file in UTF-8.

    Raises
    ------
    UnreadableImageError
        If they can't be read, or no study is named.
    """
    undeclared = False
    try:
        elements, undeclared = _allowed_elements(data)
        identity = "".join(str(elements.get(keyword, "")) for keyword in _WHOSE)
    except Exception as error:  # pydicom raises many kinds of exception for manipulated bytes
        raise UnreadableImageError(
            "The DICOM file's patient and study can't be read. Export the film again."
        ) from error
    if _UNREADABLE in identity:
        wrong = "in UTF-8, and the DICOM file names no character set" if undeclared else _OTHER_CHARACTERS
        raise UnreadableImageError(
            f"The patient's name or ID isn't written {wrong}, so it can't be copied. Export the film again."
        )
    if not UID(str(elements.get("StudyInstanceUID", ""))).is_valid:
        raise UnreadableImageError(
            "The DICOM file names no study (Study Instance UID), so nothing can be added to it."
        )
    return _written(elements)


def _allowed_elements(data: bytes) -> tuple[Dataset, bool]:
    """Return what may be copied, and whether no character set was named for it."""
    elements = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
    undeclared = str(elements.get("SpecificCharacterSet") or "") in _ASCII
    if undeclared:  # pydicom would take any byte for a Latin letter; what isn't UTF-8 becomes _UNREADABLE
        _take_for_utf_8(elements)
        elements.SpecificCharacterSet = _UTF_8
    elements.remove_private_tags()
    elements.decode()
    # pydicom converts a value on access, so look at all of them here, where errors are caught.
    for element in list(elements):
        if element.keyword not in _WHOSE and not _allowed(element):
            del elements[element.tag]
    return elements, undeclared


def _take_for_utf_8(elements: Dataset) -> None:
    """Have the text of a data set, and of those inside it that name no character set, read as UTF-8."""
    implicit, little = elements.original_encoding
    elements.set_original_encoding(implicit, little, python_encoding[_UTF_8])
    for element in elements.values():
        # Only sequences that have been parsed already; others are parsed like the data set that they are in.
        for item in element.value if isinstance(element, DataElement) and element.VR == "SQ" else ():
            if "SpecificCharacterSet" not in item:
                _take_for_utf_8(item)


def _written(elements: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", Dataset(elements), file_meta=meta, preamble=bytes(128))
    made.SpecificCharacterSet = _UTF_8
    for item in _items(made):
        item.SpecificCharacterSet = _UTF_8
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=False, implicit_vr=False, little_endian=True)
    return file.getvalue()


def _items(elements: Dataset) -> Iterator[Dataset]:
    """Yield the data sets inside of sequences that name a character set of their own."""
    for element in elements:
        for item in element.value if element.VR == "SQ" else ():
            if "SpecificCharacterSet" in item:
                yield item
            yield from _items(item)


def _allowed(element: DataElement) -> bool:
    """Return whether all values of an element, nested ones included, are allowed by DICOM."""
    if element.VR == "SQ":
        return all(_allowed(part) for item in element.value for part in item)
    if element.VR in _BINARY:
        return False
    values = element.value if element.VM > 1 else [element.value]
    words = [str(value) for value in values if value not in (None, "")]
    if sum(map(len, words)) > _LONGEST:
        return False
    if element.keyword == "PatientSex":
        return set(words) <= _SEXES
    try:
        for word in words if element.VR in _CODED else ():
            validate_value(element.VR, word, RAISE)
    except ValueError:
        return False
    return not any(_UNREADABLE in word for word in words)
