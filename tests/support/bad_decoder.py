"""
A decoder that does harm when a film asks for it: ``python bad_decoder.py FAMILY PATH...``.

It is the real one, with its real limits, but for what it does to a film with ``<harm:NAME>`` in its bytes. It
stands for a decoder that a hostile film has broken or taken over. No file can do this to the product, which
never starts this program.
"""

import re
import sys

if __name__ == "__main__":
    sys.path[:] = sys.argv[2:]

import ctypes
import json
import mmap
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import numpy as np

from xraylab.errors import UnreadableImageError
from xraylab.imaging.apart import protocol
from xraylab.imaging.decoding import serve

ANSWERS = 3  # the pipe to the caller: the first number that was free when the decoder started


def harmful(film: bytes, name: str) -> bytes:
    """Return a film that makes this decoder do harm; the real one reads it as any other film."""
    return film + f"<harm:{name}>".encode()


def crash() -> None:
    ctypes.string_at(0)


def hoard() -> None:
    held = []
    while True:
        held.append(np.empty(2**28, np.uint8))  # never written, so that no memory of the machine is used


def wait() -> None:
    time.sleep(60)


def spin() -> None:
    while True:
        pass


def send(data: bytes) -> None:
    os.write(ANSWERS, data)


def answer(text: bytes, pixels: int = serve.pixels.SIDE**2) -> None:
    """Send an answer with the right token and any JSON."""
    send(protocol.ANSWER.pack(token, len(text)) + text + bytes(pixels))


def changed(**values: object) -> bytes:
    """Return the JSON of a right answer in which some values were changed."""
    facts = {"format": "PNG", "width": 64, "height": 48, "bits": 8, "quant_sum": None, "synthetic": False}
    signs = {"colour": 0.0, "modality": None, "view": None, "body_part": None, "age": None}
    signs |= {"raw": False, "notes": []}
    hung = {"orientation": None, "size_mm": None, "at": None}
    parts = {"facts": facts, "signs": signs, "hung": hung}
    for name, value in values.items():
        part = next((part for part in parts.values() if name in part), parts)
        part[name] = value
    return json.dumps(parts | {"ends": False}).encode()


def attempts() -> None:
    """Try what a decoder must not be able to do, and say which of it worked."""
    tried = {
        "read a file": lambda: Path("/etc/passwd").read_bytes(),
        "write a file": lambda: Path("/tmp/xraylab-bad-decoder").write_bytes(b"x"),  # noqa: S108
        "list a folder": lambda: list(Path("/").iterdir()),
        "connect": socket.socket,
        "start a program": lambda: subprocess.run(["/bin/true"], check=False),
        "fork": os.fork,
        "start a thread": lambda: threading.Thread(target=print).start(),
        "run new code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
        "signal its caller": lambda: os.kill(os.getppid(), 0),
        "raise its limits": raise_limits,
    }
    raise UnreadableImageError(f"Worked: {', '.join(name for name, call in tried.items() if works(call))}.")


def raise_limits() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (2**40, 2**40))


def works(call) -> bool:
    try:
        call()
    except (OSError, RuntimeError, ValueError):
        return False
    return True


HARMS = {
    "crash": crash,
    "abort": os.abort,
    "exit": lambda: os._exit(0),
    "panic": lambda: 1 / 0,
    "hoard": hoard,
    "wait": wait,
    "nap": lambda: time.sleep(1.5),
    "spin": spin,
    "attempts": attempts,
    "noise": lambda: send(bytes(range(256)) * 300),
    "pickle": lambda: send(b"\x80\x04\x95" + bytes(4000)),
    "nothing": lambda: os.close(ANSWERS),
    "of another film": lambda: send(protocol.ANSWER.pack(bytes(8), 2) + b"{}"),
    "endless text": lambda: send(protocol.ANSWER.pack(token, 2**32 - 1)),
    "no JSON": lambda: answer(b"\xff{"),
    "a list": lambda: answer(b"[1]"),
    "unknown values": lambda: answer(changed(more=1)),
    "no signs": lambda: answer(changed(signs=None)),
    "a control character": lambda: answer(json.dumps({"ends": False, "why": "a\x1b[2J."}).encode(), 0),
    "a long sentence": lambda: answer(json.dumps({"ends": False, "why": "a" * 501}).encode(), 0),
    "an unknown format": lambda: answer(changed(format="<script>")),
    "a name as a view": lambda: answer(changed(view="Jane Doe")),
    "no number": lambda: answer(b'{"ends": false, "facts": NaN}'),
    "an infinite colour": lambda: answer(changed(colour=float("inf"))),
    "an age of 400": lambda: answer(changed(age=400.0)),
    "an oblique orientation": lambda: answer(changed(orientation="LA")),
    "a film of no height": lambda: answer(changed(size_mm=[0.0, 80.0])),
    "a film without an end": lambda: answer(changed(size_mm=[float("inf"), 80.0])),
    "a size that is text": lambda: answer(changed(width="64")),
    "an impossible picture": lambda: answer(changed(shape=[10**6, 10**6]), 0),
    "too much": lambda: answer(changed(), 2 * serve.pixels.SIDE**2),
}
token = b""  # of the request in hand
make = serve.make


def harm(want: bytes, data: bytes):
    if asked := re.search(rb"<harm:(.*?)>", data):
        HARMS[asked[1].decode()]()
    return make(want, data)


def next_request(requests):
    global token  # noqa: PLW0603 (the harms need it)
    request = read(requests)
    token = request[1] if request else b""
    return request


if __name__ == "__main__":
    protocol.SECONDS_CPU = 0.5  # a test needn't wait for the real 15
    read, serve._next, serve.make = serve._next, next_request, harm
    serve.serve(sys.argv[1])
