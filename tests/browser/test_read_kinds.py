"""Every kind of file dropped on Read in one go: a score or a reason each, in a real browser."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from tests.support.serving import ROOT
from tests.support.waiting import shown
from xraylab.data import phantoms
from xraylab.reports.film_words import OVERRIDDEN

pytestmark = pytest.mark.slow

READ = (
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "ExplVR_BigEnd.dcm",
    "examples_palette.dcm",
)
REFUSED = ("waveform_ecg.dcm", "test-SR.dcm", "MR_truncated.dcm")
HOSTILE = "\N{RIGHT-TO-LEFT OVERRIDE}gnp.<script>alert(1)"
PICTURES = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")


@pytest.fixture
def files(tmp_path):
    """Good and bad files by their names, which say nothing of what they are."""
    film = Image.fromarray(next(phantoms.generate(1, seed=5)).pixels)
    made = {}
    for kind in PICTURES:
        data = io.BytesIO()
        film.save(data, kind)
        made[f"{kind} as {kind.lower()}"] = data.getvalue()
    for name in (*READ, *REFUSED):
        path = get_testdata_file(name, download=False)
        assert path is not None, f"{name} comes with pydicom no more"
        made[name] = Path(path).read_bytes()
    made["cut.png"] = made["PNG as png"][:900]
    made["a.pdf"] = b"%PDF-1.7\n%%EOF"
    made[HOSTILE] = b"\x00\x01 no film"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("inside.png", made["PNG as png"])
    made["films.zip"] = archive.getvalue()
    return made


def test_each_file_has_a_score_or_a_reason_and_the_page_lives(page, serve, files, tmp_path):
    page.goto(f"{serve(ROOT / 'streamlit_app.py', env={'XRAYLAB_HOME': str(tmp_path / 'home')})}/read")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": name, "mimeType": "application/octet-stream", "buffer": data}
            for name, data in files.items()
        ]
    )
    listed = page.get_by_role("radiogroup", name="This film").get_by_role("radio")
    shown(listed.nth(len(files) - 1), state="attached")
    shown(listed.filter(has_text="not read yet").first, state="detached")
    rows = listed.evaluate_all("rows => rows.map((row) => row.getAttribute('aria-label'))")
    assert len(rows) == len(files)
    unreadable = {name for name in files for row in rows if name[-12:] in row and "unreadable" in row}
    assert unreadable == {*REFUSED, "cut.png", "a.pdf", HOSTILE}
    assert all(re.search(r"\d\.\d{3}|not decided", row) for row in rows if "unreadable" not in row)

    page.get_by_text("waveform_ecg.dcm").last.click()
    shown(page.get_by_test_id("stAlert"))
    page.get_by_text("CT_small.dcm").last.click()
    shown(page.get_by_text("modality CT"))
    page.get_by_text("No decision").wait_for()
    page.get_by_role("button", name="Decide anyway").click()
    shown(page.get_by_text(OVERRIDDEN))
    # Its words in the list are others now: it is still chosen, and what is clicked next is about it.
    page.get_by_role("radiogroup", name="Your call").get_by_text("Unsure").click()
    page.get_by_role("button", name="Save case").click()
    shown(page.get_by_text("Kept as case 1"))
    chosen = page.get_by_role("radiogroup", name="This film").get_by_role("radio", checked=True)
    assert "CT_small.dcm" in chosen.inner_text()
    assert page.get_by_text(OVERRIDDEN).is_visible()
    assert "Traceback" not in page.locator("body").inner_text()
