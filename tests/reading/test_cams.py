"""Where matplotlib, which comes with pytorch-grad-cam, keeps its list of fonts."""

import os
import subprocess
import sys

from tests.support.serving import ROOT

LOADED = """
import os, sys
import xraylab.reading
print(os.environ.get("MPLCONFIGDIR"), "torch" in sys.modules)
import xraylab.reading.heatmap
print(os.environ.get("MPLCONFIGDIR"), "matplotlib" in sys.modules)
"""


def test_the_room_of_reading_reads_no_settings_and_heatmaps_keep_their_fonts_in_the_home(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=environment | {"XRAYLAB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    room, heatmaps = done.stdout.splitlines()
    assert room == "None False"
    assert heatmaps == f"{tmp_path / 'cache' / 'matplotlib'} True"
