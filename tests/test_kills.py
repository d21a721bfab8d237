"""A sample of the kills of ``.ci/stress/kills.py``: nothing lost and nothing left after the next start."""

import json
import shutil

import pytest

from tests.support.waiting import exit_code

pytest_plugins = ["tests.support.averaged", "tests.support.forked"]


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_and_the_next_start_leaves_nothing_over(
    forks, averaged_home, phantom_folder, other_phantoms, tmp_path
):
    work = tmp_path / "work"
    shutil.copytree(averaged_home, work / "base")
    for name, films in (("films", phantom_folder), ("others", other_phantoms)):
        (work / name).symlink_to(films, target_is_directory=True)
    options = ["--share", "0.05", "--random", "3", "--seed", "3"]
    process = forks.start("tests.support.kills", str(work), *options, output=tmp_path / "result.json")
    assert exit_code(process) == 0
    tried = json.loads((tmp_path / "result.json").read_text())
    assert tried["failures"] == []
    assert set(tried["operations"]) >= {
        "import",
        "replace",
        "mend",
        "train",
        "lock",
        "ensemble",
        "keep",
        "delete",
        "rename",
        "discard",
        "undo",
        "backup",
    }
    assert min(tried["operations"].values()) > 3
    assert tried["points"] > 10
