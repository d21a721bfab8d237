"""Example notebooks: committed without outputs, and run as a reader would run them."""

from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
SECONDS = 60  # for one cell, on a machine that does other work too


def test_there_is_an_example():
    assert [file.stem for file in NOTEBOOKS] == ["quick-start"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_committed_without_outputs(file):
    cells = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert [cell for cell in cells if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_from_top_to_bottom(file, tmp_path, monkeypatch):
    # The kernel is another process: the package, and a place for all that Jupyter and the notebook write.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for variable in ("TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "XRAYLAB_HOME"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("XRAYLAB_DEVICE", "cpu")
    # Other tests of this process set it, and a kernel that inherits it shows no figures.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(file, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    tables = [output for output in outputs if "text/html" in output.get("data", {})]
    assert len(pictures) == 2
    assert len(tables) >= 2
    assert list((tmp_path / "XRAYLAB_HOME").iterdir()) == []  # it writes to a home of its own
