"""
Measurements: how much faster the ways taken here are than the usual ones, on one machine in one process.

- ``python -m benchmarks`` runs every row and writes ``results.json``; ``python -m benchmarks.report`` makes
  ``docs/benchmarks.md`` of it
- a row may only be timed after its two ways have been found to do the same
- ``python -m benchmarks.drag`` and ``python -m benchmarks.first_start`` are apart: they need a browser, and
  have no baseline
"""
