"""DICOM files out of films of every kind: valid, or a sentence; what a source says wrong isn't said again."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSNearLossless,
    SecondaryCaptureImageStorage,
)

from tests.support.dicoms import dataset, written
from tests.support.film_reports import IDENTITY, a_report, a_source, an_overlay, complaints
from tests.support.films import encoded, grey
from xraylab.errors import XRayLabError
from xraylab.imaging import Film, decode
from xraylab.imaging.headers import lossy_before
from xraylab.reports.secondary_capture import deidentified, for_the_study

TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
]
JAPANESE, KOREAN = ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]


def a_film(**fields):
    """A film as DICOM, of somebody, as a data set; None leaves a field out."""
    told = {"SpecificCharacterSet": "ISO_IR 192"} | IDENTITY | fields
    return dataset(grey(3, width=90, height=64), **{key: told[key] for key in told if told[key] is not None})


def other_id(number, **fields):
    item = Dataset()
    item.PatientID, item.TypeOfPatientID = number, "TEXT"
    for keyword, value in fields.items():
        setattr(item, keyword, value)
    return item


def without(*keywords):
    film = a_film()
    for keyword in keywords:
        delattr(film, keyword)
    return film


def with_an_enormous_private_element():
    film = a_film()
    film.private_block(0x0009, "ACME", create=True).add_new(1, "OB", b"SECRET" * 2_000_000)
    return film


def bytes_changed(was, now, **fields):
    """A film's bytes with a value that pydicom wouldn't write, of the same length."""
    raw = written(a_film(**fields))
    assert len(was) == len(now)
    assert was in raw
    return raw.replace(was, now)


def back(raw, **changes):
    return for_the_study(a_report(film=decode(raw), **changes), Film("film.dcm", raw), confirmed=True)


def read(raw):
    return pydicom.dcmread(io.BytesIO(raw))


@pytest.mark.parametrize(
    "film",
    [
        written(a_film(PhotometricInterpretation="MONOCHROME1")),
        encoded(grey(4, width=90, height=64), "JPEG"),
        encoded(grey(4, width=90, height=64)),
        encoded(grey(4, width=900, height=90)),
        encoded(grey(4, width=40, height=700)),
    ],
    ids=["MONOCHROME1", "JPEG", "PNG", "wide", "narrow"],
)
@pytest.mark.parametrize("overlay", [None, an_overlay()], ids=["film alone", "with heatmap"])
def test_a_deidentified_file_of_any_film_passes_the_validator(film, overlay, tmp_path):
    report = a_report(film=decode(film), overlay=overlay)
    raw = deidentified(report, looked=True, lossy=lossy_before(Film("film", film)))
    assert complaints(raw, tmp_path) == []


@pytest.mark.parametrize(
    "film",
    [
        a_film(),
        a_film(PhotometricInterpretation="MONOCHROME1"),
        a_film(SpecificCharacterSet=JAPANESE, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"),
        a_film(
            SpecificCharacterSet=JAPANESE, PatientName="A^B=山田", OtherPatientIDsSequence=[other_id("山1")]
        ),
        a_film(SpecificCharacterSet=KOREAN, PatientName="Hong^Gildong=洪^吉洞=홍^길동"),
        a_film(PatientName="Wang^XiaoDong=王^小东", StudyDescription="胸部"),
        a_film(OtherPatientIDsSequence=[other_id("Ä7", SpecificCharacterSet="ISO_IR 100")]),
        a_film(**dict.fromkeys(TYPE_2)),
        a_film(PatientName=""),
        with_an_enormous_private_element(),
        a_film(SOPClassUID=BasicTextSRStorage),
        a_film(SOPClassUID="1.2.3.4.5"),
        without("SOPClassUID", "SOPInstanceUID"),
    ],
    ids=[
        "plain",
        "MONOCHROME1",
        "Japanese",
        "Japanese within a sequence",
        "Korean",
        "UTF-8",
        "a sequence of its own characters",
        "type 2 missing",
        "name empty",
        "enormous private element",
        "no image by its class",
        "class of a maker",
        "no class",
    ],
)
def test_back_to_the_study_passes_the_validator_and_says_the_same_of_the_patient(film, tmp_path):
    raw = back(written(film))
    assert complaints(raw, tmp_path) == []
    found = read(raw)
    assert str(found.PatientName or "") == str(film.get("PatientName") or "")
    assert found.StudyInstanceUID == film.StudyInstanceUID
    assert found.SOPClassUID == SecondaryCaptureImageStorage
    assert found.get("StudyDescription") == film.get("StudyDescription")
    assert [item.PatientID for item in found.get("OtherPatientIDsSequence", ())] == [
        item.PatientID for item in film.get("OtherPatientIDsSequence", ())
    ]
    assert b"SECRET" not in raw


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("source", "keyword", "left"),
    [
        (bytes_changed(b"20240229", b"29.02.24"), "StudyDate", ""),
        (bytes_changed(b"20190203", b"Jan 2019"), "PatientBirthDate", ""),
        (bytes_changed(b"101112", b"midday"), "StudyTime", ""),
        (bytes_changed(b"CS\x02\x00F ", b"CS\x02\x00W "), "PatientSex", ""),
        (bytes_changed(b"DS\x02\x0012", b"DS\x02\x00ab", PatientWeight="12"), "PatientWeight", None),
        (bytes_changed(b"005Y", b"five", PatientAge="005Y"), "PatientAge", None),
    ],
)
def test_what_dicom_does_not_allow_is_left_out_and_the_patient_stays(source, keyword, left, tmp_path):
    raw = back(source)
    assert complaints(raw, tmp_path) == []
    found = read(raw)
    assert found.get(keyword) == left
    assert str(found.PatientName) == IDENTITY["PatientName"]
    assert found.PatientID == IDENTITY["PatientID"]


def undeclared(declared="ISO_IR 192", *, undefined_length=False, **fields):
    """A film's bytes whose text is in a character set that the file doesn't name."""
    film = a_film(SpecificCharacterSet=declared, **fields)
    for element in film:
        if element.VR == "SQ":
            element.is_undefined_length = undefined_length
    raw = written(film)
    at = raw.index(b"\x08\x00\x05\x00CS")
    return raw[:at] + raw[at + 8 + int.from_bytes(raw[at + 6 : at + 8], "little") :]


@pytest.mark.parametrize(("name", "length"), [("", False), ("ISO_IR 6", False), ("", True)])
def test_text_without_a_character_set_is_read_as_utf_8(name, length, tmp_path):
    fields = {
        "PatientName": "Müller^Jörg",
        "PatientID": "Ä7",
        "StudyDescription": "Lungenödem",
        "OtherPatientIDsSequence": [other_id("Ö8")],
    }
    source = undeclared(**fields, undefined_length=length)
    at = source.index(b"\x08\x00\x16\x00UI")
    if name:
        source = source[:at] + b"\x08\x00\x05\x00CS\x08\x00" + name.encode() + source[at:]
    raw = back(source)
    assert complaints(raw, tmp_path) == []
    found = read(raw)
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert str(found.PatientName) == "Müller^Jörg"
    assert (found.PatientID, found.StudyDescription) == ("Ä7", "Lungenödem")
    assert found.OtherPatientIDsSequence[0].PatientID == "Ö8"


def test_text_without_a_character_set_that_is_not_utf_8_is_not_written_back():
    latin = {"declared": "ISO_IR 100"}
    for fields in ({"PatientName": "Müller^Jörg"}, {"PatientID": "Ä7"}):
        with pytest.raises(XRayLabError, match="isn't written in UTF-8, and the DICOM file names no"):
            back(undeclared(**latin, **({"PatientName": "A^B"} | fields)))
    found = read(back(undeclared(**latin, PatientName="A^B", StudyDescription="Lungenödem")))
    assert str(found.PatientName) == "A^B"
    assert "StudyDescription" not in found


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        (written(a_film(StudyInstanceUID=None)), "names no study"),
        (written(a_film(StudyInstanceUID="")), "names no study"),
        (bytes_changed(b"1.2.826.9.9.", b"1.2.826.9.x.", StudyInstanceUID="1.2.826.9.9.7"), "names no study"),
        (bytes_changed("Müller".encode(), "Müller^".encode("latin-1")), "patient's name or ID isn't written"),
        (
            bytes_changed("Äü7".encode(), b"\xc4\xfc7xx", PatientID="Äü7"),
            "patient's name or ID isn't written",
        ),
        (written(a_film())[:300], "can't be read|names no study"),
    ],
    ids=["no study", "study empty", "study invalid", "name unreadable", "ID unreadable", "cut off"],
)
def test_what_cannot_go_back_is_a_sentence_that_names_nobody(source, said):
    with pytest.raises(XRayLabError, match=said) as caught:
        for_the_study(a_report(), Film("film.dcm", source), confirmed=True)
    assert not any(value in str(caught.value) for value in IDENTITY.values() if len(value) > 2)


def compressed(syntax, *, said=None):
    film = a_film(LossyImageCompression=said)
    film.file_meta.TransferSyntaxUID = syntax
    film.PixelData = pydicom.encaps.encapsulate([encoded(grey(3, width=90, height=64), "JPEG")])
    film["PixelData"].VR, film["PixelData"].is_undefined_length = "OB", True
    return written(film)


@pytest.mark.parametrize(
    ("film", "lossy"),
    [
        (encoded(grey(), "JPEG"), True),
        (encoded(grey()), None),
        (written(a_film()), None),
        (written(a_film(LossyImageCompression="01")), True),
        (written(a_film(LossyImageCompression="00")), False),
        (compressed(JPEGBaseline8Bit), True),
        (compressed(JPEGLSNearLossless, said="00"), True),
        (compressed(JPEG2000Lossless), None),
        (b"\0" * 128 + b"DICM" + b"\xff" * 40, None),
    ],
)
def test_a_film_is_said_to_have_lost_something_where_its_file_says_so(film, lossy):
    assert lossy_before(Film("film", film)) is lossy
    written_as = read(deidentified(a_report(), looked=True, lossy=lossy)).get("LossyImageCompression")
    assert written_as == {True: "01", False: "00", None: None}[lossy]


def test_both_ways_hold_the_same_picture_and_nothing_of_the_pixels_changes():
    film = written(a_film(PhotometricInterpretation="MONOCHROME1"))
    report = a_report(film=decode(film))
    pictures = [read(raw).pixel_array for raw in (deidentified(report, looked=True), back(film))]
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize(
    ("changes", "words", "missing"),
    [
        ({"decision": None}, "No decision.", "Pneumonia score 0.913"),
        (
            {"decision": "review", "review_from": 0.3, "threshold": 0.95},
            "Pneumonia score 0.913. Needs a reader. A film needs a reader from 0.300 up to 0.950.",
            "No decision",
        ),
        ({}, "Pneumonia score 0.913. Pneumonia score above the threshold.", "needs a reader"),
    ],
)
def test_the_description_has_the_band_and_no_score_of_a_film_that_is_not_decided(changes, words, missing):
    raw = for_the_study(a_report(**changes), Film("film.dcm", a_source()), confirmed=True)
    description = pydicom.dcmread(io.BytesIO(raw)).DerivationDescription
    assert words in description
    assert missing not in description


def test_a_film_that_is_stored_mirrored_goes_back_to_its_study_as_it_hangs():
    ds = a_film(PatientOrientation=["L", "F"])
    upright = written(ds)
    ds.PixelData = np.ascontiguousarray(ds.pixel_array[:, ::-1]).tobytes()
    ds.PatientOrientation = ["R", "F"]
    hung, mirrored = read(back(upright)), read(back(written(ds)))
    np.testing.assert_array_equal(hung.pixel_array, mirrored.pixel_array)
    assert not mirrored.PatientOrientation  # two films in one picture have none
