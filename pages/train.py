"""Train a network on films, in the background."""

from xraylab.app import shell, status
from xraylab.app.screens import train

with shell.page(
    "train",
    title="Train",
    purpose="Train a network on your films in the background, even while this page is closed.",
    status=status.now,
):
    train.draw()
