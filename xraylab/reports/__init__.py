"""Documents about a model or a film, made from data: Markdown, PDF, CSV, DICOM. No screens, no torch."""
