"""The door in a real Chromium: foreign sites stay outside, and names from outside stay text."""

import contextlib
import http.client
import http.server
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.chromium import another
from tests.support.serving import ROOT
from tests.support.waiting import eventually, shown
from xraylab import actions
from xraylab.app.samples import samples
from xraylab.settings import load_settings

PLANTED = "planted in the home"
SCREENS = ("", "data", "train", "threshold", "compare", "models", "read")
MARKUP = "<img src=x onerror=window.ran=1><script>window.ran=1</script>"
MARKDOWN = "![a](http:evil.test:1) [b](javascript:window.ran=1) $\\alpha^2$ :smile: :material/star:"
PAYLOAD = MARKUP + MARKDOWN
STRANGER = "stranger"  # a name that the app accepts
UP = ("../", "..%2f", "%2e%2e/", "..%5c", "..\\", "%252e%252e%252f", "....//", "..;/", "%c0%ae%c0%ae/")
FILE = "<img src=x onerror=window.ran=1>![a](evil.png)$\\alpha$ :smile:"  # a file's name has no slash

# A page of another site tries each way in. It reports how each of them ended.
ATTACK = """
<!doctype html><title>attack</title><iframe src="{app}/read"></iframe><script>
const websocket = (address) => new Promise((end) => {{
  const socket = new WebSocket(address, ["streamlit"]);
  socket.onopen = () => end("open");
  socket.onerror = () => end("refused");
}});
const ask = (address, options) =>
  fetch(address, options).then((answer) => `${{answer.type}} ${{answer.status}}`, () => "refused");
const picture = (address) => new Promise((end) => {{
  const image = new Image();
  image.onload = () => end("shown");
  image.onerror = () => end("refused");
  image.src = address;
}});
const film = new FormData();
film.append("file", new Blob(["film"]), "film.png");
(async () => {{
  window.outcome = {{
    websocket: await websocket("{socket}/_stcore/stream"),
    upload: await ask("{app}/_stcore/upload_file/a/b", {{ method: "PUT", body: film }}),
    page: await ask("{app}/"),
    health: await ask("{app}/_stcore/health"),
    picture: await picture("{app}/favicon.png"),
  }};
}})();
</script>
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a secret, and with the folders of a stranger's dataset and model."""
    home = tmp_path_factory.mktemp("home")
    (home / "secret.txt").write_text(PLANTED)
    (home / "datasets" / FILE).mkdir(parents=True)
    (home / "datasets" / FILE / "dataset.json").write_text("{}")
    for name in (STRANGER, FILE):
        hostile_model(home / "models" / name)
    actions.use_for_reading(
        load_settings(home=home), "phantom", actor="test"
    )  # a small network, so a reading is quick
    return home


def hostile_model(folder):
    """Copy a shipped model, with a stranger's text in each free field of its card and as names of films."""
    shutil.copytree(ROOT / "xraylab" / "starter" / "phantom", folder)
    card = json.loads((folder / "card.json").read_text("utf-8"))
    card |= {"name": folder.name, "weights": PAYLOAD, "run": PAYLOAD, "notes": [PAYLOAD]}
    card["dataset"] |= {"name": PAYLOAD}
    card["about"] = {key: [PAYLOAD] for key in card["about"]} | {"command": PAYLOAD}
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    predictions = pq.read_table(folder / "predictions.parquet")
    films = pa.array([f"{number}{FILE}" for number in range(predictions.num_rows)])
    at = predictions.schema.get_field_index("image_id")
    pq.write_table(predictions.set_column(at, "image_id", films), folder / "predictions.parquet")


CROWDED = """
import streamlit as st
from streamlit import runtime
from xraylab.app import serving, sessions, shell
from xraylab.door.limits import Limits, Uploads

if __name__ == "__main__":
    if refusal := serving.refusal_of_page():
        st.error(refusal)
        st.stop()
    shell._load_scripts()
    st.file_uploader("Films", accept_multiple_files=True)
    st.write(f"kept by {len(runtime.get_instance().uploaded_file_mgr.file_storage)}")
else:
    sessions.GRACE, sessions._SWEEP = 1.0, 0.2
    serving._Door.uploads = Uploads(Limits(session_bytes=2**20))
    serving._Door.sessions = sessions.Sessions(serving._Door.uploads, Limits(sessions=1))
    app = st.App(__file__, middleware=serving.middleware(), lifespan=serving.lifespan)
"""


