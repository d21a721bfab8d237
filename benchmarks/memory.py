"""
Does reading films leak? ``python -m benchmarks.memory [--films 500]`` reads uploads one after another.

Each is read, scored and gets its heatmap, as on the Read screen, with a model that ships; printed is by how
much the resident memory grew after the first films, which pay for what is loaded once. Target: less than
50 MB.
"""

import argparse
import gc
import json
import sys

import psutil

from benchmarks.material import phantom_files
from xraylab.models import load_shipped
from xraylab.reading.heatmap import heatmaps, overlay_png
from xraylab.reading.loaded import load
from xraylab.reading.read import read_film
from xraylab.settings import load_settings

_WARM = 20
_MOST_MB = 50.0


def grown(films: int, model: str) -> float:
    """Megabytes of resident memory that reading so many films leaves behind."""
    loaded = load(load_shipped(load_settings(), model))
    raw, _ = phantom_files(10)
    process, before = psutil.Process(), 0
    for number in range(_WARM + films):
        if number == _WARM:
            gc.collect()
            before = process.memory_info().rss
        reading = read_film(loaded, raw[number % len(raw)] + bytes(number % 7), f"{number}.jpeg")
        if reading.pixels is not None:
            overlay_png(heatmaps(loaded, reading.pixels)[0].values)
    gc.collect()
    return (process.memory_info().rss - before) / 1e6


def main() -> None:
    """Read, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--model", default="mobilenet_v2")
    options = parser.parse_args()
    found = grown(options.films, options.model)
    told = {"films": options.films, "grown_mb": round(found, 1), "reached": found < _MOST_MB}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
