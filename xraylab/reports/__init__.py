"""Documents made of what is known of a model or a film: text in, text out, no screens and no torch."""
