"""
Mutants: small changes of the program, of which each should make a test fail.

- Cosmic Ray finds the places and makes the changes
- left out are those of annotations, which change nothing, and those that any call would notice: operators of
  bits on real numbers, ``is`` in place of ``==``, a missing decorator
- of a place's mutants one is drawn, so that an operator with many replacements doesn't count more than others
- a mutant is tried by the tests that run its line, up to ``MOST_SECONDS`` of them: those in the file of tests
  of its module first, then the quickest
- the tests run in a fork of this process, which has loaded the large libraries but nothing of ours
"""

import ast
import contextlib
import importlib
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[2]
LARGE = (
    "torch",
    "torchvision",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.ensemble",
    "mapie",
    "pytest",
)
MOST_SECONDS = 60.0  # of the tests of a mutant
_CRUDE = re.compile(
    r"RemoveDecorator|ReplaceBinaryOperator_.*_(Bit|LShift|RShift)|ReplaceComparisonOperator_(?!Is).*_Is"
)
PATIENCE = 60.0  # seconds more than four times what the tests take without a mutant
_MEASURE = """[run]
source = xraylab
parallel = true
dynamic_context = test_function
"""


@dataclass(frozen=True)
class Mutant:
    """A change at one place.

    Parameters
    ----------
    module : str
        File, relative to the checkout.
    line : int
        Counted from 1.
    """

    module: str
    line: int
    operator: str
    occurrence: int

    def code(self, text: str) -> str | None:
        """Return the changed text of the module; None if there is nothing to change."""
        return mutate_code(text, get_operator(self.operator)(), self.occurrence)

    def __str__(self) -> str:
        text = (ROOT / self.module).read_text("utf-8")
        changed = (self.code(text) or "").splitlines()
        lines = itertools.zip_longest(text.splitlines(), changed)
        now = next(((old, new) for old, new in lines if old != new), ("", ""))
        return f"{self.module}:{self.line}: {str(now[0]).strip()}  ->  {str(now[1] or '').strip()}"


def sample(modules: Iterable[str], number: int, seed: int, folder: Path) -> list[Mutant]:
    """Draw mutants, at most one at each place; the folder takes the list of all."""
    idle = {module: _annotations(ast.parse((ROOT / module).read_text("utf-8"))) for module in sorted(modules)}
    with use_db(folder / "mutants.sqlite", WorkDB.Mode.create) as database:
        init([ROOT / module for module in idle], database, {})
        specs = [spec for item in database.work_items for spec in item.mutations]
    places: dict[tuple[object, ...], list[Mutant]] = defaultdict(list)
    for spec in specs:
        module = str(spec.module_path.relative_to(ROOT))
        in_annotation = any(begin <= spec.start_pos < end for begin, end in idle[module])
        if not in_annotation and not _CRUDE.search(spec.operator_name):
            kind = spec.operator_name.split("_")[0]
            places[module, spec.start_pos, spec.end_pos, kind].append(_mutant(module, spec))
    rng = random.Random(seed)  # noqa: S311  # a sample, no secret
    chosen = rng.sample(sorted(places), min(number, len(places)))
    return [rng.choice(sorted(places[place], key=_order)) for place in chosen]


def _mutant(module: str, spec: MutationSpec) -> Mutant:
    return Mutant(module, spec.start_pos[0], spec.operator_name, spec.occurrence)


def _order(mutant: Mutant) -> tuple[str, int]:
    return mutant.operator, mutant.occurrence


