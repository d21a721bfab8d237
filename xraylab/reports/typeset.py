"""
Typesetting with reportlab: fonts, paragraphs, tables, and the Markdown that the model card uses.

- the font is Bitstream Vera, which comes with reportlab; a character that it lacks is shown as a box
- all text enters a paragraph through ``written``, which escapes it, so that no name is read as markup
- reportlab takes a moment to load, so only the modules that draw a PDF import this one
"""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from xraylab.formats import NARROW_SPACE, THIN_SPACE

NOTICE = "Research and teaching. Not a medical device."
WIDTH = 174 * mm  # of the text on a page of A4
TEXT, MUTED, BORDER, SURFACE, ACCENT = map(HexColor, ("#16202b", "#56616f", "#d9dfe6", "#f5f7f9", "#0b7a7d"))
POSITIVE, NEGATIVE, MISSED, ALARM = map(HexColor, ("#b37400", "#1f78b4", "#b3361a", "#8a6d00"))
REGULAR, BOLD, CODE = "Vera", "VeraBd", "Courier"
BOX = "\N{WHITE SQUARE}"  # Vera lacks this character too, and draws its own box for it

_MARGIN = (A4[0] - WIDTH) / 2
_SPACES = {NARROW_SPACE: "\N{NO-BREAK SPACE}", THIN_SPACE: "\N{NO-BREAK SPACE}", "\n": " "}
_INLINE = re.compile(r"\\(?P<kept>.)|`(?P<code>[^`]*)`|\*\*(?P<bold>.+?)\*\*|(?P<text>[^\\`*]+|.)")
_CELL = re.compile(r"(?:\\.|[^|\\])+")
_FENCE = re.compile(r"(`{3,})\w*")
_MOST_LAYOUTS = 4
_TALL = 40  # lines of code in one paragraph; a longer one couldn't be divided between pages


Pages = Mapping[str, int]  # the page on which each section begins


class Head(NamedTuple):
    """A column of a table: its title, width and alignment."""

    words: str
    width: float  # relative to the other columns
    right: bool = False
    muted: bool = False  # smaller and grey, as for intervals


@cache
def fonts() -> frozenset[int]:
    """Register the fonts, once, and return the code points that both contain.

    Raises
    ------
    OSError
        If reportlab was installed without them.
    """
    folder = Path(reportlab.__file__).parent / "fonts"
    known = []
    for name in (REGULAR, BOLD):
        try:
            font = TTFont(name, str(folder / f"{name}.ttf"))
        except TTFError as error:
            raise OSError(f"{folder / name}.ttf is missing. Install reportlab again.") from error
        pdfmetrics.registerFont(font)
        known.append(frozenset(font.face.charToGlyph))
    pdfmetrics.registerFontFamily(REGULAR, REGULAR, BOLD, REGULAR, BOLD)
    return known[0] & known[1]


def visible(text: str) -> str:
    """Replace each character that the fonts lack by a box, and each invisible one by a space."""
    known = fonts()

    def drawable(character: str) -> str:
        character = _SPACES.get(character, character)
        if ord(character) in known:
            return character
        return BOX if character.isprintable() else " "

    return "".join(map(drawable, text))


def written(text: str) -> str:
    """Prepare text for a paragraph: visible, and never read as markup."""
    return escape(visible(text))


def style(name: str, **changes: Any) -> ParagraphStyle:
    """Return a style by its name: title, head, small head, body, note, cell, number, th or code."""
    fonts()
    looks: dict[str, dict[str, Any]] = {
        "title": {"fontName": BOLD, "fontSize": 18, "leading": 23, "spaceAfter": 4},
        "head": {
            "fontName": BOLD,
            "fontSize": 12.5,
            "leading": 16,
            "spaceBefore": 12,
            "spaceAfter": 4,
            "keepWithNext": 1,
        },
        "small head": {
            "fontName": BOLD,
            "fontSize": 9.5,
            "leading": 12,
            "spaceBefore": 8,
            "spaceAfter": 3,
            "keepWithNext": 1,
        },
        "body": {"fontSize": 8.5, "leading": 12, "spaceBefore": 3, "spaceAfter": 3},
        "bullet": {
            "fontSize": 8.5,
            "leading": 12,
            "spaceAfter": 1,
            "leftIndent": 12,
            "bulletIndent": 2,
            "bulletFontName": REGULAR,
        },
        "note": {"fontSize": 7.5, "leading": 10, "spaceAfter": 4, "textColor": MUTED},
        "cell": {"fontSize": 8, "leading": 10.5},
        "muted cell": {"fontSize": 7, "leading": 10.5, "textColor": MUTED},
        "small cell": {"fontSize": 6.5, "leading": 8},
        "number": {"fontSize": 8, "leading": 10.5, "alignment": 2},
        "th": {"fontSize": 7, "leading": 9, "textColor": MUTED},
        "code": {"fontName": CODE, "fontSize": 7.2, "leading": 9.2, "backColor": SURFACE},
    }
    given = {"fontName": REGULAR, "textColor": TEXT, **looks[name], **changes}
    return ParagraphStyle(name, splitLongWords=1, allowWidows=0, allowOrphans=0, **given)


