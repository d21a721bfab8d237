"""What several tests need: films, trained homes, a served app, and waiting for what must happen."""
