"""
Tags of a DICOM film that the gate looks at: modality, view, body part, age and raw data.

- nothing that identifies a patient leaves this module: only words of fixed lists are passed on, and an age
  is never above 90
- PS3.3 names the elements; hospitals fill them with words of their own, so the lists are longer than DICOM's
"""

import datetime
import re
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import UID

from xraylab.imaging.decoding.dicom_elements import text
from xraylab.imaging.facts import Signs


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FRONTAL = _words("AP PA FRONTAL")
_VIEWS = _FRONTAL | _words(
    "LL RL RLD LLD LAT LLAT RLAT LATERAL DECUBITUS SAGITTAL RLO LLO LPO RPO LAO RAO OBL OBLIQUE AXIAL "
    "TANGENTIAL"
)
_VIEW_CODES = {  # DICOM PS3.16 CID 4010 by SNOMED CT, and the older SNOMED-RT spelling of the same
    **dict.fromkeys(_words("399348003 R-10206"), "AP"),
    **dict.fromkeys(_words("272479007 R-40888 R-10214"), "PA"),
    **dict.fromkeys(_words("399033003 R-10202"), "FRONTAL"),
    **dict.fromkeys(_words("399173006 R-10236"), "LL"),
    **dict.fromkeys(_words("399198007 R-10232"), "RL"),
    # lateral, lateral-medial, medial-lateral
    **dict.fromkeys(_words("399067008 R-102CD 399352003 R-10228 399260004 R-10224"), "LATERAL"),
    **dict.fromkeys(_words("30730003 G-A145 R-10222"), "SAGITTAL"),
    **dict.fromkeys(_words("399135007 R-10220"), "LAO"),
    **dict.fromkeys(_words("399006002 R-10212"), "LPO"),
    **dict.fromkeys(_words("399356000 R-40985 R-10218"), "RAO"),
    **dict.fromkeys(_words("399038007 R-10210"), "RPO"),
    # oblique, left, right, lateral, medial, frontal, antero-posterior, postero-anterior, medio-lateral,
    # latero-medial, cranio-caudal, caudo-cranial, and axial of several kinds
    **dict.fromkeys(
        _words(
            "399182000 R-102C1 399184004 R-10238 399236003 R-10234 260427002 R-40783 260426006 R-40782 "
            "399160007 R-10204 399312000 R-10208 399059000 R-10216 399368009 R-10226 399099002 R-10230 "
            "399288005 R-10248 399225005 R-10250 399004004 R-10246 399132005 R-10252 399325008 R-10254"
        ),
        "OBLIQUE",
    ),
    # axial, cranio-caudal, caudo-cranial
    **dict.fromkeys(_words("399061009 R-10241 399162004 R-10242 399196006 R-10244"), "AXIAL"),
    **dict.fromkeys(_words("399110001 R-102C2"), "TANGENTIAL"),
}
_MODALITIES = _words(
    "AR CR CT DX ECG ES GM IO IVUS KO MG MR NM OP OPT OT PR PT PX REG RF RG RTDOSE RTIMAGE RTPLAN "
    "RTSTRUCT SC SEG SM SR US XA XC"
)
# Free text in this element could name somebody; only these words are passed on.
_BODY_PARTS = _words(
    "ABDOMEN ANKLE ARM BREAST CERVICAL CHEST CLAVICLE CSPINE ELBOW EXTREMITY FEMUR FINGER FOOT FOREARM "
    "HAND HEAD HEART HIP HUMERUS JAW KNEE LEG LSPINE LUNG MANDIBLE NECK PELVIS RIB RIBS SHOULDER SINUS "
    "SKULL SPINE STERNUM THIGH THORAX THUMB TOE TSPINE WHOLEBODY WRIST"
)
_AGE = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*([A-Z]*)")
# A bare number is years: no other unit is written so.
_PER_YEAR = {
    **dict.fromkeys(("D", "DAY", "DAYS"), 365.25),
    **dict.fromkeys(("W", "WK", "WKS", "WEEK", "WEEKS"), 365.25 / 7),
    **dict.fromkeys(("M", "MO", "MOS", "MONTH", "MONTHS"), 12.0),
    **dict.fromkeys(("", "Y", "YR", "YRS", "YO", "YEAR", "YEARS"), 1.0),
}
_DAYS = 365.25  # of a year
# What the kind of object says if the element for it is empty; a secondary capture could be anything.
_MODALITY_OF = {
    "ComputedRadiographyImageStorage": "CR",
    "DigitalXRayImageStorage": "DX",
    "DigitalMammographyXRayImageStorage": "MG",
    "DigitalIntraOralXRayImageStorage": "IO",
    "BreastTomosynthesisImageStorage": "MG",
    "BreastProjectionXRayImageStorage": "MG",
    "CTImageStorage": "CT",
    "EnhancedCTImageStorage": "CT",
    "LegacyConvertedEnhancedCTImageStorage": "CT",
    "MRImageStorage": "MR",
    "EnhancedMRImageStorage": "MR",
    "EnhancedMRColorImageStorage": "MR",
    "LegacyConvertedEnhancedMRImageStorage": "MR",
    "UltrasoundImageStorage": "US",
    "UltrasoundMultiFrameImageStorage": "US",
    "UltrasoundImageStorageRetired": "US",
    "UltrasoundMultiFrameImageStorageRetired": "US",
    "EnhancedUSVolumeStorage": "US",
    "XRayAngiographicImageStorage": "XA",
    "EnhancedXAImageStorage": "XA",
    "XRay3DAngiographicImageStorage": "XA",
    "XRayRadiofluoroscopicImageStorage": "RF",
    "EnhancedXRFImageStorage": "RF",
    "NuclearMedicineImageStorage": "NM",
    "NuclearMedicineImageStorageRetired": "NM",
    "PositronEmissionTomographyImageStorage": "PT",
    "EnhancedPETImageStorage": "PT",
    "LegacyConvertedEnhancedPETImageStorage": "PT",
    "RTImageStorage": "RTIMAGE",
    "VLEndoscopicImageStorage": "ES",
    "VLMicroscopicImageStorage": "GM",
    "VLSlideCoordinatesMicroscopicImageStorage": "SM",
    "VLWholeSlideMicroscopyImageStorage": "SM",
    "VLPhotographicImageStorage": "XC",
    "OphthalmicPhotography8BitImageStorage": "OP",
    "OphthalmicPhotography16BitImageStorage": "OP",
    "OphthalmicTomographyImageStorage": "OPT",
}
_PROCESSED, _RAW = "ForPresentation", "ForProcessing"  # ends of the names of kinds of objects
_OLDEST = 90.0  # years; greater ages help to identify a patient, and no gate asks for them


