"""The report of a film with its parts, a DICOM file full of patient data, and a validator of DICOM files."""

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tests.support.films import encoded, grey
from xraylab.reports.film import DrawnHeatmap, FilmReport, Standing

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

IDENTITY = {
    "PatientName": "Müller^Änne",
    "PatientID": "MRN-778812",
    "PatientBirthDate": "20190203",
    "PatientSex": "F",
    "OtherPatientIDs": "OTHER-4711",
    "PatientAddress": "Hauptstrasse 7",
    "StudyInstanceUID": generate_uid(),
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


def a_heatmap(png=None, **changes):
    drawn = DrawnHeatmap(png or an_overlay(), "Grad-CAM", ((7, 7),), fixed=True, strongest=1.0)
    return replace(drawn, **changes)


def a_report(**changes):
    if isinstance(changes.get("overlay"), bytes):
        changes["overlay"] = a_heatmap(changes["overlay"])
    report = FilmReport(
        standing=STANDING,
        film_sha256="b6ced9b7053e" + "0" * 52,
        film=grey(1, width=640, height=480),
        overlay=a_heatmap(),
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
    """Return the bytes of a DICOM file that names its patient in many elements."""
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


def complaints(raw, tmp_path):
    """Return the errors that dciodvfy finds in a file; skip the test if dciodvfy is missing."""
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools)")
    (tmp_path / "out.dcm").write_bytes(raw)
    done = subprocess.run([validator, tmp_path / "out.dcm"], capture_output=True, text=True, check=False)
    assert "SCImage" in done.stderr + done.stdout  # it recognised the kind of file
    return [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")]
