"""
A film's picture as DICOM Secondary Capture, on one of two ways that never mix.

- de-identified: written from nothing but our own picture; every UID is new, there is no patient, no date, no
  private element and no free text, as the Basic Application Level Confidentiality Profile asks
- back to the study: patient and study modules of the uploaded DICOM file are copied, in a new series of the
  same study; the file's bytes are read here and kept nowhere; a date, time, number or code that DICOM doesn't
  allow is left out
- both say DERIVED, SECONDARY and Burned In Annotation YES: the notice stands in the picture
- highdicom takes a moment to load, so it is imported when a file is asked for

References
----------
DICOM PS3.15, Annex E (Attribute Confidentiality Profiles), Table E.1-1; PS3.3, A.8.1 (Secondary Capture Image
IOD), C.7.1.1 (Patient Identity Removed).
"""

import io
import logging
import warnings
from typing import TYPE_CHECKING

from xraylab.errors import NotConfirmedError, XRayLabError
from xraylab.formats import score
from xraylab.imaging import Film
from xraylab.reports.film import BURNED_IN, FilmReport
from xraylab.reports.film_picture import film_picture

if TYPE_CHECKING:
    from highdicom.sc import SCImage
    from pydicom import DataElement, Dataset

_JPEG = b"\xff\xd8\xff"
_SERIES = 9001  # number of our series in a study: far from those that machines give
_METHOD = "Written anew by XRayLab; DICOM PS3.15 Basic Profile"
_PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")
_DATES = (  # of the making, not of the film; the profile takes them away all the same
    "InstanceCreationDate",
    "InstanceCreationTime",
    "SeriesDate",
    "SeriesTime",
    "DateOfSecondaryCapture",
    "TimeOfSecondaryCapture",
    "ContributingEquipmentSequence",
)
_WHOSE = ("PatientName", "PatientID")  # are carried over as they are: an archive knows its patients by them
_SEXES = frozenset("MFO")
_CODED = frozenset(
    ["AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"]
)  # kinds of values whose form DICOM lays down
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_LOSSY = frozenset(  # JPEG, JPEG-LS near-lossless, JPEG 2000 and HTJ2K where they may lose something
    f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91, 203)
)
_EMPTY = (  # type 2: has to be there, and says nothing
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "ContentDate",
    "ContentTime",
)


def lossy_before(film: Film) -> bool | None:
    """Return whether a film was ever compressed with loss; None if its file doesn't say."""
    import pydicom

    if film.data.startswith(_JPEG):
        return True
    if not film.is_dicom:
        return None
    _silence()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pydicom.dcmread(
                io.BytesIO(film.data), force=True, specific_tags=["LossyImageCompression"]
            )
            said = str(found.get("LossyImageCompression", ""))
    except Exception:  # hostile bytes meet the reader with many kinds of exception; they say nothing then
        return None
    return True if found.file_meta.get("TransferSyntaxUID") in _LOSSY else {"00": False, "01": True}.get(said)


def deidentified(report: FilmReport, *, looked: bool = False, lossy: bool | None = None) -> bytes:
    """A film's picture as DICOM that tells of nobody.

    Writing inside the film itself isn't removed: whoever asks for this has to have looked at the film.

    Parameters
    ----------
    looked : bool
        The word of a person who looked at the film that no name or number stands in it.
    lossy : bool, optional
        Whether the film had been compressed with loss; see ``lossy_before``.

    Returns
    -------
    bytes
        Of a DICOM file; every call gives new UIDs.

    Raises
    ------
    NotConfirmedError
        Without that word.
    """
    if not looked:
        raise NotConfirmedError(
            "Look at the film first: a name or number that stands in the picture is not removed. "
            "Confirm that you looked (looked=True in code)."
        )
    from highdicom import UID
    from highdicom.sr import CodedConcept

    image = _captured(report, UID(), lossy=lossy)
    for keyword in _DATES:
        if keyword in image:
            delattr(image, keyword)
    for keyword in _EMPTY:
        setattr(image, keyword, None)
    image.PatientIdentityRemoved = "YES"
    image.DeidentificationMethod = _METHOD
    image.DeidentificationMethodCodeSequence = [CodedConcept(*_PROFILE)]
    image.LongitudinalTemporalInformationModified = "REMOVED"
    return _written(image)


