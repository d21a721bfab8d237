"""A count of the decodes of films: a pytest plugin."""

from collections import Counter

import pytest

from xraylab.imaging import dicom, raster


@pytest.fixture
def decodes(monkeypatch):
    """How often a file was decoded: ``read`` for DICOM, ``opened`` for the other formats."""
    counts = Counter()

    def count_calls(module, name):
        original = getattr(module, name)

        def counted(*given):
            counts[name] += 1
            return original(*given)

        monkeypatch.setattr(module, name, counted)

    count_calls(dicom, "read")
    count_calls(raster, "opened")
    return counts
