"""
Scripts that write pictures, figures and pages of the documentation: ``python -m scripts.NAME``.

The library never imports from here.
"""

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
