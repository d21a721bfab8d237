"""The Python in the guide and in the README is run from top to bottom, on phantoms."""

import doctest
import re
from pathlib import Path

import pytest

import xraylab
from tests.support.guides import console_blocks, python_blocks, write_unmarked
from xraylab.data import phantoms

ROOT = Path(__file__).parents[1]
FROM_PYTHON = ROOT / "docs" / "how-to" / "from-python.md"
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture
def reader(tmp_path, monkeypatch, package_models):
    """The folder of a reader of the guides, who has a few films and no home yet."""
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XRAYLAB_DEVICE", "cpu")
    monkeypatch.setenv("XRAYLAB_THREADS", "2")
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_unmarked(folder / "film.png", 4)
    write_unmarked(folder / "other.png", 0)
    return folder


def test_the_guide_to_python_runs_from_top_to_bottom(reader, capsys):
    phantoms.write(reader / "films", 60, seed=3)
    names = {}
    for number, block in enumerate(python_blocks(FROM_PYTHON), 1):
        exec(compile(block, f"{FROM_PYTHON.name}, block {number}", "exec"), names)  # noqa: S102
    assert names["reading"].decision == "negative"
    assert 0 <= names["heatmap"].min() <= names["heatmap"].max() <= 1
    assert (reader / "overlay.png").is_file()
    assert len(names["table"]) == 3
    assert names["dataset"].films == 60
    assert names["training"].model == "first"
    assert names["locked"].rule == "sensitivity:0.95"
    assert names["result"].test_openings == 1
    assert "<bytes> can't be read." in capsys.readouterr().out


def test_the_guide_to_python_shows_every_public_function():
    code = "\n".join(python_blocks(FROM_PYTHON))
    assert [name for name in xraylab.__all__ if name[0] != "_" and f"xraylab.{name}" not in code] == []


@pytest.mark.usefixtures("reader")
def test_the_console_in_the_readme_shows_what_is_printed():
    [block] = console_blocks(ROOT / "README.md")
    names = {}
    for example in doctest.DocTestParser().get_examples(block):
        if not example.want:
            exec(example.source, names)  # noqa: S102
            continue
        printed = f"{eval(example.source, names)!r}\n"  # noqa: S307
        assert NUMBER.sub("0", printed) == NUMBER.sub("0", example.want)
        # another processor may round the last digit of a score another way
        shown = [float(number) for number in NUMBER.findall(example.want)]
        assert [float(number) for number in NUMBER.findall(printed)] == pytest.approx(shown, abs=0.002)
