"""A case from film to tombstone, in a real browser: kept, there after a reload, exported, deleted."""

import csv
import io
import json

import pytest

from tests.support.serving import ROOT
from tests.support.waiting import shown
from xraylab.app.samples import samples

pytestmark = pytest.mark.slow

NOTE = "Hazy at the right base. <b>Ask again</b>"


def opened_log(page):
    page.get_by_text("Cases kept", exact=True).click()
    table = page.get_by_role("table").filter(has_text="Your call")
    table.wait_for()
    return table


def cells(table, case):
    row = table.get_by_role("row").filter(has_text=case)
    return [text.strip() for text in row.get_by_role("cell").all_inner_texts()]


def saved(page, button):
    with page.expect_download() as started:
        page.get_by_role("button", name=button).click()
    return started.value.path().read_bytes()


def test_a_case_is_kept_survives_a_reload_is_exported_and_leaves_a_tombstone(page, serve, tmp_path):
    url = serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(tmp_path / "home")})
    page.goto(f"{url}/read")
    page.locator("input[type=file]").set_input_files(
        {"name": "DOE-JANE.png", "mimeType": "image/png", "buffer": samples()[0].film.data}
    )
    call = page.get_by_role("radiogroup", name="Your call")
    shown(call)
    call.get_by_text("Pneumonia", exact=True).click()
    page.get_by_label("Note").fill(NOTE)
    page.get_by_label("Note").press("Control+Enter")
    page.get_by_role("button", name="Save case").click()
    shown(page.get_by_text("Kept as case 1, without its picture."))
    assert NOTE in opened_log(page).inner_text()

    page.reload()
    page.locator("input[type=file]").wait_for(state="attached")
    again = cells(opened_log(page), "1")
    assert again[0] == "1"
    assert "pneumonia" in again
    assert again[-1] == NOTE

    [case] = csv.DictReader(io.StringIO(saved(page, "Log as CSV").decode()))
    assert (case["case"], case["call"], case["note"]) == ("1", "pneumonia", NOTE)
    log = json.loads(saved(page, "Log as JSON"))
    assert log["cases"][0]["note"] == NOTE
    assert "DOE" not in json.dumps(log)

    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete case 1").click()
    page.get_by_text("0 cases. 1 deleted.").wait_for()
    table = page.get_by_role("table").filter(has_text="Your call")
    assert NOTE not in table.inner_text()
    gone = cells(table, "deleted")
    assert gone[0] == "1"
    assert gone[-1].startswith("deleted")
    after = json.loads(saved(page, "Log as JSON"))
    assert after["cases"][0]["note"] is None
    trail = [line["action"] for line in after["trail"]]
    assert trail == ["created", "exported", "exported", "deleted", "exported"]

    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 case.").wait_for()
    assert cells(table, NOTE)[0] == "1"
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete now for good").click()
    page.get_by_text("0 cases. 1 deleted.").wait_for()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert NOTE.encode() not in kept
