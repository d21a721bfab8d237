"""
A server in a network of its own, with each of its network calls recorded: what it asks of the outside.

- the network has only the loopback, so binding to every address exposes nothing
- ``strace`` records each address that the server or a child of it connects or sends to
- run as a program, this file is the part inside that network
"""

import fcntl
import http.client
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

ROOT = Path(__file__).parents[2]
PORT = 8501
_ADDRESS = re.compile(r'inet_addr\("([\d.]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_UP, _GET_FLAGS, _SET_FLAGS = 0x1, 0x8913, 0x8914  # of Linux's ioctl for network devices
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@dataclass(frozen=True)
class Enclosed:
    """What a server did in a network of its own."""

    answers: list[int]  # the status of each request
    titles: list[str]  # what each screen that was drawn starts with
    code: int | None  # exit code, if the server ended by itself
    output: str
    outside: list[str]  # lines of the record that name an address beyond this machine, or a name server


def served_enclosed(
    folder: Path,
    command: list[str],
    requests: list[tuple[str, dict[str, str]]],
    env: Mapping[str, str],
    screens: list[str] | None = None,
) -> Enclosed:
    """Start a server in a network of its own, send it requests, stop it, and return what it did.

    Parameters
    ----------
    folder : Path
        Working folder, home and place of the record.
    command : list of str
        The command that serves at port 8501.
    requests : list of (str, dict)
        Path and headers of each request; a header "Upgrade" makes it a websocket.
    env : mapping
        Variables to add.
    screens : list of str, optional
        Screens to draw, by their addresses.
    """
    if not shutil.which("strace") or not shutil.which("unshare"):
        if os.environ.get("CI"):
            pytest.fail("strace and unshare are missing: .ci/run installs them")
        pytest.skip("strace and unshare aren't installed")
    record, output = folder / "strace.txt", folder / "output.txt"
    inside = json.dumps(
        {
            "command": command,
            "requests": requests,
            "record": str(record),
            "output": str(output),
            "screens": screens or [],
        }
    )
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "tests.support.enclosed"],
        input=inside,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )
    outcome = json.loads(done.stdout)
    outside = _outside(record.read_text("utf-8"))
    return Enclosed(output=output.read_text("utf-8"), outside=outside, **outcome)


def websocket(origin: str, **headers: str) -> tuple[str, dict[str, str]]:
    """Return the request of a page of an origin for a websocket."""
    return "/_stcore/stream", {**_HANDSHAKE, "Origin": origin, **headers}


def _outside(record: str) -> list[str]:
    lines = []
    for line in record.splitlines():
        addresses = ["".join(match) for match in _ADDRESS.findall(line)]
        beyond = any(not address.startswith(_LOOPBACK) for address in addresses)
        if beyond or (addresses and "htons(53)" in line):
            lines.append(line)
    return lines


def _inside(
    command: list[str],
    requests: list[tuple[str, dict[str, str]]],
    record: str,
    output: str,
    screens: list[str],
) -> None:
    _raise_loopback()
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    with Path(output).open("wb") as written:
        server = subprocess.Popen(
            ["strace", "-D", "-f", "-q", "--seccomp-bpf", "-e", calls, "-o", record, *command],
            cwd=Path(output).parent,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    while server.poll() is None and not _healthy():
        time.sleep(0.1)
    answers = [] if server.poll() is not None else [_status(*request) for request in requests]
    titles = [_title(screen) for screen in screens]
    code = server.poll()
    if code is None:
        server.terminate()  # with -D the recorder is a grandchild, so this ends the server itself
        server.wait(60)
    last = re.compile(rf"^{server.pid} +\+\+\+ ", re.MULTILINE)  # short numbers of processes are padded
    while not last.search(Path(record).read_text("utf-8")):  # the recorder writes its last lines
        time.sleep(0.05)
    sys.stdout.write(json.dumps({"answers": answers, "titles": titles, "code": code}))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        name = b"lo".ljust(16, b"\0")
        (flags,) = struct.unpack("16xh", fcntl.ioctl(device, _GET_FLAGS, name + b"\0\0")[:18])
        fcntl.ioctl(device, _SET_FLAGS, struct.pack("16sh", name, flags | _UP))


def _healthy() -> bool:
    try:
        return _status("/_stcore/health", {}) < http.client.INTERNAL_SERVER_ERROR
    except OSError:
        return False


def _title(screen: str) -> str:
    """Run the script of a screen, as a browser does, and return its title once it has ended."""
    origin, title = f"http://127.0.0.1:{PORT}", ""
    with connect(f"{origin.replace('http', 'ws')}/_stcore/stream", origin=origin, max_size=None) as browser:
        request = BackMsg()
        request.rerun_script.page_name = screen
        browser.send(request.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(browser.recv(timeout=120))
            title = title or message.delta.new_element.heading.body
            if message.WhichOneof("type") == "script_finished":
                return title


def _status(path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        connection.putrequest("GET", path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    _inside(**json.loads(sys.stdin.read()))
