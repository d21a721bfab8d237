"""A pytest plugin that counts how often films are decoded."""

from collections import Counter

import pytest

from xraylab.imaging import dicom, raster


@pytest.fixture
def decodes(monkeypatch):
    """Return a counter of decodes: ``read`` counts DICOM files, ``opened`` the other formats."""
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