@pytest.fixture(scope="module")
def app(serve, home):
    return serve(ROOT / "streamlit_app.py", env={"XRAYLAB_HOME": str(home)})


@contextlib.contextmanager
def site(page):
    """Serve one page as another site of this machine, and yield its port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def outcome(page, address):
    page.goto(address)
    page.wait_for_function("() => window.outcome", timeout=60_000)
    return page.evaluate("window.outcome")


REFUSED = dict.fromkeys(("websocket", "upload", "page", "health", "picture"), "refused")


@pytest.fixture(scope="module")
def rebound(browser):
    """A browser to which the name of the attacker's site leads to this machine, as after DNS rebinding.

    Some versions of Chromium stop a site from asking this machine. That is off here: the door is tested.
    """
    checks = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
    with another(browser.browser_type, "--host-resolver-rules=MAP evil.test 127.0.0.1", checks) as rebound:
        yield rebound


def test_a_name_that_leads_to_this_machine_opens_nothing(rebound, app):
    page = rebound.new_page()
    port = urlsplit(app).port
    for path in ("", "read", "_stcore/health", "static/js/a.js", "media/a.png"):
        answer = page.goto(f"http://evil.test:{port}/{path}")
        assert answer.status == 403, path
        assert page.get_by_text("XRayLab isn't served under this address.").count() == 1
    page.close()


def test_a_page_after_rebinding_is_refused_though_its_origin_equals_its_host(rebound, app):
    page = rebound.new_page()
    evil = f"http://evil.test:{urlsplit(app).port}"
    attack = ATTACK.format(app=evil, socket=evil.replace("http", "ws", 1))
    # The attacker's own server sent this page, at the same name and port, before the name led here.
    page.route(f"{evil}/attack", lambda route: route.fulfill(body=attack, content_type="text/html"))
    assert outcome(page, f"{evil}/attack") == {
        "websocket": "refused",
        "upload": "basic 403",
        "page": "basic 403",
        "health": "basic 403",
        "picture": "refused",
    }
    page.close()


def test_a_page_of_another_site_neither_reads_nor_sends_nor_frames(rebound, app):
    page = rebound.new_page()
    with site(ATTACK.format(app=app, socket=app.replace("http", "ws", 1))) as foreign:
        for name in ("evil.test", "127.0.0.1"):  # another port of this machine is another site too
            assert outcome(page, f"http://{name}:{foreign}/") == REFUSED
            (framed,) = page.frames[1:]
            assert framed.url.startswith("chrome-error://"), "the frame shows an error and not the app"
    page.close()


def test_the_own_page_gets_everything_that_another_site_is_refused(page, app, console_errors):
    page.goto(f"{app}/read")
    page.locator("footer").wait_for()
    loaded = page.evaluate(
        "async () => [(await fetch('/_stcore/health')).status, (await fetch('/favicon.png')).status]"
    )
    assert loaded == [200, 200]
    blocked = page.evaluate("() => fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'blocked')")
    assert blocked == "blocked"
    assert any("Content Security Policy" in line for line in console_errors)
    console_errors.clear()


def routes():
    """List the path of each route that Streamlit serves, with a name in place of each parameter."""
    code = (
        "import json, streamlit_app\n"
        "built = streamlit_app.app._build_starlette_app().routes\n"
        "print(json.dumps([route.path for route in built]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted({re.sub(r"\{[^}]*\}", "x", path).rstrip("/") for path in json.loads(done.stdout)})


def asked(port, target):
    """Send a request with a target that no client would spell, and return the status and the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("latin-1"))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


def test_no_route_leads_out_of_its_folder(app, home):
    served = routes()
    assert {"/media/x", "/_stcore/upload_file/x/x", "/_stcore/health"} <= set(served)
    port = urlsplit(app).port
    files = ("etc/passwd", str(home / "secret.txt").lstrip("/"))
    roots = (*served, "/static", "/component/x", "/~/+")
    targets = [f"{root}/{step * 12}{files[0]}" for step in UP for root in roots]
    targets += [f"{root}/{step * 12}{files[1]}" for step in UP[:2] for root in roots]
    targets += [f"{root}/{odd}" for odd in ("/etc/passwd", "%2fetc%2fpasswd", "x%00.png") for root in served]
    for target in targets:
        status, body = asked(port, target)
        assert status < 500, target
        assert b"root:" not in body, target
        assert PLANTED.encode() not in body, target


