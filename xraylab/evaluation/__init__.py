"""Arrays to numbers: the threshold table, intervals, operating points. No torch, no files, no plots."""
