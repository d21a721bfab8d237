"""
A film's picture as DICOM Secondary Capture, in one of two ways that never mix.

- de-identified: made only from XRayLab's own picture; every UID is new, there is no patient, no date, no
  private element and no free text, as the Basic Application Level Confidentiality Profile requires
- back to the study: patient and study modules of the uploaded DICOM file are copied, in a new series of the
  same study; the file is read here and not stored; dates, times, numbers or codes that DICOM doesn't allow
  are left out
- both say DERIVED, SECONDARY and Burned In Annotation YES, because the notice is part of the picture
- highdicom takes a moment to load, so it is imported only when a file is written

References
----------
DICOM PS3.15, Annex E (Attribute Confidentiality Profiles), Table E.1-1; PS3.3, A.8.1 (Secondary Capture Image
IOD), C.7.1.1 (Patient Identity Removed).
"""

import io
import logging
from typing import TYPE_CHECKING

from xraylab.errors import NotConfirmedError, XRayLabError
from xraylab.formats import score
from xraylab.imaging import Film
from xraylab.imaging.headers import lossy_before, study_of
from xraylab.reports.film import BURNED_IN, FilmReport
from xraylab.reports.film_picture import film_picture

if TYPE_CHECKING:
    from highdicom.sc import SCImage
    from pydicom import Dataset

_SERIES = 9001  # number of XRayLab's series in a study: far from the numbers that machines use
_METHOD = "Written anew by XRayLab; DICOM PS3.15 Basic Profile"
_PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")
_DATES = (  # when the file was made, not the film; the profile removes these too
    "InstanceCreationDate",
    "InstanceCreationTime",
    "SeriesDate",
    "SeriesTime",
    "DateOfSecondaryCapture",
    "TimeOfSecondaryCapture",
    "ContributingEquipmentSequence",
)
_EMPTY = (  # type 2: must be present, may be empty
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


def deidentified(report: FilmReport, *, looked: bool = False, lossy: bool | None = None) -> bytes:
    """Write a film's picture as DICOM that doesn't identify the patient.

    Text inside the film itself isn't removed, so a person must have looked at the film first.

    Parameters
    ----------
    looked : bool
        A person's confirmation that they looked at the film and saw no name or number in it.
    lossy : bool, optional
        Whether the film had been compressed with loss; see ``lossy_before``.

    Returns
    -------
    bytes
        A DICOM file; every call gives new UIDs.

    Raises
    ------
    NotConfirmedError
        Without that confirmation.
    """
    if not looked:
        raise NotConfirmedError(
            "Look at the film first: a name or number inside the picture is not removed. "
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
    """Write a film's picture as DICOM of the uploaded file's patient and study, in a new series.

    Parameters
    ----------
    source : Film
        The uploaded DICOM file.
    confirmed : bool
        A person's confirmation that the file may go to the patient's study.

    Returns
    -------
    bytes
        A DICOM file, which identifies the patient.

    Raises
    ------
    NotConfirmedError
        Without that confirmation.
    XRayLabError
        If the upload isn't a DICOM file, or names no study.
    """
    if not confirmed:
        raise NotConfirmedError(
            "This file identifies the patient. Confirm that it may go to the patient's study "
            "(confirmed=True in code)."
        )
    study = _study_of(source)
    image = _captured(report, str(study.StudyInstanceUID), lossy=lossy_before(source))
    image.copy_patient_and_study_information(study)
    image.StudyInstanceUID = str(study.StudyInstanceUID)
    image.SeriesDescription = f"XRayLab: {BURNED_IN.lower()}"
    about_score = f" {report.standing.finding.score} {score(report.score)}." if report.decided else ""
    sentences = (
        f"{BURNED_IN}.{about_score} {report.decision_words[0]}.",
        report.despite_warnings,
        _cuts(report),
        f"Model {report.standing.model} {report.model_known_by}.",
    )
    image.DerivationDescription = " ".join(filter(None, sentences))[:1024]  # DICOM's limit of short text
    return _written(image)


def _cuts(report: FilmReport) -> str:
    """Write the two thresholds of a review band; empty without one."""
    if report.review_from is None or report.threshold is None:
        return ""
    return f"A film needs a reader from {score(report.review_from)} up to {score(report.threshold)}."


def _study_of(source: Film) -> "Dataset":
    """Return patient and study of the uploaded file, without its pixels and values that DICOM forbids."""
    import pydicom
    from pydicom.uid import SecondaryCaptureImageStorage

    if not source.is_dicom:
        raise XRayLabError("The film was not read from a DICOM file, so there is no study to add this to.")
    _silence()
    study = pydicom.dcmread(io.BytesIO(study_of(source)))
    study.SOPClassUID = SecondaryCaptureImageStorage  # which has the same patient and study modules
    study.SOPInstanceUID = ""  # highdicom writes it to its log
    return study


def _silence() -> None:
    """Stop pydicom from logging: its warnings quote values of the file, which may be a name."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def _captured(report: FilmReport, study_uid: str, *, lossy: bool | None) -> "SCImage":
    """Make the DICOM object with all elements that both ways share."""
    from highdicom import UID
    from highdicom.sc import SCImage

    image = SCImage(
        pixel_array=film_picture(report),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=(
            "L",
            "F",
        ),  # required by highdicom, removed below: two films side by side have none
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
    image.Laterality = ""  # must be present; unknown for two films in one picture
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
