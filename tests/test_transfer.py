"""Transfers: a file of another machine arrives whole and as published, or it is said why not."""

import hashlib
import io
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from xraylab import transfer
from xraylab.transfer import Remote, receive

pytest_plugins = ["tests.support.remote"]

CONTENT = os.urandom(3_000_000)
AGAIN = 1 << 20
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture
def remote(server):
    server.content = CONTENT
    return lambda way, digest=MD5: Remote(
        f"{server.origin}/{way}/file", (server.origin,), len(CONTENT), "md5", digest
    )


def quietly(_done, _total):
    pass


def receive_after(remote, beginning):
    file = io.BytesIO(beginning)
    return receive(remote, file, quietly), file.getvalue()


@pytest.mark.parametrize(
    ("way", "there", "asked"),
    [
        ("whole", 0, [0]),
        ("whole", 2_000_000, [2_000_000 - AGAIN]),
        ("whole", AGAIN // 2, [0]),
        ("whole", len(CONTENT), [len(CONTENT) - AGAIN]),  # killed before the file had its name
        ("no-ranges", 2_000_000, [2_000_000 - AGAIN]),
        ("moved", 2_000_000, [2_000_000 - AGAIN] * 2),
        ("unknown-length", 0, [0]),
    ],
)
def test_a_file_is_received_from_where_it_ends(remote, server, way, there, asked):
    for digest in (MD5, None):
        server.asked.clear()
        assert receive_after(remote(way, digest), CONTENT[:there]) == ("", CONTENT)
        assert server.asked == asked


def test_what_is_longer_than_the_file_is_of_another_file_and_is_asked_for_anew(remote, server):
    assert receive_after(remote("whole"), bytes(5_000_000)) == ("", CONTENT)
    assert server.asked == [5_000_000 - AGAIN, 0]


def test_the_damaged_end_of_a_partial_file_is_received_again(remote):
    damaged = CONTENT[:1_500_000] + bytes(500_000)
    assert receive_after(remote("whole"), damaged) == ("", CONTENT)


@pytest.mark.parametrize(
    ("way", "there", "why", "left"),
    [
        ("missing", 2_000_000, "127.0.0.1 answered 404", 2_000_000),
        ("cut", 0, "the connection broke off", len(CONTENT) // 2),
        ("wrong", 0, "the file received has another MD5", 0),
        ("no-hash", 2_000_000, "127.0.0.1 doesn't say which MD5 the file has", 2_000_000),
        ("other-part", 2_000_000, "127.0.0.1 answered with another part of the file", 2_000_000),
    ],
)
def test_a_fault_is_said_and_only_what_may_be_right_stays(remote, way, there, why, left):
    digest = None if way == "no-hash" else MD5
    assert receive_after(remote(way, digest), CONTENT[:there]) == (why, CONTENT[:left])


def test_another_beginning_is_found_by_the_hash_and_never_continued(remote):
    assert receive_after(remote("whole"), bytes(2_000_000)) == ("the file received has another MD5", b"")


@pytest.mark.parametrize("way", ["whole", "unknown-length"])
def test_no_more_is_received_than_was_named(remote, way):
    why, left = receive_after(replace(remote(way), at_most=1_000_000), b"")
    assert (why, left) == ("the file is larger than the 1,000,000 bytes that it may have", b"")


@pytest.mark.parametrize(
    "place",
    ["http://127.0.0.1:9/file", "https://example.org/file", "//localhost/file", "ftp://127.0.0.1/file"],
)
def test_a_redirect_to_a_machine_that_was_not_named_is_not_followed(remote, server, place):
    server.elsewhere = place
    why, left = receive_after(remote("elsewhere"), b"")
    assert re.fullmatch(
        r"127.0.0.1:\d+ leads to \w+://[\w.:]+, which isn't where this file is published", why
    )
    assert left == b""


def test_a_redirect_to_a_named_machine_is_followed(remote, server):
    with_two = remote("elsewhere")
    server.elsewhere = with_two.url.replace("elsewhere", "whole").replace("127.0.0.1", "localhost")
    both = (server.origin, server.origin.replace("127.0.0.1", "localhost"))
    assert receive_after(replace(with_two, origins=both), b"") == ("", CONTENT)


def test_an_address_of_no_named_machine_is_never_asked(remote, server):
    with pytest.raises(ValueError, match="is of none of"):
        receive_after(replace(remote("whole"), origins=("https://example.org",)), b"")
    assert server.asked == []


def test_a_cancelled_transfer_keeps_the_beginning_and_goes_on(remote, server):
    def cancel(done, _total):
        if done > 2_000_000:
            raise KeyboardInterrupt

    file = io.BytesIO()
    with pytest.raises(KeyboardInterrupt):
        receive(remote("whole"), file, cancel)
    there = file.getvalue()
    assert 2_000_000 < len(there) < len(CONTENT)
    assert receive_after(remote("whole"), there) == ("", CONTENT)
    assert server.asked == [0, len(there) - AGAIN]


def test_without_a_connection_the_machine_is_named():
    nobody = Remote("http://127.0.0.1:9/file", ("http://127.0.0.1:9",), 1, "md5", MD5)
    assert receive_after(nobody, b"abc") == ("this machine has no connection to 127.0.0.1", b"abc")


def test_no_other_module_asks_the_network():
    sources = {file: file.read_text("utf-8") for file in Path(transfer.__file__).parent.rglob("*.py")}
    ask = re.compile(r"\b(urllib\.request|http\.client|urlopen|urlretrieve|import requests|httpx|aiohttp)\b")
    assert [file.name for file, text in sources.items() if ask.search(text)] == ["transfer.py"]
