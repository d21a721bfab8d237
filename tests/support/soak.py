"""
A soak of one server: page views one after the other, each in a new tab, and uploads that are read.

The memory of the server is looked at after each tab, and after a tab with uploads once the server is at rest.
A part of the views and of the uploads come first and warm it up: they load screens and the model, fill
caches, and go on until the server holds as many closed tabs as it ever does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil

from tests.support.load import Measured, faults, film, server
from tests.support.visitors import Visitor

T = TypeVar("T")
PAGES = ("", "data", "train", "threshold", "compare", "read", "models")
PER_TAB = 50  # uploads of one tab, one film in place of the last
WARM_UP = 0.1  # share of views and of uploads, at least
REST = 1.0  # seconds without readings after which the server has given memory back


async def _view(address: str, numbers: Iterable[int], measured: Measured) -> AsyncIterator[None]:
    for number in numbers:
        with measured.noting(PAGES[number % len(PAGES)]):
            async with Visitor(address, PAGES[number % len(PAGES)]):
                pass
        yield


async def _upload(
    address: str, tabs: Iterable[Iterable[int]], data: bytes, measured: Measured
) -> AsyncIterator[None]:
    for numbers in tabs:
        with measured.noting("upload"):
            async with Visitor(address, "read") as visitor:
                for number in numbers:
                    # Bytes after a JPEG's end make it another file, and the decoder ignores them.
                    measured.readings.append(await visitor.read(f"{number}.jpg", data + number.to_bytes(4)))
        await asyncio.sleep(REST)
        yield


def soak(
    folder: Path, *, views: int, uploads: int, width: int, height: int, settle: float = 0.0
) -> tuple[Measured, int]:
    """Serve the app from an empty folder and use it up; return what happened, and the memory once warm.

    Parameters
    ----------
    width, height : int
        Pixels of the films.
    settle : float
        Seconds that views, and then uploads, go on at least before the server counts as warm.
    """
    measured, data = Measured(), film(1, width=width, height=height)
    pages, tabs = iter(range(views)), iter(in_tabs(range(uploads)))
    with server(folder) as (address, process):
        warm_pages = _until(settle, int(WARM_UP * views), pages)
        warm_tabs = _until(settle, -(-int(WARM_UP * uploads) // PER_TAB), tabs)
        asyncio.run(use(address, process, measured, warm_pages, warm_tabs, data))
        warm = measured.memory[-1]
        measured.memory.clear()
        asyncio.run(use(address, process, measured, pages, tabs, data))
    measured.errors += faults(folder)
    return measured, warm


def in_tabs(numbers: range) -> list[range]:
    """Divide uploads among tabs."""
    return [numbers[start : start + PER_TAB] for start in range(0, len(numbers), PER_TAB)]


def _until(seconds: float, least: int, numbers: Iterator[T]) -> Iterator[T]:
    """Take of numbers until so many are taken and the time since the first is over."""
    begun = None
    for taken, number in enumerate(numbers, 1):
        begun = begun or time.monotonic()
        yield number
        if taken >= least and time.monotonic() >= begun + seconds:
            return


async def use(
    address: str,
    process: psutil.Process,
    measured: Measured,
    views: Iterable[int],
    tabs: Iterable[Iterable[int]],
    data: bytes,
) -> None:
    """View pages, upload films in tabs, and note the memory after each tab."""
    async for _ in _view(address, views, measured):
        measured.look_at(process)
    async for _ in _upload(address, tabs, data, measured):
        measured.look_at(process)
