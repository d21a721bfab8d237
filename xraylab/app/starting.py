"""What the server does once, when it draws its first page."""

import contextlib

from xraylab.actions.leftovers import sweep_at_start
from xraylab.errors import SettingsError
from xraylab.settings import load_settings


def sweep_once() -> None:
    """Remove what dead processes left in the home; later calls of this process do nothing."""
    with contextlib.suppress(SettingsError):  # the page shows the sentence where it needs the settings
        sweep_at_start(load_settings())
