"""
Take pictures of every screen of the running app: ``python -m scripts.screenshots [--out FOLDER]``.

- the app has its own home with teaching phantoms, and the shipped models; your home is not touched
- dark and light, in windows from a phone to a wall of 3840 pixels
- those in ``KEPT`` go to ``docs/images`` too, for the README
- needs Chromium on the path and the packages of ``requirements-dev.txt``
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.chromium import chromium
from tests.support.serving import ROOT, served_app
from xraylab import actions
from xraylab.settings import Settings

IMAGES = ROOT / "docs" / "images"
KEPT = ("threshold-dark", "threshold-light", "read-dark")
FILMS = actions.PHANTOM_FILMS
READ_BY = "phantom · shipped"
UNSEEN_SEED = 2_024  # phantoms to read; the network was not trained on them
SIZES = {  # CSS pixels, by the end of a picture's name
    "": (1360, 800),
    "-phone": (390, 844),
    "-small": (1280, 720),
    "-desk": (1400, 900),
    "-wall": (3840, 2160),
}
TALLEST = 3000  # CSS pixels
PATIENCE = 60_000  # ms
SCREENS = {
    "overview": ("/", "Overview"),
    "data": ("/data", "Data"),
    "train": ("/train", "Train"),
    "threshold": ("/threshold", "Threshold"),
    "compare": ("/compare", "Compare"),
    "read": ("/read", "Read"),
    "models": ("/models", "Models"),
}


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take a picture of every screen.")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "xraylab-screenshots")
    parser.add_argument("--home", type=Path, help="A home that has films already.")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = Settings(home=asked.home or folder / "home")
        if not actions.list_datasets(settings):
            actions.import_phantoms(settings, n=FILMS)
        films = _films(folder / "films")
        with served_app(folder, home=settings.home) as address:
            _take_all(address, films, asked.out)
    IMAGES.mkdir(exist_ok=True)
    for name in KEPT:
        _keep(asked.out / f"{name}.png", IMAGES / f"{name}.png")
    print(f"{len(list(asked.out.glob('*.png')))} pictures in {asked.out}; {', '.join(KEPT)} in {IMAGES}")


def _films(folder: Path) -> list[Path]:
    """Write unseen films and return one of each kind, to upload."""
    actions.make_phantoms(folder, 30, seed=UNSEEN_SEED)
    films = sorted(folder.glob("chest_xray/train/*/*.png"))
    kinds = ("focal", "interstitial", "normal")
    return [next(film for film in films if f"_{kind}_" in film.name) for kind in kinds]


def _take_all(address: str, films: list[Path], out: Path) -> None:
    with chromium() as browser:
        every = product(SIZES.items(), ("Dark", "Light"), SCREENS.items())
        for (end, size), theme, (name, (path, title)) in every:
            with _opened(browser, address + path, title, theme, size) as page:
                if name == "read":
                    _upload(page, films)
                _shoot(page, size, out / f"{name}{end}-{theme.lower()}.png")


@contextmanager
def _opened(browser: Browser, url: str, title: str, theme: str, size: tuple[int, int]) -> Iterator[Page]:
    """Open a screen in a theme and wait until it is drawn."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if theme == "Dark" else "light"
    )
    context.add_init_script(f"localStorage.setItem('xraylab-theme', '{theme}')")
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=PATIENCE)
    _settle(page)
    yield page
    context.close()


def _settle(page: Page) -> None:
    """Wait until the script has ended and the browser has drawn its output."""
    _app(page).locator("xpath=self::*[@data-test-script-state='notRunning']").wait_for(timeout=PATIENCE)
    page.wait_for_timeout(1500)  # charts and the theme are drawn after the end of the script


def _app(page: Page) -> Locator:
    return page.get_by_test_id("stApp")


def _upload(page: Page, films: list[Path]) -> None:
    """Choose the model, upload the films, and lay the heatmap over the first."""
    box = page.get_by_role("combobox").first
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a list closes when the page scrolls under it
    box.click()
    page.get_by_role("option", name=READ_BY, exact=True).click()
    _settle(page)
    page.locator("input[type=file]").first.set_input_files(films)
    overlay = page.get_by_role("button", name="Overlay")
    expect(overlay).to_be_enabled(timeout=PATIENCE)
    _settle(page)
    overlay.click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)


def _shoot(page: Page, size: tuple[int, int], file: Path) -> None:
    """Take the whole screen; Streamlit scrolls inside the page, so the window grows to its height."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size[0], "height": min(max(size[1], int(height)), TALLEST)})
    page.wait_for_timeout(500)
    page.screenshot(path=file)


def _keep(taken: Path, target: Path) -> None:
    """Copy a picture with lossless compression."""
    with Image.open(taken) as image:
        image.convert("RGB").save(target, optimize=True)


if __name__ == "__main__":
    main()
