"""A film's report: as a page, as a picture, and as DICOM on each of its two ways."""

import io
import math
import shutil
import subprocess
import warnings
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pydicom
import pypdfium2
import pytest
from PIL import Image, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tests.films import encoded, grey
from xraylab import wording
from xraylab.errors import NotConfirmedError, XRayLabError
from xraylab.evaluation.thresholds import threshold_table
from xraylab.reports.film import FilmReport, Standing, standing_rates
from xraylab.reports.film_pdf import film_pdf
from xraylab.reports.film_picture import _LACKING, _broken, _words_below, film_picture, film_png
from xraylab.reports.secondary_capture import deidentified, for_the_study, is_dicom
from xraylab.reports.typeset import NOTICE

STANDING = Standing(
    model="ensemble",
    model_sha256="57cb" * 16,
    arch="ensemble",
    dataset="kermany",
    backend="fp32",
    rule="Youden",
    n=782,
    patients=395,
    positives=581,
    sensitivity=0.951,
    sensitivity_interval=(0.93, 0.967),
    specificity=0.91,
    specificity_interval=(0.862, 0.944),
)
UNLOCKED = Standing("m", "h", "a", "d", "fp32", None, n=0, patients=0, positives=0)
STUDY = generate_uid()
IDENTITY = {
    "PatientName": "Müller^Änne",
    "PatientID": "MRN-778812",
    "PatientBirthDate": "20190203",
    "PatientSex": "F",
    "OtherPatientIDs": "OTHER-4711",
    "PatientAddress": "Hauptstrasse 7",
    "StudyInstanceUID": STUDY,
    "SeriesInstanceUID": generate_uid(),
    "SOPInstanceUID": generate_uid(),
    "StudyDate": "20240229",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-99",
    "StudyID": "ST-5",
    "ReferringPhysicianName": "Who^Doctor",
    "InstitutionName": "St Elsewhere",
    "StationName": "ROOM-3",
}


def an_overlay(side=8):
    rgba = np.zeros((side, side, 4), np.uint8)
    rgba[: side // 2] = (255, 0, 0, 255)
    return encoded(Image.fromarray(rgba))


def a_report(**changes):
    report = FilmReport(
        standing=STANDING,
        film_sha256="b6ced9b7053e" + "0" * 52,
        film=grey(1, width=640, height=480),
        overlay=an_overlay(),
        score=0.913,
        decision="positive",
        threshold=0.412,
        review_from=None,
        warnings=(),
        overridden=False,
        synthetic=False,
        made_at=datetime(2026, 5, 12, 14, 5, tzinfo=UTC),
        version="0.1.0",
    )
    return replace(report, **changes)


def a_source(**changes):
    """A DICOM upload full of identity, as bytes."""
    source = Dataset()
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    source.SOPClassUID = SecondaryCaptureImageStorage
    source.SpecificCharacterSet = "ISO_IR 100"
    for keyword, value in (IDENTITY | changes).items():
        if value is not None:
            setattr(source, keyword, value)
    source.add_new(0x00091001, "LO", "PRIVATE-SECRET")
    source.add_new(0x00090010, "LO", "ACME")
    file = io.BytesIO()
    source.save_as(file, enforce_file_format=True)
    return file.getvalue()


def text(raw):
    """The words of a page, which has to be the only one."""
    with pypdfium2.PdfDocument(raw) as pdf:
        [page] = list(pdf)
        return " ".join(page.get_textpage().get_text_range().split()).replace("\xa0", " ")


def complaints(raw, tmp_path):
    """What dciodvfy calls an error."""
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools)")
    (tmp_path / "out.dcm").write_bytes(raw)
    said = subprocess.run([validator, tmp_path / "out.dcm"], capture_output=True, text=True, check=False)
    assert "SCImage" in said.stderr + said.stdout  # it knew what it was looking at
    return [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")]


def test_the_page_tells_score_decision_lock_and_what_it_is_not_for():
    page = text(film_pdf(a_report()))
    for words in (
        "Film b6ced9b7053e",
        "RESEARCH, NOT FOR DIAGNOSIS",
        NOTICE,
        "Pneumonia score 0.913",
        "Pneumonia score above the threshold.",
        "where 74.3 % of the films have pneumonia (581 of 782 validation films)",
        "Threshold 0.412 chosen by “Youden”",
        "Sensitivity there 95.1 % 93.0–96.7",
        "Specificity there 91.0 % 86.2–94.4",
        "395 patients",
        "hash 57cb57cb57cb57cb",
        "No warnings.",
    ):
        assert words in page
    assert "SYNTHETIC" not in page


def test_a_phantom_says_synthetic_in_words_and_in_the_picture():
    report = a_report(synthetic=True)
    assert "Film b6ced9b7053e – SYNTHETIC" in text(film_pdf(report))
    assert (film_picture(report) != film_picture(a_report())).any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decision": "negative"}, ["below the threshold.", "No other finding was looked for."]),
        (
            {"decision": "review", "review_from": 0.2, "standing": replace(STANDING, missed_below=0.01)},
            ["Needs a reader.", "Needs a reader from 0.200", "Pneumonias below both 1.0 % –"],
        ),
        (
            {
                "threshold": None,
                "decision": None,
                "standing": Standing("m", "h", "a", "d", "fp32", None, 0, 0, 0),
            },
            [
                "No decision.",
                "not locked yet",
                "Threshold –",
                "Sensitivity there – –",
                "where – of the films",
            ],
        ),
        (
            {"warnings": ("An adult.",), "decision": None},
            ["An adult.", "Not decided because of the warnings."],
        ),
        ({"warnings": ("An adult.",), "overridden": True}, ["Decided in spite of the warnings"]),
        ({"call": "unsure", "note": "Rotated <b>film</b>"}, ["own call Unsure.", "Rotated <b>film</b>"]),
    ],
)
def test_the_page_says_what_came_of_the_film(changes, said):
    page = text(film_pdf(a_report(**changes)))
    for words in said:
        assert words in page


