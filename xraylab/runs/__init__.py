"""Runs: a queue of trainings, the worker that drains it, and what each run leaves behind."""
