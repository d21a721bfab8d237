"""The words of a screen as a person meets them first, each with what explains it on hover."""

import html
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

_VOID = {"br", "hr", "img", "input", "link", "meta"}
_UNSEEN = {"script", "style", "template"}
_SHOWN = {"label", "detail", "title"}  # of what components get
_OWN = ("Advanced",)  # folds that count as a part of the first screen


class _Texts(HTMLParser):
    """Collects the texts of HTML, each with the titles of the elements around it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append((tag, dict(attrs).get("title") or ""))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(tag in _UNSEEN for tag, _ in self.open):
            self.texts.append((data.strip(), " ".join(title for _, title in self.open if title)))


def in_html(text: str) -> list[tuple[str, str]]:
    """Return the texts of some HTML, each with what explains it on hover."""
    parser = _Texts()
    parser.feed(text)
    return parser.texts


def first_words(app: Any) -> list[tuple[str, str]]:
    """Return the words of a screen, without what is folded, each with what explains it on hover."""
    return [found for block in (app.sidebar, app.main) for found in _of(block)]


def _of(node: Any) -> Iterator[tuple[str, str]]:
    children = getattr(node, "children", None)
    if children is None:
        yield from _of_element(node)
        return
    folded = getattr(node, "type", "") in ("expandable", "expander", "popover")
    label = getattr(node, "label", "") or ""
    if folded:
        yield label, ""
    if not folded or label in _OWN:
        for child in children.values():
            yield from _of(child)


def _of_element(element: Any) -> Iterator[tuple[str, str]]:
    proto = getattr(element, "proto", None)
    if element.type in ("html", "unknown") and getattr(proto, "body", ""):
        yield from in_html(proto.body)
        return
    help_ = getattr(proto, "help", "") or ""
    for name in ("label", "body"):
        words = getattr(proto, name, "")
        if isinstance(words, str) and words:
            yield html.unescape(words), help_
    if element.type == "bidi_component":
        yield from _of_component(proto)


def _of_component(proto: Any) -> Iterator[tuple[str, str]]:
    """Yield the words that Python sends to a component, but for the cockpit, whose own code explains them."""
    if "threshold_cockpit" in proto.component_name:
        return
    try:
        data = json.loads(proto.json)
    except (AttributeError, ValueError):
        return
    todo = [data]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            todo += part.values()
            yield from ((text, "") for name, text in part.items() if isinstance(text, str) and name in _SHOWN)
        elif isinstance(part, list):
            todo += part
