"""Teach a network on your films, in the background; close the page and it goes on."""

from xraylab.app import shell, status
from xraylab.app.screens import train

with shell.page(
    "train",
    title="Train",
    purpose="Teach a network on your films, in the background; close the page and it goes on.",
    status=status.now,
):
    train.draw()
