import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import xraylab
from scripts.release import write_sbom

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SHIPPED_FILES = ("card.json", "predictions.parquet", "lock.json")
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
        done = subprocess.run(
            ["git", "ls-files", *where], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a clone")
    return set(done.stdout.splitlines())


def wheel_of(root: Path, folder: Path) -> set[str]:
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, folder], cwd=root, check=True, capture_output=True)
    (wheel,) = folder.glob("xraylab-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def in_the_wheel(tmp_path_factory):
    """What the wheel holds, built as pip would build it."""
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_checklists_of_a_report_are_in_the_wheel(in_the_wheel):
    assert "xraylab/reports/checklists.json" in in_the_wheel


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


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_the_pinned_versions_and_hashes_of_everything(lock):
    blocks = re.split(r"^(?=\S)", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for block in blocks:
        name, version = re.match(r"([\w.-]+)==([\w.]+)", block).groups()
        found[name] = version
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), name
    pinned = pins(lock.replace(".lock", ".txt"))
    assert {name: found.get(name) for name in pinned} == pinned
    constraints = pins("constraints.txt")
    assert {name: constraints.get(name) for name in found} == found
    assert lock == "requirements.lock" or constraints == found


def test_the_bill_of_materials_has_every_locked_package(tmp_path):
    write_sbom(tmp_path / "sbom.json")
    components = json.loads((tmp_path / "sbom.json").read_text("utf-8"))["components"]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)
    assert sorted((part["name"], part["version"]) for part in components) == sorted(locked)
    hashes = [part["externalReferences"][0]["hashes"] for part in components]
    assert all(hashed[0]["alg"] == "SHA-256" for hashed in hashes)


def test_the_requirements_are_what_the_package_depends_on_and_lie_in_its_ranges():
    ranges = {canonicalize_name(r.name): r.specifier for r in map(Requirement, PROJECT["dependencies"])}
    pinned = pins("requirements.txt")
    assert ranges.keys() == pinned.keys()
    assert [name for name, version in pinned.items() if version not in ranges[name]] == []


def test_the_package_is_never_narrower_than_a_lower_bound():
    # A library that pins or caps can't live beside another one.
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert {clause.operator for clause in requirement.specifier} <= {">=", "!="}, str(requirement)


def test_every_file_of_the_package_travels_in_the_wheel(in_the_wheel):
    assert tracked("xraylab") - in_the_wheel == set()


def test_a_shipped_model_travels_whole(tmp_path):
    clone = tmp_path / "clone"
    for name in (".streamlit", "pages"):
        shutil.copytree(ROOT / name, clone / name)
    (clone / "xraylab").mkdir()
    (clone / "xraylab" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    for name in ("pyproject.toml", ".gitignore", "README.md", "LICENSE", "streamlit_app.py"):
        shutil.copyfile(ROOT / name, clone / name)
    files = [f"{model}/{name}" for model in ("cnn", "ensemble") for name in SHIPPED_FILES]
    files += ["cnn/model.safetensors", "cnn/novelty.safetensors", "cnn/history.jsonl"]
    files += ["ensemble/members.json", "golden.json"]
    expected = {f"xraylab/starter/{name}" for name in files}
    for name in expected:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes(b"{}")
    assert expected - wheel_of(clone, tmp_path) == set()


def test_the_screens_travel_inside_the_package(in_the_wheel):
    screens = tracked("streamlit_app.py", "pages", ".streamlit")
    assert {"streamlit_app.py", ".streamlit/config.toml", "pages/threshold.py"} <= screens
    assert {f"xraylab/site/{path}" for path in screens} - in_the_wheel == set()


def test_nothing_but_the_package_travels(in_the_wheel):
    metadata = f"xraylab-{xraylab.__version__}.dist-info"
    assert {path.partition("/")[0] for path in in_the_wheel} == {"xraylab", metadata}
    assert [path for path in in_the_wheel if "__pycache__" in path] == []


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+", xraylab.__version__)


def test_the_changelog_tells_of_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## [{xraylab.__version__}]" in changelog
