"""Side-by-side ratios; equivalence is asserted before anything is timed."""
