"""Documents of a film that was read, in a real Chromium: what is ticked is what the library is told."""

import io
from pathlib import Path

import pydicom
import pytest

from tests.support.dicoms import dataset, written
from tests.support.film_reports import IDENTITY
from tests.support.films import grey
from tests.support.serving import ROOT

pytestmark = pytest.mark.slow

READING = 120_000  # milliseconds; the model is loaded with the first film


@pytest.fixture(scope="module")
def app(serve, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


def saved(page, label):
    """What a button hands over."""
    with page.expect_download(timeout=READING) as made:
        page.get_by_role("button", name=label).click()
    return pydicom.dcmread(io.BytesIO(Path(made.value.path()).read_bytes()))


def test_both_kinds_of_dicom_are_saved_after_their_ticks_and_not_before(page, app):
    film = dataset(grey(3, width=300, height=240), SpecificCharacterSet="ISO_IR 192", **IDENTITY)
    page.goto(f"{app}/read")
    upload = {"name": "film.dcm", "mimeType": "application/dicom", "buffer": written(film)}
    page.locator("input[type=file]").set_input_files(upload, timeout=READING)
    page.get_by_text("Report and export", exact=True).last.click(timeout=READING)
    made = page.get_by_role("button", name="De-identified")
    made.wait_for()
    assert made.is_disabled()
    page.get_by_text("I checked: the picture shows no name or number").last.click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('button')].some("
        "one => one.innerText.includes('De-identified') && !one.disabled)"
    )
    assert saved(page, "De-identified").PatientIdentityRemoved == "YES"
    page.get_by_role("button", name="Export with patient identity …").click()
    sent = page.get_by_role("button", name="Save with patient and study")
    sent.wait_for()
    assert sent.is_disabled()
    page.get_by_text("I am allowed to send this to the patient's study").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('button')].some("
        "one => one.innerText.includes('Save with patient') && !one.disabled)"
    )
    found = saved(page, "Save with patient and study")
    assert str(found.PatientName) == IDENTITY["PatientName"]
    assert found.StudyInstanceUID == IDENTITY["StudyInstanceUID"]
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Export with patient identity …").click()
    # it is asked every time; what the dialog showed last may stand there until the server has answered
    page.get_by_role("button", name="Save with patient and study", disabled=True).wait_for()
    page.get_by_role("dialog").get_by_role("checkbox", checked=False).wait_for(state="attached")
