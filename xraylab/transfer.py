"""
Transfer: copy a file of another machine into an open file, the only way in which XRayLab asks the network.

- only addresses whose scheme and host were named beforehand are asked, after a redirect too
- a file that is there in part is continued; what arrived whole is checked against its published hash
- the caller's progress function may raise to cancel
"""

import base64
import binascii
import hashlib
import http.client
import io
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import BinaryIO
from urllib.parse import urlsplit

OnProgress = Callable[[int, int], None]

_TIMEOUT = 15.0  # seconds without any data
_CHUNK = 1 << 18  # bytes
_AGAIN = 1 << 20  # bytes at the end of a partial file that are asked for again: a kill may have damaged them
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class Remote:
    """A file of another machine, and what may be asked and accepted to get it."""

    url: str
    origins: tuple[str, ...]  # scheme and host of each machine that may be asked, such as https://zenodo.org
    at_most: int  # bytes
    algorithm: str  # sha256 or md5
    digest: str | None  # how the hash begins, in hex; None if the server names it, as Google's storage does


class _TransferError(Exception):
    """What went wrong on the way, in words."""


def origin(url: str) -> str:
    """Return the scheme and host of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def receive(remote: Remote, file: BinaryIO, on_progress: OnProgress) -> str:
    """Copy a remote file into an open file, or the rest of it if the file holds its beginning.

    Parameters
    ----------
    file : BinaryIO
        Open for reading and writing. What turned out to be wrong is cut off, so that nothing goes on with it.
    on_progress : callable
        Called with the bytes done and the bytes in total (0 if the server doesn't say). It may raise to
        cancel; the file then holds the beginning.

    Returns
    -------
    str
        What went wrong, as the end of a sentence; an empty text if the file is whole.
    """
    try:
        with _answer(remote, max(0, file.seek(0, io.SEEK_END) - _AGAIN)) as response:
            digest = _published(remote, response)
            total = _continued(remote, response, file)
            _copy(remote, response, file, total, on_progress)
        _check(remote, digest, file)
    except _TransferError as fault:
        return str(fault)
    return ""


class _Named(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to a machine that was named."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote

    def redirect_request(
        self, req: urllib.request.Request, fp: object, code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        if origin(newurl) not in self.remote.origins:
            raise _TransferError(
                f"{req.host} leads to {origin(newurl)}, which isn't where this file is published"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _answer(remote: Remote, start: int) -> HTTPResponse:
    """Ask for a file from a byte on, or for all of it if it is shorter than that."""
    if origin(remote.url) not in remote.origins:
        raise ValueError(f"{remote.url} is of none of {remote.origins}")
    headers = {"User-Agent": "xraylab", **({"Range": f"bytes={start}-"} if start else {})}
    request = urllib.request.Request(remote.url, headers=headers)  # noqa: S310 - its origin was named
    opener = urllib.request.build_opener(_Named(remote))
    try:
        return opener.open(request, timeout=_TIMEOUT)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _NOT_SATISFIABLE and start:  # the partial file is of another file
            return _answer(remote, 0)
        raise _TransferError(f"{_host(error.url)} answered {error.code}") from None
    except (OSError, http.client.HTTPException):
        raise _TransferError(f"this machine has no connection to {_host(remote.url)}") from None


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def _published(remote: Remote, response: HTTPResponse) -> str:
    """Return how the hash of the file has to begin, in hex."""
    if remote.digest is not None:
        return remote.digest
    named = ",".join(response.headers.get_all("x-goog-hash", []))
    match = re.search(rf"\b{remote.algorithm}=([\w+/=]+)", named)
    try:
        return base64.b64decode(match[1], validate=True).hex() if match else _unknown(remote, response)
    except binascii.Error:
        return _unknown(remote, response)


def _unknown(remote: Remote, response: HTTPResponse) -> str:
    raise _TransferError(f"{_host(response.url)} doesn't say which {_title(remote)} the file has")


def _continued(remote: Remote, response: HTTPResponse, file: BinaryIO) -> int:
    """Cut a file to where an answer begins; return the bytes of the whole file, or 0 if they aren't known."""
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    partial = response.status == http.client.PARTIAL_CONTENT
    if partial and (match is None or int(match[1]) > file.seek(0, io.SEEK_END)):
        raise _TransferError(f"{_host(response.url)} answered with another part of the file")
    # A server that knows no ranges sends all of the file.
    start, total = (int(match[1]), int(match[2])) if partial and match else (0, _length(response))
    if total > remote.at_most:
        raise _TransferError(_too_large(remote))
    file.truncate(start)
    file.seek(start)
    return total


def _length(response: HTTPResponse) -> int:
    length = response.headers.get("Content-Length") or "0"
    return int(length) if length.isdecimal() else 0


def _too_large(remote: Remote) -> str:
    return f"the file is larger than the {remote.at_most:,} bytes that it may have"


def _copy(
    remote: Remote, response: HTTPResponse, file: BinaryIO, total: int, on_progress: OnProgress
) -> None:
    done = file.tell()
    on_progress(done, total)
    while chunk := _chunk(response):
        done += len(chunk)
        if done > remote.at_most:
            file.truncate(0)
            raise _TransferError(_too_large(remote))
        file.write(chunk)
        on_progress(done, total)
    if done < total:
        raise _TransferError("the connection broke off")


def _chunk(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException):
        raise _TransferError("the connection broke off") from None


def _check(remote: Remote, digest: str, file: BinaryIO) -> None:
    """Check a complete file against the hash that is published for it."""
    if not hash_of(file, remote.algorithm).startswith(digest):
        file.truncate(0)
        raise _TransferError(f"the file received has another {_title(remote)}")


def hash_of(file: BinaryIO, algorithm: str) -> str:
    """Return the hash of a whole open file, in hex."""
    file.seek(0)
    # MD5 is what publishers of datasets give: it shows damage on the way, and TLS shows who sent it.
    return hashlib.file_digest(
        file,  # type: ignore[arg-type]  # it is buffered
        lambda: hashlib.new(algorithm, usedforsecurity=False),
    ).hexdigest()


def _title(remote: Remote) -> str:
    return {"sha256": "SHA-256", "md5": "MD5"}[remote.algorithm]
