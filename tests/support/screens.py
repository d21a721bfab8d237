"""The words on a screen that ``streamlit.testing`` has run."""

import html
import json
import re

from tests.support.waiting import eventually


def written(app):
    """Return all words on a screen as plain text."""
    elements = (*app.error, *app.warning, *app.success, *app.markdown, *app.caption, *app.get("html"))
    texts = [getattr(element, "value", None) or element.proto.body for element in elements]
    return html.unescape(re.sub(r"<[^>]+>", " ", " ".join(texts)).replace("\\", ""))


def _elements(node):
    """Yield the elements of a part of a screen from top to bottom."""
    children = getattr(node, "children", None)
    if children is None:
        yield node
    else:
        for child in children.values():
            yield from _elements(child)


def headings(app):
    """Return the levels of the headings of a screen from top to bottom."""
    tags = (getattr(element.proto, "tag", "") for element in _elements(app.main))
    return [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", str(tag))]


def grids(app):
    """Return the films of each grid of a screen, as the browser gets them."""
    parts = [part.proto for part in app.get("bidi_component") if "film_grid" in part.proto.component_name]
    return [json.loads(part.json)["films"] for part in parts]


def thumbnails(app):
    """Return the films in all grids of a screen."""
    return [film for grid in grids(app) for film in grid]


def uploader(app):
    """Return the uploader for films; its key changes with each visit."""
    [found] = [one for one in app.get("file_uploader") if one.key.startswith("films")]
    return found


def listed(app):
    """Return the rows of the list of films, as the browser gets them."""
    parts = [part.proto for part in app.get("bidi_component") if "film_list" in part.proto.component_name]
    return json.loads(parts[0].json)["films"] if parts else []


def choose(app, place):
    """Choose a film by its place in the list, as a click there does."""
    app.session_state["film chosen"] = listed(app)[place]["key"]
    return app.run()


def chosen(app):
    """Return the place of the film on the screen."""
    return [row["key"] for row in listed(app)].index(app.session_state["film chosen"])


def read_all(app):
    """Wait until every film is read, and draw the screen again."""
    eventually(lambda: app.session_state["readings"].waiting == 0)
    return app.run()


def readings(app):
    """Return the readings of this session."""
    return list(app.session_state["readings"].kept().values())


def address(app):
    """Return the view that a screen has put into the address of the browser."""
    [part] = [part.proto for part in app.get("bidi_component") if "address" in part.proto.component_name]
    return json.loads(part.json)["view"]
