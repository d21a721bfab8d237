"""Score a film, see the decision at the lock, and where the score comes from."""

from xraylab.app import shell, status
from xraylab.app.screens import read

with shell.page(
    "read",
    title="Read",
    purpose="Score a film, see the decision at the lock, and where the score comes from.",
    status=status.now,
):
    read.draw()
