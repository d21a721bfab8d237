"""Thousands of files dropped on Read at once: the tab lives, and the page says how many it reads."""

import pytest

from tests.support.serving import ROOT
from tests.support.sizes import cases, draws
from tests.support.waiting import shown

pytestmark = pytest.mark.slow

DRAG = """([number, kinds]) => {
  const files = new DataTransfer();
  for (let at = 0; at < number; at += 1) files.items.add(new File(["no film"], `${at}.txt`));
  const zone = document.querySelector('[data-testid="stFileUploaderDropzone"]');
  const options = { bubbles: true, cancelable: true, dataTransfer: files };
  for (const kind of kinds) zone.dispatchEvent(new DragEvent(kind, options));
}"""
FILES = draws(3000, brief=150)
MOST = 500  # films that the page reads at once
INVITATION = "Drag and drop files here"


@pytest.mark.sampled
@pytest.mark.parametrize("way", cases(["dropped", "chosen"], brief=1))
def test_thousands_of_files_leave_the_page_alive_and_it_says_how_many_it_reads(page, serve, tmp_path, way):
    url = serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(tmp_path / "home")})
    page.goto(f"{url}/read")
    uploader = page.locator("input[type=file]")
    uploader.wait_for(state="attached")
    page.wait_for_function("window.xraylabUploads")
    if way == "chosen":
        folder = tmp_path / "files"
        folder.mkdir()
        for number in range(FILES):
            (folder / f"{number}.txt").write_text("no film")
        uploader.set_input_files(sorted(folder.iterdir()))
    else:
        page.evaluate(DRAG, [1, ["dragenter", "dragover"]])
        page.get_by_text(INVITATION).wait_for()
        page.evaluate(DRAG, [FILES, ["drop"]])
    if FILES > MOST:
        shown(page.get_by_text(f"This page reads {MOST} films at once."))
    listed = page.get_by_role("radiogroup", name="This film").get_by_role("radio")
    shown(listed.nth(min(FILES, MOST) - 1), state="attached")
    assert listed.count() == min(FILES, MOST)
    assert not page.get_by_text(INVITATION).count()
