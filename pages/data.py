"""The films you have, who is on them, and how they were split."""

from xraylab.app import shell, status
from xraylab.app.screens import data

with shell.page(
    "data",
    title="Data",
    purpose="The films you have, who is on them, and how they were split.",
    status=status.now,
):
    data.draw()
