import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import xraylab

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SEVEN = ("torch", "torchvision", "streamlit", "grad-cam", "plotly", "pillow", "scikit-learn")


def pins(file: str) -> dict[str, str]:
    """Name and version of each ``name==version`` line; any other requirement is a fault."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text("utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("-")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in wanted), wanted
    split = (line.split("==") for line in wanted)
    return {canonicalize_name(name): version for name, version in split}


def tracked(*where: str) -> set[str]:
    try:
        done = subprocess.run(["git", "ls-files", *where], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a clone")
    return set(done.stdout.splitlines())


@pytest.fixture(scope="module")
def wheel_paths():
    """Where in the wheel each file of the clone would lie."""
    wheel = pytest.importorskip("hatchling.builders.wheel")
    builder = wheel.WheelBuilder(str(ROOT))
    builder.config.target_config  # noqa: B018 - read now, since a fault in pyproject.toml is raised here
    forced = builder.config.force_include
    with builder.config.set_build_data({"force_include": {}}):
        found = {
            Path(file.path).relative_to(ROOT).as_posix(): Path(file.distribution_path).as_posix()
            for file in (*builder.recurse_included_files(), *builder.recurse_forced_files(forced))
        }
    return found


def test_the_seven_main_packages_stand_first_in_the_requirements():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    first = [line for line in lines if not line.startswith("-")][:7]
    assert [line.partition("==")[0] for line in first] == list(SEVEN)
    assert all(re.fullmatch(r"[\w-]+==\d+(\.\d+)+", line) for line in first)


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_is_used_and_agrees_with_every_pin(file):
    assert "-c constraints.txt" in (ROOT / file).read_text("utf-8").splitlines()
    lock = pins("constraints.txt")
    assert {name: lock.get(name) for name in pins(file)} == pins(file)


def test_the_requirements_are_what_the_package_depends_on_and_lie_in_its_ranges():
    ranges = {canonicalize_name(r.name): r.specifier for r in map(Requirement, PROJECT["dependencies"])}
    pinned = pins("requirements.txt")
    assert ranges.keys() == pinned.keys()
    assert [name for name, version in pinned.items() if version not in ranges[name]] == []


def test_the_package_is_never_narrower_than_a_lower_bound():
    # A library that pins or caps can't live beside another one.
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert {clause.operator for clause in requirement.specifier} <= {">=", "!="}, str(requirement)


def test_every_file_of_the_package_travels_in_the_wheel(wheel_paths):
    missing = {path for path in tracked("xraylab") if wheel_paths.get(path) != path}
    assert missing == set()


def test_the_screens_travel_inside_the_package(wheel_paths):
    screens = tracked("streamlit_app.py", "pages", ".streamlit")
    assert {"streamlit_app.py", ".streamlit/config.toml"} < screens
    misplaced = {path for path in screens if wheel_paths.get(path) != f"xraylab/site/{path}"}
    assert misplaced == set()


def test_nothing_else_travels(wheel_paths):
    inside = {path.split("/")[0] for path in wheel_paths.values()}
    assert inside == {"xraylab"}


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+", xraylab.__version__)


def test_the_changelog_tells_of_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## [{xraylab.__version__}]" in changelog
