"""
Headers of every answer: what a browser may do with it.

- scripts: Streamlit's own files, the inline scripts that are named by their hash, and the components that
  Streamlit loads from a blob; nothing is evaluated from text
- nothing is fetched from another address, and no page of another address may frame the app or read from it
- only the hashed files of Streamlit's frontend are kept by a browser: pages and media may show films
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

_ALWAYS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
}
_KEPT_FILES = "/static/"  # their names carry a hash of their content
# Streamlit lets other origins read some of its answers; here nobody else has to.
_DROPPED = b"access-control-"


def script_hash(script: str) -> str:
    """Return the source of an inline script for the policy: its SHA-256 in base64."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def content_policy(origin: str, scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy of a page.

    Parameters
    ----------
    origin : str
        The origin that the page is served under.
    scripts : sequence of str
        Hashes of the inline scripts that may run, see `script_hash`.
    """
    # Not every browser counts a websocket of the same host as 'self'.
    websocket = origin.replace("http", "ws", 1)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {' '.join(scripts)}".rstrip(),
            "style-src 'self' 'unsafe-inline'",  # Streamlit writes its styles while it draws
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            f"connect-src 'self' {websocket}",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def protect(headers: Iterable[tuple[bytes, bytes]], path: str, policy: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with ours in place of those that would weaken them.

    Parameters
    ----------
    headers : iterable of (bytes, bytes)
        The answer's own headers, as ASGI passes them.
    path : str
        Path of the request.
    policy : str
        See `content_policy`.
    """
    ours = {**_ALWAYS, "content-security-policy": policy}
    if not path.startswith(_KEPT_FILES):
        ours["cache-control"] = "no-store"
    replaced = {name.encode() for name in ours}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in replaced and not name.lower().startswith(_DROPPED)
    ]
    return [*kept, *((name.encode(), value.encode()) for name, value in ours.items())]
