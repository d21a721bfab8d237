"""Two or more models on the same films: how much they differ, and whether that is more than chance."""

from xraylab.app import shell, status
from xraylab.app.screens import compare

with shell.page(
    "compare",
    title="Compare",
    purpose="Two or more models on the same films: how far they differ, and whether by more than chance.",
    status=status.now,
):
    compare.draw()
