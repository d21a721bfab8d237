"""
Load on one server: readers who read a film per minute each, draggers who release the threshold every 3 s.

- all of them are visitors without a browser (``visitors``); one real Chromium measures what a person sees
- in the first minute all readers upload at once, so that they queue; later they are spread over the minute
- the server, the visitors and Chromium share the machine's cores
"""

import asyncio
import contextlib
import io
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import FilePayload, Page

from tests.support.chromium import chromium
from tests.support.serving import served_app
from tests.support.visitors import Visitor
from xraylab.data.phantoms import phantom

MINUTE = 60.0  # seconds between two films of a reader
EVERY = 3.0  # seconds between two releases of a dragger
WIDTH, HEIGHT = 2048, 2496  # pixels of a film
PATIENCE = 60_000  # milliseconds
_LOCK = ".st-key-lock button"  # names the cut that was released last
_CHANGED = "([button, before]) => document.querySelector(button)?.innerText !== before"
_GRAIN = 6  # grey values of noise: no two films have the same bytes, and JPEG can't make them small


@dataclass
class Measured:
    """What happened; times in seconds."""

    drags: list[float] = field(default_factory=list)
    readings: list[float] = field(default_factory=list)
    seen_drags: list[float] = field(default_factory=list)  # in Chromium
    seen_readings: list[float] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)  # bytes of the server
    decoders: list[int] = field(default_factory=list)  # bytes of the processes that it started

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Note an error and go on."""
        try:
            yield
        except Exception as error:
            self.errors.append(f"{what}: {type(error).__name__}: {error}")

    def look_at(self, server: psutil.Process) -> None:
        """Note the memory of the server and of its decoders."""
        self.memory.append(server.memory_info().rss)
        self.decoders.append(sum(child.memory_info().rss for child in server.children(recursive=True)))


def film(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return a teaching phantom as a JPEG of the size of a radiograph."""
    small = Image.fromarray(phantom(seed, 1, seed=31).pixels)
    large = small.resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed).integers(-_GRAIN, _GRAIN, (height, width), np.int16, endpoint=True)
    grey = (np.asarray(large, np.int16) + grain).clip(0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(grey).save(data, "JPEG", quality=90)
    return data.getvalue()


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the app with a home of its own; yield its address and its process."""
    with served_app(folder) as address:
        yield address, process_at(address)


def process_at(address: str) -> psutil.Process:
    """Return the process that serves an address; this process must have started it."""
    port = address.rpartition(":")[2]
    [process] = [child for child in psutil.Process().children() if port in child.cmdline()]
    return process


def faults(folder: Path) -> list[str]:
    """Return the lines of the server's logs that report an error of ours."""
    logs = [*folder.glob("server-*.log"), *folder.glob("home/logs/*.log")]
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    return [line for line in lines if "Traceback" in line or "ERROR" in line]


async def _drag(visitor: Visitor, measured: Measured, until: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    await asyncio.sleep(rng.uniform(0, min(EVERY, until - time.monotonic())))
    while True:
        began = time.monotonic()
        measured.drags.append(await visitor.move_threshold(round(rng.uniform(0.05, 0.95), 3)))
        await asyncio.sleep(max(0.0, began + EVERY - time.monotonic()))
        if time.monotonic() >= until:
            return


async def _read(
    visitor: Visitor, measured: Measured, until: float, films: Iterable[tuple[float, bytes]]
) -> None:
    """Read films, each at its time."""
    for number, (due, data) in enumerate(films):
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() >= until:
            return
        measured.readings.append(await visitor.read(f"film-{number}.jpg", data))
        measured.places |= visitor.places


async def _watch(measured: Measured, process: psutil.Process, until: float) -> None:
    while time.monotonic() < until:
        measured.look_at(process)
        await asyncio.sleep(1)


async def visit(
    address: str,
    process: psutil.Process,
    measured: Measured,
    seconds: float,
    films: list[list[bytes]],
    drags: int,
) -> None:
    """Let all visitors in, and begin once each has its page.

    Parameters
    ----------
    films : list of lists of bytes
        The films of each reader, one per minute.
    drags : int
        Number of draggers.
    """
    async with contextlib.AsyncExitStack() as tabs:

        async def opened(page: str) -> Visitor:
            return await tabs.enter_async_context(Visitor(address, page))

        readers = await asyncio.gather(*(opened("read") for _ in films))
        draggers = await asyncio.gather(*(opened("threshold") for _ in range(drags)))
        begun = time.monotonic()
        until = begun + seconds
        works = [_drag(dragger, measured, until, seed) for seed, dragger in enumerate(draggers)]
        for place, (reader, own) in enumerate(zip(readers, films, strict=True)):
            later = place / len(films)
            due = [begun + MINUTE * (minute + (later if minute else 0)) for minute in range(len(own))]
            works.append(_read(reader, measured, until, zip(due, own, strict=True)))
        await asyncio.gather(_watch(measured, process, until), *(_noted(work, measured) for work in works))


async def _noted(work: Coroutine[None, None, None], measured: Measured) -> None:
    with measured.noting("visitor"):
        await work


async def _warm_up(address: str) -> None:
    """Have the model loaded, which no reader should wait for."""
    async with Visitor(address, "read") as visitor:
        await visitor.read("first.jpg", film(99))


def _look(address: str, measured: Measured, seconds: float) -> None:
    """Drag and read in a real Chromium, and measure until a person sees the answer."""
    until, data = time.monotonic() + seconds, film(98)
    with measured.noting("browser"), chromium() as browser:
        page = browser.new_page(viewport={"width": 1360, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/threshold")
        page.locator(".cockpit .value").first.wait_for()
        place, read_at = 0.3, time.monotonic()
        while time.monotonic() < until:
            began = time.monotonic()
            measured.seen_drags.append(_see_drag(page, place := 0.9 - place))
            if time.monotonic() > read_at:
                read_at += MINUTE
                tab = browser.new_page()
                measured.seen_readings.append(_see_reading(tab, address, data))
                tab.close()
            page.wait_for_timeout(1000 * max(0.1, began + EVERY - time.monotonic()))


def _see_drag(page: Page, share: float) -> float:
    box = page.locator(".cockpit .plot").bounding_box()
    if box is None:
        raise RuntimeError("the cockpit isn't shown")
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * (1 - share), middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, middle)
    before = page.locator(_LOCK).first.inner_text()
    page.mouse.up()
    began = time.monotonic()
    page.wait_for_function(_CHANGED, arg=[_LOCK, before])
    return time.monotonic() - began


def _see_reading(page: Page, address: str, data: bytes) -> float:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/read")
    page.locator("input[type=file]").wait_for(state="attached")
    began = time.monotonic()
    upload = FilePayload(name="seen.jpg", mimeType="image/jpeg", buffer=data)
    page.locator("input[type=file]").set_input_files([upload])
    page.locator(".overlay img").first.wait_for(state="attached")
    page.locator(".xl-decision").wait_for()
    return time.monotonic() - began


def put_load_on(
    folder: Path, *, seconds: float, readers: int = 8, draggers: int = 12, browser: bool = True
) -> Measured:
    """Serve the app from an empty folder and put load on it.

    Parameters
    ----------
    seconds : float
        Duration of the load.
    browser : bool
        Whether a Chromium measures too.
    """
    measured = Measured()
    minutes = int(-(-seconds // MINUTE))
    films = [[film(100 * reader + minute) for minute in range(minutes)] for reader in range(readers)]
    with server(folder) as (address, process):
        person = threading.Thread(target=_look, args=(address, measured, seconds))
        asyncio.run(_warm_up(address))
        if browser:
            person.start()
        asyncio.run(visit(address, process, measured, seconds, films, draggers))
        if browser:
            person.join()
    measured.errors += faults(folder)
    return measured
