"""Recipe to fitted network."""
