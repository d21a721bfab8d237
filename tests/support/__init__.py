"""Helpers of several test modules: films, trained homes, a served app, and waits for other processes."""
