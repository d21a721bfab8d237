"""A Streamlit server for tests, benchmarks and scripts."""

import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
LAUNCHER = """
import streamlit as st
from xraylab.app import serving, starting

starting.load_ahead = lambda: None  # the script reads no film; torch would keep the cores busy
app = st.App({script!r}, middleware=serving.middleware(), lifespan=serving.lifespan)
"""


@contextlib.contextmanager
def served(
    script: Path,
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Iterator[str]:
    """Serve a Streamlit script from its own working folder, behind the app's door, and yield the address.

    The server is stopped on leaving.
    """
    script = script if "st.App(" in script.read_text("utf-8") else _behind_the_door(script)
    port = port or free_port()
    settings = {
        "server.port": str(port),
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "server.fileWatcherType": "none",
        **(options or {}),
    }
    arguments = [text for name, value in settings.items() for text in (f"--{name}", value)]
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextlib.contextmanager
def served_app(folder: Path, *, home: Path | None = None, port: int | None = None) -> Iterator[str]:
    """Serve the app from a working folder, with a home of its own, and yield the address.

    Parameters
    ----------
    folder : Path
        Gets the log of the server.
    home : Path, optional
        By default a new one in the folder.
    port : int, optional
        By default a free one.
    """
    env = {"XRAYLAB_HOME": str(home or folder / "home")}
    with served(ROOT / "streamlit_app.py", folder, env=env, port=port) as address:
        yield address


def _behind_the_door(script: Path) -> Path:
    """Write a launcher beside a script, with the same door as the entry of the app."""
    launcher = script.with_name(f"serve_{script.stem}.py")
    launcher.write_text(LAUNCHER.format(script=str(script)), "utf-8")
    return launcher


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers, for as long as it works on it."""
    eventually(lambda: server.poll() is not None or _answers(url))
    if server.poll() is not None:
        raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False
