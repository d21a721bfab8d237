"""The page of evidence says what the stress scripts wrote, and nothing else."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from scripts import evidence
from tests.support.serving import ROOT

FOUND = {
    "name": "films",
    "tried": "damaged files",
    "counts": {"files": 5000, "longest_seconds": 2.7},
    "failures": [],
    "date": "2026-11-28",
    "command": "python .ci/stress/films.py 5000",
}


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "STORED", tmp_path / "evidence.json")
    monkeypatch.setattr(evidence, "PAGE", tmp_path / "evidence.md")
    return tmp_path


def keep(folder, **changes):
    file = folder / "new.json"
    file.write_text(json.dumps(FOUND | changes))
    evidence.main([str(file)])
    return (folder / "evidence.md").read_text("utf-8")


def test_a_result_becomes_a_row_with_its_command(stored):
    page = keep(stored)
    assert (
        "| damaged files | files 5,000, longest seconds 2.7 | none | 2026-11-28 "
        "| `python .ci/stress/films.py 5000` |" in page
    )


def test_a_newer_result_replaces_the_older_and_a_failure_is_told(stored):
    keep(stored)
    keep(stored, name="kills", tried="kills")
    page = keep(stored, failures=["file 7 crashed"], date="2026-11-30")
    assert page.count("damaged files") == page.count("kills |") - page.count("kills.py") == 1
    assert "| 1: file 7 crashed | 2026-11-30 |" in page


def test_a_file_that_no_stress_script_wrote_is_refused(stored):
    with pytest.raises(ValidationError):
        keep(stored, counts="many")
    assert not (stored / "evidence.json").exists()


def test_the_page_in_the_documentation_is_made_from_the_stored_results():
    results = evidence.keep([])
    assert evidence.PAGE.read_text("utf-8") == evidence.page(results)
    for result in results:
        script = result.command.split()[1]
        assert (ROOT / script).is_file()
        assert script == f".ci/stress/{result.name}.py"


def test_a_script_writes_what_the_page_reads(tmp_path):
    code = (
        "import sys; sys.path.insert(0, '.ci/stress'); sys.argv = ['films.py', '20', '--json', sys.argv[1]];"
        "from pathlib import Path; from conclusion import conclude;"
        "sys.exit(conclude('films', 'damaged files', {'files': 20}, ['one'], Path(sys.argv[3])))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "films.json"], cwd=ROOT, check=False)
    assert done.returncode == 1
    result = evidence.Result.model_validate_json((tmp_path / "films.json").read_bytes())
    assert (result.command, result.failures) == ("python .ci/stress/films.py 20", ["one"])
