"""
Tags of a DICOM film that the gate looks at: modality, view, body part, age and raw data.

- nothing that identifies a patient leaves this module: only words of fixed lists are passed on, and an age
  is never above 90
- PS3.3 names the elements; hospitals fill them with words of their own, so the lists are longer than DICOM's
"""

import datetime
import re

from pydicom.dataset import Dataset

from xraylab.imaging.decoding.dicom_elements import text
from xraylab.imaging.facts import Signs


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VIEWS = _words("AP PA LL RL RLD LLD RLO LLO LPO RPO LAO RAO OBL LATERAL LAT")
_VIEW_CODES = {  # SNOMED CT, and the older SNOMED-RT spelling of the same
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-40888": "PA",
    "399173006": "LL",
    "R-10236": "LL",
    "399198007": "RL",
    "R-10232": "RL",
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
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
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
    return Signs(
        colour=colour,
        modality=_word(ds, "Modality", _MODALITIES),
        view=_view(ds),
        body_part=_word(ds, "BodyPartExamined", _BODY_PARTS),
        age=_age(ds),
        raw=text(ds, "PresentationIntentType") == "FOR PROCESSING",
        notes=notes,
    )


def _view(ds: Dataset) -> str | None:
    if view := _word(ds, "ViewPosition", _VIEWS):
        return view
    # Newer machines write the view as a code and leave the old element empty.
    for item in ds.get("ViewCodeSequence") or ():
        if view := _VIEW_CODES.get(text(item, "CodeValue")):
            return view
    return None


def _age(ds: Dataset) -> float | None:
    """Return the age in years, at most 90, from its own element or else from two dates."""
    if match := _AGE.fullmatch(text(ds, "PatientAge")):
        return min(int(match[1]) / _PER_YEAR[match[2]], _OLDEST)
    born = _date(ds, "PatientBirthDate")
    taken = next(
        filter(None, (_date(ds, f"{when}Date") for when in ("Study", "Series", "Acquisition", "Content"))),
        None,
    )
    if born is None or taken is None or taken < born:
        return None
    # Rounded, so that the day of birth can't be computed from it.
    return min(round((taken - born).days / _PER_YEAR["D"], 2), _OLDEST)


def _date(ds: Dataset, keyword: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text(ds, keyword), "%Y%m%d").date()
    except ValueError:
        return None


def _word(ds: Dataset, keyword: str, known: frozenset[str]) -> str | None:
    """Return the first known word of an element; an unknown word could be anything, even a name."""
    return next((word for word in re.split(r"[^A-Z]+", text(ds, keyword).upper()) if word in known), None)
