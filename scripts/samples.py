"""
Draw the sample films of the app: ``python -m scripts.samples``.

They are in the repository because to draw one takes a library that a first screen shouldn't wait for.
"""

from pathlib import Path

from xraylab.app.samples import samples
from xraylab.data import phantoms
from xraylab.files import write_bytes

FOLDER = Path(__file__).parents[1] / "xraylab" / "app" / "sample_films"


def main() -> None:
    """Write a PNG for each sample film."""
    for number, sample in enumerate(samples(), 1):
        write_bytes(FOLDER / f"{number}.png", phantoms.png(sample.phantom))


if __name__ == "__main__":
    main()
