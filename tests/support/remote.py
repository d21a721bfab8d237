"""A server on this machine that stands for one that publishes files, with the faults that one may have."""

import base64
import contextlib
import hashlib
import http.server
import re
import threading

import pytest


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends the server's content; the first folder of the path says how."""

    def do_GET(self):
        way = self.path.split("/")[1]
        start = int(re.findall(r"\d+", self.headers.get("Range", "0"))[0])
        self.server.asked.append(start)
        if way == "missing":
            self.send_error(404)
        elif way == "elsewhere":
            self._redirect(self.server.elsewhere)
        elif way == "moved":
            self._redirect(self.path.replace("/moved", "/whole"))
        elif start >= len(self.server.content):
            self.send_error(416)
        else:
            self._send(way, 0 if way == "no-ranges" else start)

    def _redirect(self, place):
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, way, start):
        content = self.server.content
        body = (bytes(len(content)) if way == "wrong" else content)[start:]
        self.send_response(206 if start else 200)
        if start:
            first = start + (1 << 30) * (way == "other-part")
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if way != "unknown-length":
            self.send_header("Content-Length", str(len(body)))
        if way != "no-hash":
            digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
            self.send_header("x-goog-hash", "crc32c=AAAAAA==")
            self.send_header("x-goog-hash", f"md5={digest}")
        self.end_headers()
        half = way in ("cut", "slow")
        with contextlib.suppress(ConnectionError):  # a test has cancelled
            self.wfile.write(body[: len(body) // 2] if half else body)
        if way == "slow":
            self.wfile.flush()
            self.server.go_on.wait(30)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server whose ``content`` a test chooses; ``asked`` has the first byte of each request."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.asked, server.go_on = b"", [], threading.Event()
        server.elsewhere = "http://127.0.0.1:9/whole/file"
        server.origin = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()
