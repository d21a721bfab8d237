"""Parts of the screens that live in the browser."""
