"""
Workers forked from a process that has loaded torch already: real processes that start at once.

A test module loads the fixture with ``pytest_plugins = ["tests.support.forked"]``. This module is also the
process that forks. It answers on one thread, and forks before any network has run: a fork keeps one thread
only, so locks and thread pools of others would never be released.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a training loads, without ``reading.cams``: it chooses the folder of fonts by the home of the worker.
LOADED = ("xraylab.cli", "xraylab.runs.execute", "xraylab.reading.features", "pytorch_grad_cam")


class ForkedProcess:
    """A process with the part of the interface of ``subprocess.Popen`` that tests use."""

    def __init__(self, forks: "Forks", pid: int) -> None:
        self._forks, self.pid = forks, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._forks.ask(code_of=self.pid)
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = self._forks.ask(code_of=self.pid, wait=True)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Forks:
    """The process that forks, which is started when the first worker is."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(
        self, module: str, *arguments: str, env: Mapping[str, str] | None = None, output: Path | None = None
    ) -> ForkedProcess:
        """Run a module like ``python -m``, in the environment of this process.

        Parameters
        ----------
        env : mapping, optional
            Variables to add to the environment.
        output : Path, optional
            File for what the module writes to its standard output.
        """
        environment = dict(os.environ) | dict(env or {})
        file = None if output is None else str(output)
        pid = self.ask(module=module, arguments=arguments, env=environment, output=file)
        return ForkedProcess(self, pid)

    def ask(self, **order: Any) -> Any:
        if self._process is None:
            command = [sys.executable, "-m", "tests.support.forked"]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Return what starts workers with ``forks.start("xraylab.runs.worker", "--device", "cpu")``."""
    forks = Forks()
    yield forks
    forks.close()


def _fork(order: dict[str, Any], answers: int) -> int:
    """Fork, and run the module in the child; return the child's process id in the parent."""
    pid = os.fork()
    if pid:
        return pid
    os.close(answers)
    os.environ.clear()
    os.environ.update(order["env"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2 if order["output"] is None else os.open(order["output"], os.O_WRONLY | os.O_CREAT), 1)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor
    sys.modules.pop(order["module"], None)  # as after ``python -m``, it exists as __main__ only
    sys.argv = [order["module"], *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    sys.exit()


def _code_of(pid: int, *, wait: bool) -> int | None:
    """Return the exit code of a child, negative for a signal, or None if it still runs."""
    ended, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _serve() -> None:
    for module in LOADED:
        importlib.import_module(module)
    answers = os.dup(1)  # a number, without a buffer that each child would inherit
    for line in sys.stdin:
        order = json.loads(line)
        if "module" in order:
            answer = _fork(order, answers)
        else:
            answer = _code_of(order["code_of"], wait=order.get("wait", False))
        os.write(answers, f"{json.dumps(answer)}\n".encode())


if __name__ == "__main__":
    _serve()
