"""Read as a workstation, and the way there from the Overview, in a real Chromium."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.support.films import encoded, grey
from tests.support.serving import ROOT, free_port, served_app
from tests.support.waiting import eventually, shown
from xraylab.data import phantoms

SHARE = 0.55  # of a window of 1400 × 900 that the film itself takes
DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type: "image/png" }));
  const target = document.querySelector("[data-testid=stMain]");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: files }));
  }
}"""


@pytest.fixture(scope="module")
def url(serve, tmp_path_factory):
    home = tmp_path_factory.mktemp("station") / "home"
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


@pytest.fixture(scope="module")
def films():
    """Phantoms without their mark, so that the shipped ensemble reads them as films."""
    made = {}
    for number, phantom in enumerate(phantoms.generate(3, seed=8)):
        data = io.BytesIO()
        Image.fromarray(phantom.pixels).save(data, "PNG")
        made[f"{number}.png"] = data.getvalue()
    return made


def upload(page, films):
    files = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in films.items()]
    page.locator("input[type=file]").set_input_files(files)


def rows(page):
    return page.get_by_role("radiogroup", name="This film").get_by_role("radio")


def names(page):
    return [row.split(" · ")[-1] for row in rows(page).evaluate_all("all => all.map((one) => one.ariaLabel)")]


def opened(page, url, films):
    page.goto(f"{url}/read")
    shown(page.locator("input[type=file]"), state="attached")
    upload(page, films)
    shown(page.locator(".xl-decision").first)
    shown(rows(page).filter(has_text="not read yet").first, state="detached")
    shown(page.locator("[data-test-script-state=notRunning]"))


def place(page):
    return page.locator(".viewer .place")


def test_a_sample_is_one_click_from_its_score_and_its_heatmap(page, url):
    page.goto(url)
    page.get_by_role("button", name="Sample 1").click()
    page.wait_for_url("**/read")
    shown(page.get_by_text("Pneumonia score above the threshold"))
    shown(page.locator(".overlay img").first)
    shown(page.get_by_text("inside the white line"))
    assert page.locator(".viewer .overlay").is_visible()
    shown(place(page).get_by_text("1 of 4"))


def test_all_films_can_be_removed_however_many_there_are(page, url):
    page.set_viewport_size({"width": 1400, "height": 900})
    opened(page, url, {f"{number:02}.png": encoded(grey(number)) for number in range(12)})
    remove = page.get_by_role("button", name="Remove all")
    box = remove.bounding_box()
    assert box["y"] + box["height"] <= 900, "it is in sight"
    remove.click()
    shown(page.get_by_text("Drop films anywhere"))


@pytest.mark.parametrize("size", [(1221, 1522), (1000, 1000)])
def test_the_film_takes_more_than_half_of_the_window(page, url, size):
    page.set_viewport_size({"width": 1400, "height": 900})
    height, width = size
    opened(page, url, {"film.png": encoded(grey(1, width=width, height=height))})
    film = page.locator(".viewer canvas").first
    shown(film)

    def share():
        box = film.bounding_box()
        return box["width"] * box["height"] / (1400 * 900)

    eventually(lambda: share() >= SHARE)
    bar = page.get_by_role("button", name="Overlay").bounding_box()
    assert bar["y"] + bar["height"] <= 900, "the buttons are in sight"
    decision = page.locator(".xl-decision").bounding_box()
    call = page.get_by_role("radiogroup", name="Your call").bounding_box()
    assert decision["y"] < call["y"]
    assert call["y"] + call["height"] <= 900, "the call is in sight"
    page.get_by_text("What the score means").click()
    shown(page.get_by_text("you are here"))
    for part in ("station", "station-panel"):
        height = page.locator(f".st-key-xl-{part}").evaluate("(one) => one.offsetHeight")
        assert height == 900, "the panel scrolls by itself, and the film stays"