def spaced(words: str, kind: str = "body", **changes: Any) -> Any:
    """Set text as a paragraph, without markup."""
    return Paragraph(written(words), style(kind, **changes))


def headed(words: str, section: str, kind: str = "small head") -> Any:
    """Set a heading, and mark the place where a section begins; see ``bound``."""
    heading = spaced(words, kind)
    heading.section = section
    return heading


def note(words: str) -> Any:
    """Set text as a small grey paragraph, without markup."""
    return spaced(words, "note")


def grid(
    heads: Sequence[Head], rows: Iterable[Sequence[Any]], *, width: float = WIDTH, tight: bool = False
) -> Any:
    """Set a table with hairlines; its head is repeated on every page.

    Parameters
    ----------
    heads : sequence of Head
    rows : iterable of sequences
        Texts without markup, or flowables.
    width : float
        In points.
    tight : bool
        Whether rows stand closer, for a long table.
    """

    def cell(words: Any, head: Head) -> Any:
        if not isinstance(words, str):
            return words
        return spaced(words, "number" if head.right else "muted cell" if head.muted else "cell")

    shares = sum(head.width for head in heads)
    titles = [spaced(head.words, "th", alignment=2 if head.right else 0) for head in heads]
    body = [[cell(words, head) for words, head in zip(row, heads, strict=True)] for row in rows]
    return Table(
        [titles, *body],
        colWidths=[width * head.width / shares for head in heads],
        repeatRows=1,
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.7, MUTED),
            ("LINEBELOW", (0, 1), (-1, -1), 0.35, BORDER),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ("TOPPADDING", (0, 0), (-1, -1), 0.8 if tight else 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.4 if tight else 2.5),
        ],
        spaceBefore=3,
        spaceAfter=6,
        hAlign="LEFT",
    )


def bound(story: Callable[[Pages], list[Any]], *, title: str, running: str) -> bytes:
    """Lay out a story as an A4 document with the notice and the page number on every page.

    Parameters
    ----------
    story : callable
        Takes the page of each section, and returns new flowables at each call: the layout runs at least
        twice, since pages show the number of pages and may name the pages of sections. At the first call no
        page is known.
    title : str
        Title of the file.
    running : str
        Text at the top of every page but the first.

    Returns
    -------
    bytes
        A PDF file; the same bytes for the same story, since nothing in it depends on time or machine.
    """
    fonts()
    layout = _Layout(b"", 0, {})
    for _ in range(_MOST_LAYOUTS):
        before, layout = layout, _laid_out(story(layout.sections), title, running, pages=layout.pages)
        # Written page numbers can change where lines break, so the numbers are checked once more.
        if (layout.pages, layout.sections) == (before.pages, before.sections):
            break
    return layout.file


class _Layout(NamedTuple):
    """A document, its number of pages, and the page on which each section begins."""

    file: bytes
    pages: int
    sections: Pages


class _Document(SimpleDocTemplate):  # type: ignore[misc]  # reportlab has no types
    """A document that notes on which page each section begins, and lists them in the file's outline."""

    def __init__(self, file: io.BytesIO, **facts: Any) -> None:
        super().__init__(file, **facts)
        self.sections: dict[str, int] = {}

    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802  # reportlab calls it by this name
        """Note the page of a heading that was just drawn."""
        key = getattr(flowable, "section", None)
        if key is not None and key not in self.sections:
            self.sections[key] = self.page
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level=0)


def _laid_out(story: list[Any], title: str, running: str, *, pages: int) -> _Layout:
    """Lay out a document once."""
    file = io.BytesIO()
    frame = _Document(
        file,
        pagesize=A4,
        leftMargin=_MARGIN - 6,  # reportlab's frame adds a padding of 6 points on each side
        rightMargin=_MARGIN - 6,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
        invariant=1,  # no time and no random number in the file
        title=title,
        author="XRayLab",
        subject=NOTICE,
        lang="en",
    )

    def furnish(canvas: Any, _: Any) -> None:
        _furnish(canvas, running, pages)

    frame.build(story, onFirstPage=furnish, onLaterPages=furnish)
    return _Layout(file.getvalue(), int(frame.page), frame.sections)


