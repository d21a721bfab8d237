"""
Open screens one after another in this process, and report the modules that are loaded after each.

``python -m tests.support.light_screens SCENES`` reads a JSON list of scenes and prints a JSON list with one
result per scene. The modules add up, so the first scene that loads something slow is the one to look at. One
process opens all of them because to load Streamlit takes seconds.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support.serving import ROOT

SLOW = ("torch", "scipy", "sklearn", "mapie", "reportlab")


@dataclass(frozen=True)
class Scene:
    """A screen to open, in a home and with shipped models of its own."""

    name: str
    screen: str  # the path of its file in the repository
    home: str
    starter: str | None = None  # folder of shipped models
    state: dict[str, Any] = field(default_factory=dict)  # set in the session before the screen runs


@dataclass(frozen=True)
class Opened:
    """What a scene showed, and which of ``SLOW`` were loaded by then."""

    title: list[str]
    errors: list[str]
    exceptions: list[str]
    buttons: list[str]
    html: str
    loaded: list[str]


def open_all(scenes: list[Scene]) -> dict[str, Opened]:
    """Open the scenes in a new process and return what each showed, by its name."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.light_screens",
            json.dumps([asdict(scene) for scene in scenes]),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout.splitlines()[-1])
    return {scene.name: Opened(**result) for scene, result in zip(scenes, results, strict=True)}


def opened(scene: Scene) -> Opened:
    """Open one scene in this process."""
    from streamlit.testing.v1 import AppTest

    import xraylab.settings

    os.environ["XRAYLAB_HOME"] = scene.home
    # A home without shipped models looks into a folder that doesn't exist, as in every other test.
    xraylab.settings.STARTER = Path(scene.starter or ROOT / "tests" / "nothing")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    for key, value in scene.state.items():
        app.session_state[key] = value
    if scene.screen != "streamlit_app.py":
        app = app.switch_page(scene.screen)
    app = app.run()
    return Opened(
        title=[title.value for title in app.title],
        errors=[error.value for error in app.error],
        exceptions=[exception.value for exception in app.exception],
        buttons=[button.label for button in app.button],
        html=" ".join(part.proto.body for part in app.get("html")),
        loaded=[name for name in SLOW if name in sys.modules],
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps([asdict(opened(Scene(**scene))) for scene in json.loads(sys.argv[1])]) + "\n")