@pytest.mark.parametrize("screen", ["", "read"])
def test_a_film_dropped_anywhere_is_read(page, url, films, screen):
    page.goto(f"{url}/{screen}")
    shown(page.locator("input[type=file]"), state="attached")
    page.wait_for_function("window.xraylabUploads")
    name, data = next(iter(films.items()))
    page.evaluate(DROP, [name, base64.b64encode(data).decode("ascii")])
    page.wait_for_url("**/read")
    shown(page.locator(".xl-decision").first)
    shown(page.locator(".viewer .caption").get_by_text(name).first)


def test_films_are_sorted_and_filtered_and_the_keys_follow(page, url, films):
    opened(page, url, {**films, "text.txt": b"no film"})
    assert names(page) == [*films, "text.txt"]
    page.get_by_label("Sort by").select_option("highest score")
    scores = [
        float(words.split(" · ")[0])
        for words in rows(page).evaluate_all("all => all.map((one) => one.ariaLabel)")
        if re.match(r"0\.\d", words)
    ]
    assert scores == sorted(scores, reverse=True)
    page.get_by_label("Sort by").select_option("name")
    assert names(page) == sorted([*films, "text.txt"])
    rows(page).first.click()
    shown(place(page).get_by_text("1 of 4"))
    page.keyboard.press("j")
    shown(place(page).get_by_text("2 of 4"))
    shown(page.locator(".viewer .caption").get_by_text("1.png").first)
    page.keyboard.press("k")
    shown(place(page).get_by_text("1 of 4"))
    page.get_by_label("Show", exact=True).select_option(label="unreadable (1)")
    # The chosen film stays in the list, so that the keys go on from it.
    assert names(page) == ["0.png", "text.txt"]
    page.keyboard.press("j")
    shown(page.get_by_text("This is not a DICOM"))
    page.keyboard.press("k")
    page.get_by_label("Show", exact=True).select_option(label="all (4)")
    assert len(names(page)) == 4


def test_list_and_panel_fold_and_the_film_takes_their_room(page, url, films):
    page.set_viewport_size({"width": 1360, "height": 900})
    opened(page, url, films)
    rows(page).first.click()
    shown(place(page).get_by_text("1 of 3"))
    stage = page.locator(".viewer .stage").first
    listed, panel = page.locator(".st-key-xl-station-films"), page.locator(".st-key-xl-station-panel")
    before = stage.bounding_box()["width"]
    for x in (20, before / 2, before - 20):
        stage.click(position={"x": x, "y": 8}, trial=True)  # nothing lies over the upper edge of the film
    button = page.get_by_role("button", name="Fold the panel")
    at = button.bounding_box()
    button.click()
    shown(panel, state="hidden")
    eventually(lambda: stage.bounding_box()["width"] > before + 200)
    assert page.get_by_role("button", name="Show the panel").bounding_box() == at, (
        "the button stays in its place"
    )
    wide = stage.bounding_box()["width"]
    page.keyboard.press("[")
    shown(listed, state="hidden")
    eventually(lambda: stage.bounding_box()["width"] > wide + 50)
    # It stays so for another film, also when the list can't be seen, and on the way back from another screen.
    page.keyboard.press("j")
    shown(place(page).get_by_text("2 of 3"))
    shown(page.locator(".viewer .caption").get_by_text("1.png").first)  # a person sees the film before going
    page.get_by_test_id("stSidebar").get_by_role("link", name="Compare").click()
    shown(page.get_by_role("heading", name="Compare", exact=True))
    page.get_by_test_id("stSidebar").get_by_role("link", name="Read").click()
    shown(place(page).get_by_text("2 of 3"))
    assert not panel.is_visible()
    page.keyboard.press("]")
    shown(panel)
    note = page.get_by_role("textbox", name="Note")
    note.fill("typed ")
    note.press("]")
    assert note.input_value() == "typed ]"
    assert panel.is_visible(), "a key that is typed folds nothing"
    note.blur()
    page.keyboard.press("[")
    shown(listed)
    page.keyboard.press("?")
    shown(page.get_by_text("fold the list, the panel"))


