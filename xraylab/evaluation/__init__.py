"""Numbers computed from arrays: threshold table, intervals, operating points. No torch, files or plots."""
