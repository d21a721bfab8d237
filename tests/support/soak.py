"""
A soak of one server: page views one after the other, each in a new tab, and uploads that are read.

The memory of the server is looked at after each tab. A tenth of the views and of the uploads come first and
warm it up: they load screens and the model, and fill caches.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from tests.support.load import Measured, faults, film, server
from tests.support.visitors import Visitor

PAGES = ("", "data", "train", "threshold", "compare", "read", "models")
PER_TAB = 50  # uploads of one tab, one film in place of the last
WARM_UP = 0.1  # share of views and of uploads


async def _view(address: str, numbers: range, measured: Measured) -> AsyncIterator[None]:
    for number in numbers:
        with measured.noting(PAGES[number % len(PAGES)]):
            async with Visitor(address, PAGES[number % len(PAGES)]):
                pass
        yield


async def _upload(address: str, numbers: range, data: bytes, measured: Measured) -> AsyncIterator[None]:
    for start in range(numbers.start, numbers.stop, PER_TAB):
        with measured.noting("upload"):
            async with Visitor(address, "read") as visitor:
                for number in range(start, min(start + PER_TAB, numbers.stop)):
                    # Bytes after a JPEG's end make it another file, and the decoder ignores them.
                    measured.readings.append(await visitor.read(f"{number}.jpg", data + number.to_bytes(4)))
        yield


def soak(folder: Path, *, views: int, uploads: int, width: int, height: int) -> tuple[Measured, int]:
    """Serve the app from an empty folder and use it up; return what happened, and the memory once warm.

    Parameters
    ----------
    width, height : int
        Pixels of the films.
    """
    measured, data = Measured(), film(1, width=width, height=height)
    with server(folder) as (address, process):
        warm_views, warm_uploads = int(WARM_UP * views), int(WARM_UP * uploads)
        asyncio.run(use(address, process, measured, range(warm_views), range(warm_uploads), data))
        warm = measured.memory[-1]
        measured.memory.clear()
        views_left, uploads_left = range(warm_views, views), range(warm_uploads, uploads)
        asyncio.run(use(address, process, measured, views_left, uploads_left, data))
    measured.errors += faults(folder)
    return measured, warm


async def use(
    address: str, process: psutil.Process, measured: Measured, views: range, uploads: range, data: bytes
) -> None:
    """View pages and upload films with these numbers, and note the memory after each tab."""
    async for _ in _view(address, views, measured):
        measured.look_at(process)
    async for _ in _upload(address, uploads, data, measured):
        measured.look_at(process)
