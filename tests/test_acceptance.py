"""The real radiographs, from the archive to the numbers on held-out patients."""

import pytest

from xraylab.settings import load_settings

pytestmark = [pytest.mark.acceptance, pytest.mark.slow, pytest.mark.real_data]


def test_the_quick_recipe_tells_pneumonia_on_held_out_patients(run, reference, tmp_path, monkeypatch):
    archive = reference / "data" / "kermany224-train.zip"
    weights = reference / "weights" / "mobilenet_v2-imagenet.safetensors"
    for file in (archive, weights):
        if not file.is_file():
            pytest.skip(f"needs {file}")
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XRAYLAB_DEVICE", "cpu")
    settings = load_settings()
    settings.weights.mkdir(parents=True)
    (settings.weights / weights.name).symlink_to(weights.resolve())

    imported = run("import", archive, "--name", "kermany")
    assert (imported["n"], imported["patients"]) == (5216, 3654)
    trained = run(
        "train", "--dataset", "kermany", "--arch", "mobilenet_v2", "--recipe", "quick", "--run", "quick"
    )
    assert trained["val"]["auc"] > 0.98
    tested = run("evaluate", "--model", "quick", "--data", "kermany")
    assert tested["auc"] >= 0.985
    assert tested["test_openings"] == 1
    assert not tested["lock_after_opening"]
