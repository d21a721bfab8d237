"""What a developer meets first: the justfile, the dev container and the hooks of a commit."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.chores import just, recipes

ROOT = Path(__file__).parents[1]
CHORES = ("setup", "app", "test", "fast", "lint", "docs", "benchmarks", "screenshots")
CHORES += ("journeys", "house", "lock", "release")
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
DEVELOPMENT = (ROOT / "requirements-dev.txt").read_text("utf-8")


def files_named(command):
    """Return the words of a command that look like files of the project."""
    return [
        word for word in shlex.split(command) if re.fullmatch(r"[\w./-]+\.(?:txt|py|toml|yml|json)", word)
    ]


def test_the_justfile_has_every_chore_and_describes_it():
    assert recipes() == set(CHORES)
    listed = [line for line in just("--list").splitlines()[1:] if line.strip()]
    assert [line for line in listed if "#" not in line] == []


@pytest.mark.parametrize("name", CHORES)
def test_a_chore_names_modules_and_files_that_exist(name):
    commands = just("--dry-run", name).splitlines()
    assert commands
    for command in commands:
        assert [file for file in files_named(command) if not (ROOT / file).exists()] == []
        for module in re.findall(r"python -m ([\w.]+)", command):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_the_fast_tests_leave_out_markers_that_exist():
    pytest_options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    markers = {marker.partition(":")[0] for marker in pytest_options["ini_options"]["markers"]}
    left_out = re.findall(r"not (\w+)", just("--dry-run", "fast"))
    assert left_out == ["slow", "browser"]
    assert set(left_out) <= markers


def test_the_linter_of_the_justfile_is_that_of_ci():
    ci = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in just("--dry-run", "lint").splitlines() if line not in ci] == []


def test_arguments_reach_the_tests():
    assert just("--dry-run", "test", "-x", "tests/data").split() == ["pytest", "-x", "tests/data"]


def test_the_documentation_is_served_to_this_machine_only():
    assert "127.0.0.1:" in just("--dry-run", "docs")


def test_the_dev_container_installs_what_the_project_pins():
    command = CONTAINER["postCreateCommand"]
    assert "pip install -r requirements-dev.txt" in command
    assert "apt-get install -y --no-install-recommends chromium dicom3tools" in command
    assert [file for file in files_named(command) if not (ROOT / file).exists()] == []
    assert CONTAINER["forwardPorts"] == [8501]


def test_the_dev_container_has_a_python_that_ci_tests():
    (version,) = re.findall(r"python:([\d.]+)-bookworm", CONTAINER["image"])
    assert version in (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")


def test_every_hook_is_local_and_asks_nothing_of_another_host():
    assert {repository["repo"] for repository in HOOKS} == {"local"}
    assert {hook["language"] for repository in HOOKS for hook in repository["hooks"]} == {"system"}


def test_every_hook_runs_a_tool_of_the_development_requirements():
    tools = {"ruff": "ruff", "mypy": "mypy", "lint-imports": "import-linter"}
    started = {hook["entry"].split()[0] for repository in HOOKS for hook in repository["hooks"]}
    assert {tools[name] for name in started} <= set(re.findall(r"^[\w-]+", DEVELOPMENT, re.MULTILINE))


def test_the_configuration_of_the_hooks_is_valid():
    validate = [sys.executable, "-m", "pre_commit", "validate-config"]
    done = subprocess.run(validate, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
