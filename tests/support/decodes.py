"""A pytest plugin that counts how often films are decoded."""

from collections import Counter

import pytest

from xraylab.imaging.apart import Decoders, protocol

PIXELS = (protocol.STANDARD, protocol.PICTURE, protocol.BOTH)  # what is wanted, other than a header


@pytest.fixture
def decodes(monkeypatch):
    """Return a counter of decodes: ``read`` counts DICOM files, ``opened`` the other formats."""
    counts = Counter()
    ask = Decoders.ask

    def counted(self, family, want, data):
        if want in PIXELS:
            counts["read" if family == protocol.DICOM else "opened"] += 1
        return ask(self, family, want, data)

    monkeypatch.setattr(Decoders, "ask", counted)
    return counts
