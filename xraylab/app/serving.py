"""
Serving: the door before the screens, for every way to start the app.

- ``streamlit run`` and ``xraylab app`` both import the entry script; its ``st.App`` takes its parts from here
- an address that other machines reach is rejected before anything is answered
- the browser is opened from here: Streamlit opens none for an ``st.App``
- the address is printed from here: Streamlit would add offers for programmers
"""

import asyncio
import contextlib
import re
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st
from starlette.middleware import Middleware

from xraylab.app import partial_runs, starting
from xraylab.app.sessions import Sessions
from xraylab.door.addresses import check_hosts, is_loopback
from xraylab.door.exposure import audience, check_exposure
from xraylab.door.guard import Guard
from xraylab.door.headers import script_hash
from xraylab.door.limits import Meter, Uploads
from xraylab.errors import XRayLabError
from xraylab.settings import load_settings

SCRIPTS = ("theme.js", "uploads.js")  # inline scripts of every page

_HERE = Path(__file__).parent
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_USAGE_ERROR = 2


class _Door:
    """The door of this process: which hosts it lets in; None until it stands."""

    hosts: tuple[str, ...] | None = None
    uploads = Uploads()
    sessions = Sessions(uploads)


def middleware() -> list[Middleware]:
    """Return the door for ``st.App``, or end the process with a sentence if the app would be exposed."""
    try:
        hosts = check_hosts(load_settings().allow_hosts)
        check_exposure(st.get_option("server.address"), hosts)
    except XRayLabError as error:
        _end(str(error))
    _Door.hosts = hosts
    guard = Middleware(Guard, hosts=hosts, scripts=_script_hashes())
    return [guard, Middleware(Meter, uploads=_Door.uploads)]


@contextlib.asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[dict[str, Any] | None]:
    """Print the address, open the browser there unless nobody wants one, and end closed sessions."""
    partial_runs.mend()
    address = _address()
    sys.stdout.write(f"XRayLab is open at {address} until you press Ctrl+C here.\n")
    sys.stdout.flush()
    if not st.get_option("server.headless"):
        _open(address)
    sweeping = asyncio.create_task(_Door.sessions.keep_sweeping())
    starting.load_ahead()
    yield None
    sweeping.cancel()


def audience_of_page() -> str | None:
    """Return the sentences about who else can open the app; None if only this machine can."""
    return audience(_Door.hosts or ())


def refusal_of_page() -> str | None:
    """Return the sentence about why the present page isn't drawn; None if it is."""
    if _Door.hosts is not None:
        return _Door.sessions.admit()
    # Without a browser there is nothing to guard.
    if "host" not in {name.lower() for name in st.context.headers}:
        return None
    return "This screen was started without its door. Start XRayLab with “streamlit run streamlit_app.py”."


def release_uploads(files: Iterable[str]) -> None:
    """Free uploads of the present session, given by their ids."""
    _Door.sessions.release(files)


def inline_scripts() -> Sequence[str]:
    """Return the text of the scripts that every page runs inline."""
    return [(_HERE / name).read_text("utf-8") for name in SCRIPTS]


def _script_hashes() -> list[str]:
    # Streamlit's page has a short script of its own, which changes with its version.
    page = Path(st.__file__).parent / "static" / "index.html"
    return [script_hash(text) for text in (*_INLINE.findall(page.read_text("utf-8")), *inline_scripts())]


def _open(address: str) -> None:
    # Some browsers return only when they are closed.
    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()


def _address() -> str:
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    address = st.get_option("server.address")
    name = "127.0.0.1" if address in (None, "0.0.0.0", "::") or is_loopback(address) else address  # noqa: S104
    return f"{scheme}://{name}:{st.get_option('server.port')}{_base_path()}"


def _base_path() -> str:
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _end(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(_USAGE_ERROR)