@pytest.fixture
def held(page, app):
    """A tab that holds every request to the app's own origin, and lets no foreign text act."""
    outside = []
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((app, "data:", "blob:")) else outside.append(sent.url),
    )
    yield page
    assert outside == []


def assert_text_stayed_text(page):
    assert page.evaluate("window.ran") is None
    acting = "img[src='x'], img[src*='evil'], a[href*='javascript'], a[href*='evil'], .katex"
    assert page.locator(acting).count() == 0
    assert page.locator("main script, section script").count() <= 2, "our own two"


def settle(page):
    page.locator("[data-test-script-state=notRunning]").wait_for()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_strangers_model_and_dataset_stay_text_on_every_screen(held, app, screen):
    held.goto(f"{app}/{screen}?model={STRANGER}")
    held.locator("footer").wait_for()
    settle(held)
    for details in held.locator("details").all():
        if details.get_attribute("open") is None:  # they are drawn when they are opened
            details.locator("summary").first.click()
            settle(held)
    for box in held.get_by_role("combobox").all():
        box.click()  # so are the names of a list
        assert_text_stayed_text(held)
        held.keyboard.press("Escape")
    assert_text_stayed_text(held)
    if screen == "models":
        shown(held.get_by_text(MARKUP).first)


def test_a_link_to_a_strangers_model_stays_text(held, app):
    held.goto(f"{app}/threshold?model={FILE}")
    shown(held.get_by_text("The link’s model isn’t here"))
    assert_text_stayed_text(held)


def test_typed_names_stay_text(held, app):
    held.goto(f"{app}/data")
    held.get_by_label("Name", exact=True).fill(PAYLOAD)
    held.get_by_label("Finding", exact=True).fill(PAYLOAD)
    held.get_by_label("Or the path of a folder, an archive or a table of films on this machine").fill(PAYLOAD)
    held.get_by_role("button", name="Import", exact=True).click()
    shown(held.get_by_test_id("stAlert").first)
    assert_text_stayed_text(held)


def test_names_of_files_and_a_note_stay_text(held, app):
    held.goto(f"{app}/read")
    film = samples()[0].film.data
    held.locator("input[type=file]").set_input_files(
        [
            {"name": f"{FILE}.png", "mimeType": "image/png", "buffer": film},
            {"name": f"{FILE}.txt", "mimeType": "text/plain", "buffer": PAYLOAD.encode()},
        ]
    )
    shown(held.get_by_role("radiogroup", name="Your call"))
    assert_text_stayed_text(held)
    held.get_by_label("Note").fill(PAYLOAD)
    held.get_by_label("Note").press("Control+Enter")
    held.get_by_role("button", name="Save case").click()
    shown(held.get_by_text("Kept as case 1, without its picture."))
    held.get_by_text("Cases kept", exact=True).click()
    shown(held.get_by_role("table").filter(has_text="Your call"))
    assert_text_stayed_text(held)


def test_a_tab_and_a_file_too_many_get_a_sentence_and_a_closed_tab_frees_its_uploads(page, context, serve):
    url = serve(CROWDED)
    first = context.new_page()
    first.goto(url)
    for name in ("a.png", "b.png"):
        film = {"name": name, "mimeType": "image/png", "buffer": bytes(700_000)}
        shown(first.locator("input[type=file]"), state="attached")
        first.locator("input[type=file]").set_input_files(film)
        shown(first.get_by_text(name))
    shown(
        first.get_by_role("alert").filter(
            has_text="This file doesn't fit: one tab has room for 1 MB of uploads."
        )
    )
    shown(first.get_by_text("kept by 1"))

    page.goto(url)
    shown(page.get_by_text("1 tabs of XRayLab are open, and the server has no room for one more."))
    assert page.locator("input[type=file]").count() == 0
    first.close()

    def freed():
        page.reload()
        settle(page)
        return page.get_by_text("kept by 0").count()

    eventually(freed)
