"""The documentation site: it builds without a warning, and a built page asks nothing of another host."""

import re
import shutil
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import xraylab
from xraylab import front

ROOT = Path(__file__).parents[1]
ROOMS = ("evaluation", "imaging", "data", "networks", "reading", "models", "actions")
SINGLE = {"training.recipe": "recipe", "documents": "documents", "errors": "errors"}
LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site, made in a copy so that the clone stays clean."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copyfile(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    (folder / "xraylab").symlink_to(ROOT / "xraylab")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr
    return folder / "build" / "site"


class Loads(HTMLParser):
    """Collect the addresses that a browser fetches when it opens a page."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "link" and not LOADING_LINKS & set((values.get("rel") or "").split()):
            return
        if tag != "a":
            names = ("src", "srcset", "href", "data", "poster")
            self.addresses += [values[name] for name in names if values.get(name)]


def loaded_by(page):
    """Return every address that a page loads, and every one that its inline styles name."""
    text = page.read_text("utf-8")
    parser = Loads()
    parser.feed(text)
    return [*parser.addresses, *re.findall(r"url\(\s*['\"]?([^'\")]+)", text)]


def outside(addresses):
    return [address for address in addresses if re.match(r"\s*(?:[a-z]+:)?//", address, re.IGNORECASE)]


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<link href="https://fonts.example" rel="preconnect" crossorigin>',
        '<img src="http://example/a.png">',
        "<style>@font-face {src: url('https://fonts.example/a.woff2')}</style>",
    ],
)
def test_an_address_on_another_host_is_noticed(tmp_path, html):
    page = tmp_path / "page.html"
    page.write_text(html)
    assert len(outside(loaded_by(page))) == 1


def test_no_page_loads_anything_from_another_host(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > len(list(ROOT.glob("docs/**/*.md")))  # and the page for a missing address
    assert {str(page): outside(loaded_by(page)) for page in pages if outside(loaded_by(page))} == {}


def test_no_stylesheet_loads_anything_from_another_host(site):
    sheets = sorted(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text("utf-8")
        assert outside(re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", text)) == []


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert listed == {page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")}


@pytest.mark.parametrize("room", ROOMS)
def test_the_reference_of_a_room_shows_what_it_gives(site, room):
    text = (site / "reference" / f"{room}.html").read_text("utf-8")
    assert f'id="xraylab.{room}"' in text
    assert text.count("doc doc-heading") > 1


@pytest.mark.parametrize("module", SINGLE)
def test_the_reference_of_a_module_shows_what_it_gives(site, module):
    text = (site / "reference" / f"{SINGLE[module]}.html").read_text("utf-8")
    assert f'id="xraylab.{module}"' in text
    assert text.count("doc doc-heading") > 1


def test_the_reference_shows_the_front_door_and_the_classes_that_it_returns(site):
    text = (site / "reference" / "xraylab.html").read_text("utf-8")
    functions = {f"xraylab.{name}" for name in xraylab.__all__ if not name.startswith("_")}
    classes = {f"xraylab.front.{name}" for name in front.__all__ if isinstance(getattr(front, name), type)}
    assert [name for name in sorted(functions | classes) if f'id="{name}"' not in text] == []


def test_a_parameter_is_shown_with_its_type_and_its_meaning(site):
    text = (site / "reference" / "evaluation.html").read_text("utf-8")
    part = text.split('id="xraylab.evaluation.intervals.wilson_interval"')[1].split("doc doc-heading")[1]
    assert all(word in part for word in ("successes", "Parameters:", "Returns:", "Raises:"))


@pytest.mark.browser
def test_a_browser_that_opens_the_site_asks_nobody_else(site, browser):
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    here, asked = f"http://127.0.0.1:{server.server_port}/", []
    try:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for name in ("index.html", "how-to/read.html", "reference/evaluation.html"):
            page.goto(here + name, wait_until="networkidle")
        page.close()
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith((here, "data:", "blob:"))] == []
