"""The words on a screen that ``streamlit.testing`` has run."""

import html
import re


def written(app):
    """Return all words on a screen as plain text."""
    elements = (*app.error, *app.warning, *app.success, *app.markdown, *app.caption, *app.get("html"))
    texts = [getattr(element, "value", None) or element.proto.body for element in elements]
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(texts)).replace("\\", ""))
