"""
Run the benchmarks and write ``results.json``.

New rows replace those of the same name in the file. Each row says on which machine it ran.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.frame import NotEquivalentError, Result, Results, measure
from benchmarks.material import Material
from benchmarks.rows import ROWS

RESULTS = Path(__file__).parent / "results.json"


def main(arguments: list[str] | None = None) -> int:
    """Measure, write and print; return 1 if the two ways of a row don't do the same."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--films", type=int, default=128)
    parser.add_argument("--data", type=Path, help="labelled zip or folder of films; phantoms by default")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    chosen = [row for row in ROWS if row.name in options.only]
    with tempfile.TemporaryDirectory() as folder:
        material = Material(films=options.films, folder=Path(folder), data=options.data)
        try:
            results = list(measure(chosen, material, rounds=options.rounds, say=_say))
        except NotEquivalentError as error:
            _say(str(error))
            return 1
    write(options.out, results)
    for result in results:
        _say(result.model_dump_json())
    return 0


def write(file: Path, results: list[Result]) -> None:
    """Write results into a file, in the order of the rows; keep the other rows that it holds."""
    kept = {row.name: row for row in read(file).rows} if file.exists() else {}
    kept |= {result.name: result for result in results}
    ordered = tuple(kept[row.name] for row in ROWS if row.name in kept)
    file.write_text(Results(rows=ordered).model_dump_json(indent=2) + "\n", "utf-8")


def read(file: Path) -> Results:
    """Return the results in a file."""
    return Results.model_validate_json(file.read_bytes())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
