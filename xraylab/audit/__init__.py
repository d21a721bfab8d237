"""
Audit: what a dataset hides, found before a model learns it.

- each check takes a catalog, pixels or labels and returns ``Found`` records
- nothing here changes a dataset, and no torch is loaded
"""
