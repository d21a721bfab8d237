"""What the server does: when it starts, when it draws its first page, and every hour."""

import contextlib
import threading
import time

from xraylab.actions.deleting import sweep_trash
from xraylab.actions.leftovers import sweep_at_start
from xraylab.errors import SettingsError, StorageError
from xraylab.settings import Settings, load_settings

_HOUR = 3600.0
_last = -_HOUR  # when the trash was swept

_PATIENCE = 10.0  # seconds after the start without a page before the model is loaded all the same
_first_page = threading.Event()


def sweep_once() -> None:
    """Remove what dead processes left in the home, once, and every hour what was deleted a day ago."""
    with contextlib.suppress(SettingsError):  # the page shows the sentence where it needs the settings
        settings = load_settings()
        sweep_at_start(settings)
        _sweep_trash(settings)


def _sweep_trash(settings: Settings) -> None:
    """Remove what was deleted more than a day ago, for a server that runs for weeks."""
    global _last  # noqa: PLW0603 - one per process, as its server is
    if time.monotonic() - _last < _HOUR:
        return
    _last = time.monotonic()
    with contextlib.suppress(StorageError, OSError):
        sweep_trash(settings)


def page_drawn() -> None:
    """Note that a page was drawn, so that what is slow can be loaded."""
    _first_page.set()


def load_ahead() -> None:
    """Load the model that reads films in the background, once the first page is drawn."""
    threading.Thread(target=_load_ahead, name="loading ahead", daemon=True).start()


def _load_ahead() -> None:
    # To load torch keeps the interpreter busy for a second, which the first page shouldn't wait for.
    _first_page.wait(_PATIENCE)
    with contextlib.suppress(SettingsError):
        from xraylab.app import loaded

        loaded.load_ahead(load_settings())
