"""Write ``docs/benchmarks.md`` from ``benchmarks/results.json``: ``python -m benchmarks.report``."""

from pathlib import Path

from benchmarks.frame import Environment, Result, Results

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

_LARGE = 100  # no decimals from here on
_HEAD = """# Benchmarks

Written by `python -m benchmarks.report` from `benchmarks/results.json`; don't edit.

`python -m benchmarks` runs the usual way and our way of each row in turns, in one process. It times a row
only after checking that both ways do the same. The ratio is the seconds of the usual way divided by those
of ours, as the median of the rounds: 2 means twice as fast. Networks have random weights, which doesn't
affect the timing. Films are teaching phantoms in files as large as a film's, unless others were given.

"""


def page(results: Results) -> str:
    """Return the whole page as Markdown."""
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
                f"- largest difference: {d.what}, {d.largest:.2g} (allowed {d.allowed:g})"
                for d in row.differences
            )
        )
    where = _environment(row.environment)
    if row.skipped:
        paragraphs.append(f"Not run: {row.skipped} ({where}).")
    else:
        paragraphs.append(f"{len(row.rounds)} rounds; {where}.")
    return "\n\n".join(paragraphs) + "\n"


def _environment(here: Environment) -> str:
    facts = [f"torch {here.torch}", f"Python {here.python}", f"{here.machine}, {here.threads} threads"]
    facts += [name for name, has in (("AVX512-BF16", here.bf16), ("AMX", here.amx)) if has]
    facts += [word for word in (here.gpu, here.films) if word]
    return ", ".join(facts)


def _number(value: float) -> str:
    """Write three significant digits, with a thin space between thousands."""
    return f"{float(f'{value:.3g}'):,.0f}".replace(",", "\u2009") if value >= _LARGE else f"{value:.3g}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(Results.model_validate_json(RESULTS.read_bytes())), "utf-8")


if __name__ == "__main__":
    main()
