"""Models on the same films: how far they differ, and whether the films can tell."""

from xraylab.app import shell, status
from xraylab.app.screens import compare

with shell.page(
    "compare",
    title="Compare",
    purpose="Two models or more on the same films: how far they differ, and whether the films can tell.",
    status=status.now,
):
    compare.draw()