def _furnish(canvas: Any, running: str, pages: int) -> None:
    """Draw what stands on every page: the notice, the page number, and the title but on the first page."""
    canvas.saveState()
    canvas.setFont(REGULAR, 7)
    canvas.setFillColor(MUTED)
    canvas.setStrokeColor(BORDER)
    canvas.setLineWidth(0.4)
    canvas.line(_MARGIN, 14 * mm, A4[0] - _MARGIN, 14 * mm)
    canvas.drawString(_MARGIN, 10 * mm, NOTICE)
    canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"Page {canvas.getPageNumber()} of {pages}")
    if canvas.getPageNumber() > 1:
        canvas.drawString(_MARGIN, A4[1] - 13 * mm, visible(running))
    canvas.restoreState()


def from_markdown(text: str) -> list[Any]:
    """Set the Markdown that ``reports.card`` writes: headings, paragraphs, lists, tables, code blocks.

    Any other Markdown is set as plain text.
    """
    parts: list[Any] = []
    left = text.splitlines()
    while left:
        line = left[0]
        if not line.strip():
            left.pop(0)
        elif fence := _FENCE.fullmatch(line):
            parts += _code(left, fence[1])
        elif line.startswith("|"):
            parts.append(_table(_run(left, "|")))
        elif line.startswith("- "):
            parts += [
                Paragraph(_inline(item[2:]), style("bullet"), bulletText="•") for item in _run(left, "- ")
            ]
        else:
            parts.append(_block(left.pop(0)))
    return parts


def _run(left: list[str], start: str) -> list[str]:
    """Remove and return the first lines, as long as they begin with ``start``."""
    taken = []
    while left and left[0].startswith(start):
        taken.append(left.pop(0))
    return taken


def _block(line: str) -> Any:
    marks = re.match(r"(#{1,2}) ", line)
    if marks is None:
        return Paragraph(_inline(line), style("body"))
    kind = "head" if marks[1] == "#" else "small head"
    return Paragraph(_inline(line[marks.end() :]), style(kind))


def _code(left: list[str], fence: str) -> list[Any]:
    left.pop(0)
    lines = []
    while left:
        line = left.pop(0)
        if line == fence:
            break
        lines.append(line)
    set_lines = [_code_line(line) for line in lines]
    chunks = [set_lines[start : start + _TALL] for start in range(0, len(set_lines), _TALL)]
    return [Paragraph("<br/>".join(chunk), style("code", spaceBefore=4, spaceAfter=6)) for chunk in chunks]


def _code_line(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    # reportlab drops ordinary spaces at the start of a line.
    return "\N{NO-BREAK SPACE}" * indent + _mono(line[indent:])


def _mono(words: str) -> str:
    """Set text as code; in the normal font if it isn't ASCII, since the code font has no more."""
    face = CODE if words.isascii() else REGULAR
    return f'<font face="{face}">{written(words)}</font>'


def _inline(line: str) -> str:
    """Turn a line of Markdown into reportlab's markup."""
    markup = []
    for part in _INLINE.finditer(line):
        if part["code"] is not None:
            markup.append(_mono(part["code"]))
        elif part["bold"] is not None:
            markup.append(f"<b>{_inline(part['bold'])}</b>")
        else:
            markup.append(written(part["kept"] or part["text"]))
    return "".join(markup)


def _table(lines_: list[str]) -> Any:
    rows = [[cell.strip() for cell in _CELL.findall(line)] for line in lines_]
    heads, body = rows[0], rows[2:]  # the second line is the line of dashes
    widths = [max(len(row[place]) if place < len(row) else 0 for row in rows) for place in range(len(heads))]
    # Wider for longer text, but within limits: no column may vanish or take the whole page.
    shares = [min(max(width, 8), 40) for width in widths]
    columns = [
        Head(_unmarked(head), share, right=place > 0)
        for place, (head, share) in enumerate(zip(heads, shares, strict=True))
    ]
    cells = [
        [
            Paragraph(_inline(cell), style("number" if place else "cell"))
            for place, cell in enumerate((*row, *[""] * len(heads))[: len(heads)])
        ]
        for row in body
    ]
    return grid(columns, cells)


def _unmarked(cell: str) -> str:
    return re.sub(r"\\(.)", r"\1", cell)
