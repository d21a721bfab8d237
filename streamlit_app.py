"""Overview, and the entry of ``streamlit run``."""

from xraylab.app import shell, status
from xraylab.app.screens import overview

with shell.page(
    "overview",
    title="Overview",
    purpose="Films, a model, a threshold: where you are and what comes next.",
    status=status.now,
):
    overview.draw()
