"""Arrays to numbers: threshold table, intervals, operating points."""
