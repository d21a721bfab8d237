"""Networks: their registry, builders and pretrained weights, and the one scorer."""
