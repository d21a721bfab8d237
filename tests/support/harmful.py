"""A pytest plugin: decoders that do harm when a film asks for it, see ``bad_decoder``."""

import pytest

from tests.support import bad_decoder
from xraylab.imaging.apart import Decoders, pool
from xraylab.imaging.apart.process import Decoder, command


def _command(family):
    return [part if "__main__" not in part else bad_decoder.__file__ for part in command(family)]


def _made():
    return Decoders(lambda family: Decoder(_command(family)), 2)


@pytest.fixture(scope="module")
def shared():
    """Decoders that can be made to do harm, for all tests that don't look at how they start and end."""
    made = _made()
    yield made
    made.close()


@pytest.fixture
def worn(shared, monkeypatch):
    """Let the films of a test be decoded by the shared decoders that can be made to do harm."""
    monkeypatch.setattr(pool, "_decoders", shared)
    return shared


@pytest.fixture
def bad(monkeypatch):
    """Let the films of a test be decoded by new decoders that can be made to do harm."""
    made = _made()
    monkeypatch.setattr(pool, "_decoders", made)
    yield made
    made.close()
