"""Data: sources, catalog, split, pixel store, and teaching phantoms."""