def signs_of(ds: Dataset, *, colour: float, notes: tuple[str, ...]) -> Signs:
    """Return the tags of a film.

    Parameters
    ----------
    ds : Dataset
        Its elements.
    colour, notes
        What reading its pixels showed; see ``Signs``.
    """
    kind, intent = UID(text(ds, "SOPClassUID")).keyword, text(ds, "PresentationIntentType").upper()
    return Signs(
        colour=colour,
        modality=_word(ds, "Modality", _MODALITIES) if text(ds, "Modality") else _modality_of(kind),
        view=_view(ds),
        body_part=_word(ds, "BodyPartExamined", _BODY_PARTS),
        age=_age(ds),
        raw=intent == "FOR PROCESSING" or (not intent and kind.endswith(_RAW)),
        notes=notes,
    )


def _modality_of(kind: str) -> str | None:
    return _MODALITY_OF.get(kind.removesuffix(_PROCESSED).removesuffix(_RAW))


def _view(ds: Dataset) -> str | None:
    """Return the first view that isn't frontal, or else the first one: tags that differ must not hide it."""
    # Newer machines write the view as a code and leave the old element empty.
    views = [*_known_words(text(ds, "ViewPosition"), _VIEWS), *_coded_views(ds, "ViewCodeSequence")]
    return next((view for view in views if view not in _FRONTAL), views[0] if views else None)


def _coded_views(ds: Dataset, keyword: str) -> Iterator[str]:
    try:
        items = list(ds.get(keyword) or ())
    except Exception:  # the element may be damaged
        return
    for item in items:
        code = text(item, "CodeValue") or text(item, "LongCodeValue")
        if view := _VIEW_CODES.get(code):
            yield view
        else:  # of another scheme, or a hospital's own
            yield from _known_words(text(item, "CodeMeaning"), _VIEWS)
        yield from _coded_views(item, "ViewModifierCodeSequence")


def _age(ds: Dataset) -> float | None:
    """Return the age in years, at most 90, from its own element or else from two dates."""
    if (match := _AGE.fullmatch(text(ds, "PatientAge").upper())) and match[2] in _PER_YEAR:
        return min(float(match[1].replace(",", ".")) / _PER_YEAR[match[2]], _OLDEST)
    born = _date(ds, "PatientBirthDate")
    taken = next(
        filter(None, (_date(ds, f"{when}Date") for when in ("Study", "Series", "Acquisition", "Content"))),
        None,
    )
    if born is None or taken is None or taken < born:
        return None
    # Rounded, so that the day of birth can't be computed from it.
    return min(round((taken - born).days / _DAYS, 2), _OLDEST)


def _date(ds: Dataset, keyword: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text(ds, keyword), "%Y%m%d").date()
    except ValueError:
        return None


def _word(ds: Dataset, keyword: str, known: frozenset[str]) -> str | None:
    return next(_known_words(text(ds, keyword), known), None)


def _known_words(words: str, known: frozenset[str]) -> Iterator[str]:
    """Yield the known words of a text; an unknown word could be anything, even a name."""
    return (word for word in re.split(r"[^A-Z]+", words.upper()) if word in known)
