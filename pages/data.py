"""The films, their patients, and how they are split."""

from xraylab.app import shell, status
from xraylab.app.screens import data

with shell.page(
    "data",
    title="Data",
    purpose="Your films, their patients, and how they are split.",
    status=status.now,
):
    data.draw()
