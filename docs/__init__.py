"""Scripts that make pictures and figures for the documentation."""