def test_a_second_film_is_shown_beside_the_first_and_taken_away(page, url, films):
    opened(page, url, films)
    rows(page).nth(0).click()
    second = page.locator(".film").nth(1)
    second.hover()
    second.get_by_role("button", name="Beside").click()
    panes = page.locator(".viewer canvas")
    eventually(lambda: panes.count() == 2)
    page.get_by_role("button", name="End").first.click()
    eventually(lambda: panes.count() == 1)


def test_a_score_stays_hidden_until_the_reader_made_a_call(page, url, films):
    page.goto(f"{url}/read")
    page.get_by_text("Read blind").click()
    shown(page.locator("[data-test-script-state=notRunning]"))
    upload(page, films)
    shown(page.get_by_text("Score hidden"))
    shown(rows(page).filter(has_text="not read yet").first, state="detached")
    assert page.get_by_role("button", name="Overlay").is_disabled()
    assert all("not called yet" in words for words in rows(page).all_inner_texts())
    assert not page.get_by_role("button", name="All films as CSV").count()
    page.get_by_role("radiogroup", name="Your call").get_by_text("No pneumonia").click()
    shown(page.get_by_text("Your call, before you saw the score"))
    shown(page.get_by_text("Score hidden"), state="detached")
    hidden = [words for words in rows(page).all_inner_texts() if "not called yet" in words]
    assert len(hidden) == len(films) - 1
    page.get_by_role("button", name="Save case").click()
    shown(page.get_by_text("Kept as case"))
    page.get_by_text("Cases kept", exact=True).click()
    shown(page.get_by_role("table").filter(has_text="Your call").get_by_text("no pneumonia, blind"))


def test_a_film_whose_score_was_on_the_screen_is_hidden_too_but_its_call_is_no_blind_one(page, url, films):
    opened(page, url, films)
    page.get_by_text("Read blind").click()
    shown(page.get_by_text("Score hidden"))
    shown(page.get_by_text("your call doesn’t count as blind"))
    assert all("not called yet" in words for words in rows(page).all_inner_texts())
    page.get_by_role("radiogroup", name="Your call").get_by_text("No pneumonia").click()
    shown(page.get_by_text("Your call: no pneumonia"))
    assert not page.get_by_text("before you saw the score").count()


def test_films_stay_while_another_screen_is_looked_at(page, url, films):
    opened(page, url, films)
    before = names(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Threshold").click()
    shown(page.get_by_role("heading", name="Threshold", exact=True))
    page.get_by_test_id("stSidebar").get_by_role("link", name="Read").click()
    shown(rows(page).nth(len(films) - 1), state="attached")
    assert names(page) == before
    shown(page.locator(".xl-decision").first)


def test_the_tour_goes_from_screen_to_screen_and_can_be_left(page, url):
    page.goto(url)
    page.get_by_role("button", name="Tour, 2 minutes").click()
    shown(page.get_by_text("1 of 7"))
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**/read")
    shown(page.get_by_text("2 of 7"))
    page.get_by_role("button", name="Leave the tour").click()
    shown(page.get_by_text("2 of 7"), state="detached")


def test_the_pixels_of_the_film_are_those_of_its_file(page, url):
    film = grey(2, width=400, height=300)
    opened(page, url, {"film.png": encoded(film)})
    canvas = page.locator(".viewer canvas").first
    shown(canvas)
    drawn = canvas.evaluate(
        "one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]"
        ".filter((_, at) => at % 4 === 0)"
    )
    assert np.array_equal(np.array(drawn, np.uint8).reshape(300, 400), np.asarray(film))


def test_after_a_restart_of_the_server_no_film_is_listed_that_is_gone(context, films, tmp_path):
    page, port = context.new_page(), free_port()  # not the page that reports what the console says meanwhile
    with served_app(tmp_path, port=port) as url:
        page.goto(f"{url}/read")
        shown(page.locator("input[type=file]"), state="attached")
        upload(page, films)
        shown(rows(page).first)
    with served_app(tmp_path, port=port):
        shown(page.get_by_text("Drop films anywhere"))
        shown(rows(page).first, state="detached")
        assert not page.get_by_text("0.png").first.is_visible()
        reads = page.locator(".xl-status strong").inner_text()
        assert page.get_by_role("combobox", name="Model").input_value() == reads
    page.close()