@pytest.mark.parametrize(("width", "height"), [(60, 3000), (3000, 60), (40, 40), (3000, 2600)])
def test_it_stays_one_page_however_long_the_words_and_odd_the_film(width, height):
    long = a_report(
        film=grey(width=width, height=height), warnings=("A long warning. " * 40,) * 12, note="word " * 200
    )
    assert "RESEARCH" in text(film_pdf(long))
    assert film_picture(long).shape[2] == 3


def test_the_same_report_gives_the_same_page():
    assert film_pdf(a_report()) == film_pdf(a_report())


def test_the_rates_are_those_of_the_exact_table():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 200).astype(np.int8), rng.random(200)
    rates = standing_rates(threshold_table(labels, scores, np.arange(200).astype(object)), 0.5, 0.25)
    assert rates["sensitivity"] == pytest.approx((scores[labels == 1] >= 0.5).mean())
    assert rates["specificity"] == pytest.approx((scores[labels == 0] < 0.5).mean())
    assert rates["missed_below"] == pytest.approx((scores[labels == 1] < 0.25).mean())


def test_the_picture_shows_the_film_and_the_heatmap_with_words_burned_in():
    report = a_report(film=np.full((800, 800), 100, np.uint8))
    picture = film_picture(report)
    grey_film = (picture == 100).all(axis=2)
    reddish = (picture[..., 0] > 200) & (picture[..., 1] < 60)
    assert grey_film[:, :800].sum() > 0.9 * 800 * 800
    assert reddish[:, 800:].sum() > 0.4 * 800 * 800
    assert not reddish[:, :790].any()
    words = (picture == (255, 214, 102)).all(axis=2)  # the notice's colour
    rows = np.flatnonzero(words.any(axis=1))
    assert rows[0] < 60
    assert words[700:, :800].any()
    assert words[700:, 808:].any()


ALARM = (255, 214, 102)  # of the notice
WARNINGS = ("The image has only 80 × 80 pixels, too few to show a chest well.",) * 4


