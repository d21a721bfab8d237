"""
A home with networks that were scored under the suite of perturbations: made once per run, copied for each
test.

``locked`` is also locked under the suite, ``scored`` is only scored, ``plain`` is neither. A test module
loads the fixtures with ``pytest_plugins = ["tests.support.perturbed"]``.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.brief import BRIEF, DATASET
from tests.support.workers import ONE_THREAD, made_once
from xraylab import actions
from xraylab.settings import Settings, load_settings
from xraylab.training.recipe import Stage

pytest_plugins = ["tests.support.trained"]

# Starts from a network that tells phantoms apart, so that these models do too, even under the suite.
_GENTLY = BRIEF.model_copy(
    update={"stages": (Stage(trains="all", epochs=2, learning_rate=1e-3),), "augmentation": 0.0}
)
_MODELS: dict[str, dict[str, Any]] = {
    "locked": {"rule": "youden@suite", "leave_out": ("jpeg", "blur")},
    "scored": {"suite": True, "seed": 1},
    "plain": {},
}


@pytest.fixture(scope="session")
def perturbed_home(
    tmp_path_factory: pytest.TempPathFactory, imported_home: Path, package_models: Path
) -> Path:
    def make(home: Path) -> None:
        shutil.copytree(imported_home, home)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XRAYLAB_THREADS", ONE_THREAD)
            patch.setenv("XRAYLAB_DEVICE", "cpu")
            settings = load_settings(home=home)
            for name, changes in _MODELS.items():
                request = actions.request_training(
                    settings,
                    dataset=DATASET,
                    arch="small_cnn",
                    recipe="scratch",
                    weights=str(package_models / "phantom" / "model.safetensors"),
                    name=name,
                )
                recipe = _GENTLY.model_copy(update=changes)
                actions.train(settings, request.model_copy(update={"recipe": recipe}))

    return made_once(tmp_path_factory, "perturbed", make)


@pytest.fixture
def perturbed(copied: Callable[[Path], Settings], perturbed_home: Path) -> Settings:
    """Return the settings of a copy of that home, which the test may change."""
    return copied(perturbed_home)
