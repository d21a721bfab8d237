"""How misses trade against false alarms."""

from xraylab.app import shell, status
from xraylab.app.screens import threshold

with shell.page(
    "threshold",
    title="Threshold",
    purpose="How misses trade against false alarms.",
    status=status.now,
):
    threshold.draw()