def _annotations(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return begin and end of each annotation, as line and column."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.returns)
        if isinstance(node, ast.AnnAssign | ast.arg):
            found.append(node.annotation)
    given = [node for node in found if node is not None]
    return [((n.lineno, n.col_offset), (n.end_lineno or 0, n.end_col_offset or 0)) for n in given]


class Tests:
    """Which tests run which line, and how long each takes."""

    def __init__(self, folder: Path, tests: list[str]) -> None:
        """Run the tests once, and measure.

        Raises
        ------
        RuntimeError
            If one fails.
        """
        config, data, times = folder / "rc", folder / "data", folder / "times.xml"
        config.write_text(_MEASURE, "utf-8")
        coverage = [sys.executable, "-m", "coverage"]
        options = [f"--rcfile={config}", f"--data-file={data}"]
        pytest = ["-m", "pytest", "-q", "-n", "0", f"--junitxml={times}", *tests]
        if subprocess.run([*coverage, "run", *options, *pytest], cwd=ROOT, check=False).returncode:
            raise RuntimeError("a test fails without a mutant")
        subprocess.run([*coverage, "combine", *options, "--quiet", str(folder)], cwd=ROOT, check=True)
        self.seconds = _seconds(times)
        self._lines = _lines(data)

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests to try a mutant by, in the order in which they run."""
        lines = self._lines[mutant.module]
        # A line that ran while its module was imported belongs to no test, so all of the module's are asked.
        own = lines.get(mutant.line) or set().union(*lines.values())
        home = f"test_{Path(mutant.module).stem}.py"
        ordered = sorted(
            own & self.seconds.keys(),
            key=lambda test: (Path(test.partition("::")[0]).name != home, self.seconds[test]),
        )
        until = itertools.accumulate(self.seconds[test] for test in ordered)
        return [test for test, end in zip(ordered, until, strict=True) if end <= MOST_SECONDS]


def _seconds(times: Path) -> dict[str, float]:
    """Return the seconds of each test function, all its parameters together."""
    seconds: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(times).iter("testcase"):  # noqa: S314  # pytest wrote it just now
        name = case.attrib["name"].partition("[")[0]
        seconds[f"{case.attrib['classname'].replace('.', '/')}.py::{name}"] += float(case.attrib["time"])
    return seconds


def _lines(data: Path) -> dict[str, dict[int, set[str]]]:
    """Return for each module, by line, the tests that run it."""
    from coverage import CoverageData

    measured = CoverageData(str(data))
    measured.read()
    lines: dict[str, dict[int, set[str]]] = defaultdict(dict)
    for file in measured.measured_files():
        for line, contexts in measured.contexts_by_lineno(file).items():
            tests = {_test(context) for context in contexts if context}
            if tests:
                lines[str(Path(file).relative_to(ROOT))][line] = tests
    return lines


def _test(context: str) -> str:
    module, _, name = context.rpartition(".")
    return f"{module.replace('.', '/')}.py::{name}"


class Slot:
    """A copy of the checkout in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        for name in filter(None, listed.stdout.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
        compiled = [sys.executable, "-m", "compileall", "-q", str(folder / "xraylab")]
        subprocess.run(compiled, check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""})
        self.mutant: Mutant | None = None
        self._pid = self._until = 0.0

    def begin(self, mutant: Mutant, tests: list[str], seconds: float) -> None:
        """Put the mutant in place and start its tests."""
        self.mutant = mutant
        text = (ROOT / mutant.module).read_text("utf-8")
        file = self.folder / mutant.module
        file.write_text(mutant.code(text) or text, "utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            compiled.unlink()
        self._until = time.monotonic() + 4 * seconds + PATIENCE
        self._pid = os.fork()
        if not self._pid:
            _run(self.folder, tests)

    def killed(self) -> bool | None:
        """Return whether the mutant was killed; None as long as its tests run."""
        late = time.monotonic() > self._until
        if late:
            os.killpg(self._pid, signal.SIGKILL)
        pid, status = os.waitpid(self._pid, 0 if late else os.WNOHANG)
        if not pid:
            return None
        with contextlib.suppress(ProcessLookupError):  # what its tests started
            os.killpg(self._pid, signal.SIGKILL)
        shutil.copyfile(ROOT / self.mutant.module, self.folder / self.mutant.module)
        return status != 0


def _run(folder: Path, tests: list[str]) -> None:
    """Run tests in this fork, and end it with pytest's exit code."""
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        sys.path[:] = [str(folder), *(entry for entry in sys.path if Path(entry).resolve() != ROOT)]
        sys.dont_write_bytecode = True
        os.environ |= {"XRAYLAB_REFERENCE": str(ROOT.parent / "shared"), "XRAYLAB_THREADS": "1"}
        for name in [name for name in sys.modules if name.partition(".")[0] in {"tests", "xraylab"}]:
            del sys.modules[name]
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
            import pytest

            code = pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests])
    finally:
        os._exit(code)


def tried(mutants: list[Mutant], tests: Tests, folder: Path, workers: int) -> Iterator[tuple[Mutant, bool]]:
    """Try mutants, some at a time, and yield each with whether it was killed.

    Raises
    ------
    RuntimeError
        If a test fails in a fork without a mutant, so that every mutant would seem to be killed.
    """
    for name in LARGE:
        importlib.import_module(name)
    waiting = iter(mutants)
    free = [Slot(folder / str(number)) for number in range(workers)]
    _check_without(free[0], mutants[0], tests)
    busy: list[Slot] = []
    while True:
        while free and (mutant := next(waiting, None)):
            chosen = tests.of(mutant)
            if not chosen:  # no test runs this line
                yield mutant, False
                continue
            free[-1].begin(mutant, chosen, sum(tests.seconds[test] for test in chosen))
            busy.append(free.pop())
        if not busy:
            return
        for slot in list(busy):
            killed = slot.killed()
            if killed is not None:
                busy.remove(slot)
                free.append(slot)
                yield slot.mutant, killed
        time.sleep(0.05)


def _check_without(slot: Slot, mutant: Mutant, tests: Tests) -> None:
    unchanged = replace(mutant, occurrence=sys.maxsize)  # there is no such place
    chosen = tests.of(unchanged)
    slot.begin(unchanged, chosen, sum(tests.seconds[test] for test in chosen))
    while (killed := slot.killed()) is None:
        time.sleep(0.05)
    if killed:
        raise RuntimeError(f"a test fails without a mutant: {', '.join(chosen)}")
