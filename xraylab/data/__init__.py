"""Datasets on disk: sources, catalog, split and pixel store; and synthetic teaching films."""
