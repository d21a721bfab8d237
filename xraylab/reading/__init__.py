"""Film to score, decision and heatmap."""
