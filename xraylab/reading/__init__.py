"""
Film to score, decision and heatmap.

Heatmaps come with matplotlib, which nothing here draws with, and it keeps a list of the machine's fonts: in
the home too, as all that is written.
"""

import os

from xraylab.settings import load_settings

os.environ.setdefault("MPLCONFIGDIR", str(load_settings().cache / "matplotlib"))
