"""
Measure how the code reads: ``python -m scripts.house [ROOM ...]``.

- the length of function bodies in lines, without the docstring: median and 90th percentile
- the longest file and the longest class, in lines
- comments per 100 statements in each room; a bare ``noqa`` or ``type: ignore`` is not counted

``tests/test_house.py`` holds the limits.
"""

import argparse
import ast
import io
import statistics
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "xraylab"
_DIRECTIVES = ("# noqa", "# type:", "# pragma:")


@dataclass(frozen=True)
class Room:
    """Measurements of some files."""

    bodies: tuple[int, ...]  # lines of each function's body
    files: dict[str, int]  # lines of each file
    classes: dict[str, int]  # lines of each class, without its docstring
    statements: int
    comments: int

    @property
    def median(self) -> float:
        """Median length of a function body, in lines."""
        return statistics.median(self.bodies or (0,))

    @property
    def ninetieth(self) -> float:
        """90th percentile of the length of a function body, in lines."""
        return statistics.quantiles(self.bodies, n=10)[-1] if len(self.bodies) > 1 else self.median

    @property
    def density(self) -> float:
        """Comments per 100 statements."""
        return 100 * self.comments / self.statements if self.statements else 0.0


def measure(files: list[Path]) -> Room:
    """Measure Python files together."""
    bodies: list[int] = []
    lines, classes = {}, {}
    statements = comments = 0
    for file in files:
        text = file.read_text("utf-8")
        tree, name = ast.parse(text), file.relative_to(PACKAGE.parent).as_posix()
        lines[name] = len(text.splitlines())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bodies.append(_body_lines(node))
            elif isinstance(node, ast.ClassDef):
                classes[f"{name}:{node.name}"] = _body_lines(node)
            statements += isinstance(node, ast.stmt) and not _is_docstring(node)
        comments += sum(1 for _ in _comments(text))
    return Room(tuple(bodies), lines, classes, statements, comments)


def rooms() -> dict[str, list[Path]]:
    """Return the Python files of each room, and of the package's own top level as ``xraylab``."""
    files: dict[str, list[Path]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).parts
        files.setdefault(parts[0] if len(parts) > 1 else "xraylab", []).append(file)
    return files


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """Count the lines from the first statement after the docstring to the last."""
    body = [statement for statement in node.body if not _is_docstring(statement)]
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _comments(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(_DIRECTIVES):
            yield token.string


def main() -> None:
    """Print a line for each room, then one for all of them."""
    parser = argparse.ArgumentParser(description="Measure how the code reads.")
    parser.add_argument("rooms", nargs="*", help="Names of rooms; all by default.")
    asked = parser.parse_args().rooms
    by_room = {name: files for name, files in rooms().items() if not asked or name in asked}
    for name, files in by_room.items():
        room = measure(files)
        print(
            f"{name:<12} bodies {room.median:4.1f} median {room.ninetieth:5.1f} p90, "
            f"comments {room.density:4.1f} of 100 statements"
        )
    whole = measure([file for files in by_room.values() for file in files])
    file, longest = max(whole.files.items(), key=lambda item: item[1])
    named, largest = max(whole.classes.items(), key=lambda item: item[1], default=("none", 0))
    print(f"all: bodies {whole.median:.1f} median, {whole.ninetieth:.1f} p90; comments {whole.density:.1f}")
    print(f"longest file {longest} lines ({file}); longest class {largest} lines ({named})")


if __name__ == "__main__":
    main()