@pytest.mark.parametrize("panes", [1, 2])
@pytest.mark.parametrize(("width", "height"), [(60, 3000), (400, 2600), (3000, 120), (640, 480)])
def test_an_odd_film_keeps_its_shape_and_no_word_is_cut_off(width, height, panes):
    flat = np.full((height, width), 100, np.uint8)
    unseen = encoded(Image.new("RGBA", (8, 8)))
    overlay = unseen if panes == 2 else None
    report = a_report(film=flat, overlay=overlay, synthetic=True, warnings=WARNINGS)
    picture = film_picture(report)
    film = (picture == 100).all(axis=2)[:, : picture.shape[1] // panes]
    rows, columns = (np.flatnonzero(film.any(axis=axis)) for axis in (1, 0))
    shape = (np.ptp(columns) + 1) / (np.ptp(rows) + 1)
    assert shape == pytest.approx(width / height, rel=0.06)
    edge = picture[:, -4:]
    plain = (edge == 100).all(axis=2) | (edge.max(axis=2) < 60)  # film or ground
    assert plain.all()  # words that are cut off run into it
    notice = (picture[:40] == ALARM).all(axis=2)
    assert np.ptp(np.flatnonzero(notice.any(axis=0))) > 200


def test_lines_are_broken_at_words_and_inside_only_of_a_word_too_long():
    font = ImageFont.load_default(13)
    lines = _broken("a film that is " + "m" * 64, font, 200)
    assert lines[0] == "a film that is"
    assert "".join(lines[1:]) == "m" * 64
    assert max(map(font.getlength, lines)) <= 200


def test_every_sign_of_our_sentences_is_in_the_font_of_the_picture():
    font = ImageFont.load_default(30)
    none = bytes(font.getmask("\uffff"))
    said = "".join(
        [*WARNINGS, wording.percent(0.5), wording.score(math.nan), wording.count(1000), "·,:()<>’“”"]
    )
    assert [sign for sign in said.translate(_LACKING) if bytes(font.getmask(sign)) == none] == []


def test_no_decision_has_no_threshold_behind_it():
    assert _words_below(a_report(decision=None))[0].startswith("Pneumonia score 0.913. No decision. The film")
    assert "threshold (0.412)." in _words_below(a_report())[0]


def test_the_png_has_no_metadata_and_goes_without_a_heatmap():
    with Image.open(io.BytesIO(film_png(a_report(overlay=None)))) as image:
        assert image.info == {}
        assert image.width < 2 * image.height


def test_a_deidentified_file_passes_the_validator_and_names_nobody(tmp_path):
    raw = deidentified(a_report(), looked=True)
    assert complaints(raw, tmp_path) == []
    found = pydicom.dcmread(io.BytesIO(raw))
    assert list(found.ImageType) == ["DERIVED", "SECONDARY"]
    assert (found.BurnedInAnnotation, found.PatientIdentityRemoved) == ("YES", "YES")
    assert "Basic Profile" in found.DeidentificationMethod
    assert found.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    np.testing.assert_array_equal(found.pixel_array, film_picture(a_report()))


def test_a_deidentified_file_has_no_date_no_private_element_and_only_what_we_write():
    found = pydicom.dcmread(io.BytesIO(deidentified(a_report(note="A note", call="unsure"), looked=True)))
    assert not [element for element in found.iterall() if element.tag.is_private]
    dated = [element for element in found.iterall() if element.VR in ("DA", "TM", "DT")]
    assert dated
    assert not [element for element in dated if element.value]
    told = {
        element.keyword
        for element in found
        if element.VR in ("PN", "LO", "SH", "LT", "ST", "UT") and element.value
    }
    assert told == {"Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeidentificationMethod"}


def test_every_deidentified_file_has_uids_of_its_own():
    files = [pydicom.dcmread(io.BytesIO(deidentified(a_report(), looked=True))) for _ in range(2)]
    uids = [uid for one in files for uid in (one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID)]
    assert len(set(uids)) == 6
    assert not set(uids) & {IDENTITY[name] for name in IDENTITY if name.endswith("UID")}


def test_back_to_the_study_keeps_patient_and_study_in_a_new_series(tmp_path):
    raw = for_the_study(a_report(), a_source(), confirmed=True)
    assert complaints(raw, tmp_path) == []
    found = pydicom.dcmread(io.BytesIO(raw))
    for keyword in (
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyDate",
        "StudyID",
    ):
        assert getattr(found, keyword) == IDENTITY[keyword]
    assert str(found.PatientName) == IDENTITY["PatientName"]
    assert found.AccessionNumber == IDENTITY["AccessionNumber"]
    assert found.SeriesInstanceUID != IDENTITY["SeriesInstanceUID"]
    assert found.SOPInstanceUID != IDENTITY["SOPInstanceUID"]
    assert (found.BurnedInAnnotation, list(found.ImageType)) == ("YES", ["DERIVED", "SECONDARY"])
    assert "PatientIdentityRemoved" not in found
    assert "0.913" in found.DerivationDescription
    assert b"PRIVATE-SECRET" not in raw
    assert "InstitutionName" not in found


def test_a_study_that_was_deidentified_stays_so(tmp_path):
    raw = for_the_study(
        a_report(), a_source(PatientIdentityRemoved="YES", DeidentificationMethod="By hand"), confirmed=True
    )
    assert complaints(raw, tmp_path) == []
    assert pydicom.dcmread(io.BytesIO(raw)).PatientIdentityRemoved == "YES"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (encoded(grey()), "not read from a DICOM file"),
        (b"\0" * 128 + b"DICM" + b"garbage" * 9, "can't be read|names no study"),
        (None, "names no study"),
    ],
)
def test_without_a_study_there_is_no_way_back(source, said):
    source = a_source(StudyInstanceUID=None) if source is None else source
    with pytest.raises(XRayLabError, match=said):
        for_the_study(a_report(), source, confirmed=True)


@pytest.mark.parametrize("make", [deidentified, lambda report: for_the_study(report, a_source())])
def test_no_dicom_is_written_without_a_persons_word(make):
    with pytest.raises(NotConfirmedError, match="Confirm that"):
        make(a_report())


def test_a_file_is_dicom_by_its_content():
    assert is_dicom(a_source())
    assert not is_dicom(encoded(grey()))
    assert not is_dicom(b"")


def test_a_broken_source_raises_no_warning_and_is_quoted_in_no_log(caplog, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = for_the_study(
            a_report(),
            a_source(PatientName="Doe^J")
            .replace(b"20190203", b"Jane Doe")
            .replace(b"ISO_IR 100", b"Doe^Jane X"),
            confirmed=True,
        )
    assert b"Doe^J" in raw
    assert b"Jane Doe" not in raw  # no date of birth
    assert capsys.readouterr().err == caplog.text == ""
