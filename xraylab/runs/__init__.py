"""Runs: a queue of trainings, the worker that works through it, and the files that each run leaves."""
