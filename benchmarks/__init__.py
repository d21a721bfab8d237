"""
Benchmarks: how much faster our ways are than the usual ones, on one machine in one process.

- ``python -m benchmarks`` runs every row and writes ``results.json``; ``python -m benchmarks.report`` writes
  ``docs/benchmarks.md`` from it
- a row is timed only after a check that its two ways do the same
- ``python -m benchmarks.drag`` and ``python -m benchmarks.first_start`` are separate: they need a browser and
  have no baseline
"""
