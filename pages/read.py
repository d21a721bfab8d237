"""Score a film, see the decision at the lock, and which regions raised the score."""

from xraylab.app import shell, status
from xraylab.app.screens import read

with shell.page(
    "read",
    title="Read",
    purpose="Score a film, see the decision at the lock, and which regions raised the score.",
    status=status.now,
):
    read.draw()
