"""Each model: its purpose, how it was made, and how good it is."""

from xraylab.app import shell, status
from xraylab.app.screens import models

with shell.page(
    "models",
    title="Models",
    purpose="Each model: its purpose, how it was made, and how good it is.",
    status=status.now,
):
    models.draw()
