"""Parts of the screens that run in the browser."""