def for_the_study(report: FilmReport, source: Film, *, confirmed: bool = False) -> bytes:
    """A film's picture as DICOM of the same patient and study as the uploaded file, in a new series.

    Parameters
    ----------
    source : Film
        The uploaded DICOM file.
    confirmed : bool
        A person's word that it may go to the patient's study.

    Returns
    -------
    bytes
        Of a DICOM file, which tells whose film it is.

    Raises
    ------
    NotConfirmedError
        Without that word.
    XRayLabError
        If the upload is no DICOM file, or names no study.
    """
    if not confirmed:
        raise NotConfirmedError(
            "This file tells whose film it is. Confirm that it may go to the patient's study "
            "(confirmed=True in code)."
        )
    study = _study_of(source)
    image = _captured(report, str(study.StudyInstanceUID), lossy=lossy_before(source))
    image.copy_patient_and_study_information(study)
    image.StudyInstanceUID = str(study.StudyInstanceUID)
    image.SeriesDescription = f"XRayLab: {BURNED_IN.lower()}"
    told = (
        f"{BURNED_IN}. Pneumonia score {score(report.score)}. {report.said[0]}.",
        report.despite_warnings,
        f"Model {report.standing.model} {report.model_known_by}.",
    )
    image.DerivationDescription = " ".join(filter(None, told))[:1024]
    return _written(image)


def _study_of(source: Film) -> "Dataset":
    """The uploaded file without its pixels, its words decoded, and without what DICOM doesn't allow."""
    import pydicom
    from pydicom.uid import UID, SecondaryCaptureImageStorage

    if not source.is_dicom:
        raise XRayLabError("The film was not read from a DICOM file, so there is no study to add this to.")
    _silence()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # faults of the file that don't concern us
            found = pydicom.dcmread(io.BytesIO(source.data), force=True, stop_before_pixels=True)
            found.remove_private_tags()
            found.decode()
            for element in list(found):  # values are converted when looked at: here, where faults are caught
                if element.keyword not in _WHOSE and not _allowed(element):
                    del found[element.tag]
            whose = "".join(str(found.get(keyword, "")) for keyword in _WHOSE)
    except Exception as error:  # hostile bytes meet the reader with many kinds of exception
        raise XRayLabError("The DICOM file's patient and study can't be read. Export it again.") from error
    if _UNREADABLE in whose:
        raise XRayLabError(
            "The patient's name or ID isn't written in the character set that the DICOM file names, so it "
            "can't be carried over. Export it again."
        )
    if not UID(str(found.get("StudyInstanceUID", ""))).is_valid:
        raise XRayLabError(
            "The DICOM file names no study (Study Instance UID), so nothing can be added to it."
        )
    found.SOPClassUID = SecondaryCaptureImageStorage  # whose patient and study modules are ours
    found.SOPInstanceUID = ""  # highdicom wants to log one
    return found


def _allowed(element: "DataElement") -> bool:
    """Whether an element, with all that is in it, holds values that DICOM allows there."""
    from pydicom.config import RAISE
    from pydicom.valuerep import validate_value

    if element.VR == "SQ":
        return all(_allowed(part) for item in element.value for part in item)
    values = element.value if element.VM > 1 else [element.value]
    words = [str(value) for value in values if value not in (None, "")]
    if element.keyword == "PatientSex":
        return set(words) <= _SEXES
    try:
        for word in words if element.VR in _CODED else ():
            validate_value(element.VR, word, RAISE)
    except ValueError:
        return False
    return not any(_UNREADABLE in word for word in words)


def _silence() -> None:
    """Keep pydicom, which quotes a file's values when it complains of them, from printing a name to a log."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def _captured(report: FilmReport, study_uid: str, *, lossy: bool | None) -> "SCImage":
    """The picture with everything that both ways share."""
    from highdicom import UID
    from highdicom.sc import SCImage

    image = SCImage(
        pixel_array=film_picture(report),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # asked for by highdicom; two films side by side have none, see below
        study_instance_uid=study_uid,
        series_instance_uid=UID(),
        series_number=_SERIES,
        sop_instance_uid=UID(),
        instance_number=1,
        manufacturer="XRayLab",
        manufacturer_model_name="XRayLab",
        software_versions=report.version,
        specific_character_set="ISO_IR 192",
    )
    image.PatientOrientation = []
    image.Laterality = ""  # unknown of two films in one picture, and has to be there
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.ConversionType = "WSD"  # made by software
    image.BurnedInAnnotation = "YES"
    if lossy is not None:
        image.LossyImageCompression = "01" if lossy else "00"
    return image


def _written(image: "SCImage") -> bytes:
    file = io.BytesIO()
    image.remove_private_tags()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()
