"""The words on a screen that ``streamlit.testing`` has run."""

import html
import json
import re


def written(app):
    """Return all words on a screen as plain text."""
    elements = (*app.error, *app.warning, *app.success, *app.markdown, *app.caption, *app.get("html"))
    texts = [getattr(element, "value", None) or element.proto.body for element in elements]
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(texts)).replace("\\", ""))


def grids(app):
    """Return the films of each grid of a screen, as the browser gets them."""
    parts = [part.proto for part in app.get("bidi_component") if "film_grid" in part.proto.component_name]
    return [json.loads(part.json)["films"] for part in parts]


def thumbnails(app):
    """Return the films in all grids of a screen."""
    return [film for grid in grids(app) for film in grid]
