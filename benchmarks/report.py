"""Make ``docs/benchmarks.md`` of ``benchmarks/results.json``: ``python -m benchmarks.report``."""

from pathlib import Path

from benchmarks.frame import Environment, Result, Results

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

_LARGE = 100  # from here no decimals
_HEAD = """# Benchmarks

Made from `benchmarks/results.json` by `python -m benchmarks.report`; don't edit it by hand.

`python -m benchmarks` takes each row's usual way and ours in turns, in one process. A row is only timed
after both have been found to do the same. The ratio is the seconds of the usual way over those of ours, and
the median of the rounds is what counts: 2 means twice as fast. Networks have random weights, which change no
timing; films are teaching phantoms in files of a film's size, unless others were given.

"""


def page(results: Results) -> str:
    """The whole page, as Markdown."""
    lines = ["| row | ratio | lowest to highest | target | reached |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [_line(row) for row in results.rows]
    sections = [_section(row) for row in results.rows]
    return _HEAD + "\n".join(lines) + "\n\n" + "\n".join(sections)


def _line(row: Result) -> str:
    if row.median_ratio is None:
        return f"| {row.name} | – | – | {row.target:g} | not run: {row.skipped} |"
    span = f"{_number(min(row.rounds))} to {_number(max(row.rounds))}"
    reached = "yes" if row.reached else "no"
    return f"| {row.name} | {_number(row.median_ratio)} | {span} | {row.target:g} | {reached} |"


def _section(row: Result) -> str:
    paragraphs = [f"## {row.name}", row.compared]
    if row.differences:
        paragraphs.append(
            "\n".join(
                f"- apart at most: {d.what}, {d.largest:.2g} (allowed {d.allowed:g})" for d in row.differences
            )
        )
    where = _environment(row.environment)
    if row.skipped:
        paragraphs.append(f"Not run: {row.skipped} ({where}).")
    else:
        paragraphs.append(f"{len(row.rounds)} rounds; {where}.")
    return "\n\n".join(paragraphs) + "\n"


def _environment(of: Environment) -> str:
    said = [f"torch {of.torch}", f"Python {of.python}", f"{of.machine}, {of.threads} threads"]
    said += [name for name, has in (("AVX512-BF16", of.bf16), ("AMX", of.amx)) if has]
    said += [word for word in (of.gpu, of.films) if word]
    return ", ".join(said)


def _number(value: float) -> str:
    """Three digits, thousands apart."""
    return f"{float(f'{value:.3g}'):,.0f}".replace(",", "\u2009") if value >= _LARGE else f"{value:.3g}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(Results.model_validate_json(RESULTS.read_bytes())), "utf-8")


if __name__ == "__main__":
    main()
