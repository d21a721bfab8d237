"""
Try an installed XRayLab from an empty folder: ``python .ci/try_wheel.py XRAYLAB FOLDER``.

The doctor finds no fault, the networks are listed, and the app serves a deep link to a page with its sidebar.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

SECONDS = 90
ROOT = Path(__file__).parents[1]


def main(xraylab: str, folder: Path) -> None:
    """Run the three commands, and stop what was started."""
    folder.mkdir()
    doctor = _json(xraylab, folder, "doctor")
    assert doctor["ok"], doctor
    networks = {network["name"]: network for network in _json(xraylab, folder, "networks")}
    assert {"mobilenet_v2", "small_cnn"} <= set(networks), networks
    assert networks["efficientnet_lite0"]["weights_here"], "a training would have to download weights"

    port = _free_port()
    app = subprocess.Popen(
        [xraylab, "app", "--port", str(port), "--no-browser"], cwd=folder, start_new_session=True
    )
    try:
        _wait_until_healthy(app, f"http://127.0.0.1:{port}/_stcore/health")
        _look_at_page(f"http://127.0.0.1:{port}/threshold")
    finally:
        _stop(app)
    assert list(folder.iterdir()) == [], "the app left files in the working folder"
    print(f"doctor well, {len(networks)} networks, the app serves its pages")


def _json(xraylab: str, folder: Path, command: str) -> Any:
    done = subprocess.run([xraylab, command, "--json"], cwd=folder, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(app: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert app.poll() is None, f"the app ended with code {app.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
                assert answer.read() == b"ok"
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{url} didn't answer within {SECONDS} s")


def _stop(app: subprocess.Popen[bytes]) -> None:
    """End the command and the server under it, and wait until both are gone."""
    os.killpg(app.pid, signal.SIGTERM)
    app.wait(20)
    deadline = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(app.pid, 0)  # asks only
            time.sleep(0.1)
        os.killpg(app.pid, signal.SIGKILL)
        raise TimeoutError("the server didn't stop when it was asked to")


def _look_at_page(url: str) -> None:
    sys.path.append(str(ROOT))  # for this process alone: the app under test must not find the clone
    from tests.support.chromium import chromium

    with chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        expect(page.get_by_role("heading", name="Threshold", exact=True)).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Not a medical device", exact=False).first).to_be_visible()
        expect(page.get_by_role("link", name="Overview")).to_be_visible()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
