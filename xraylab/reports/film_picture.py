"""
The report of one film as a picture: the film, the film with its heatmap, and text burned into the pixels.

- a notice is written above and on each of the two films, so that a cut-out part carries it too
- a teaching phantom also says SYNTHETIC in the same places
- no line is cut off: long lines are broken, and a narrow film gets a background wide enough for the notice
- made only of grey values and XRayLab's own text: no other data of the uploaded file gets in
"""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from xraylab.formats import score
from xraylab.imaging.picture import png
from xraylab.reports import film_words
from xraylab.reports.film import BURNED_IN, SYNTHETIC, FilmReport

_SIDE = 1024  # pixels of a film's longer side, at most
_PALE, _FAINT, _ALARM = (230, 233, 238), (154, 164, 178), (255, 214, 102)
_GROUND = (15, 18, 22)
_LEAST = 768  # pixels of its longer side, at least, so that the text has room
_PANE = (400, 160)  # pixels of the background of a film, at least
_LACKING = str.maketrans("×–−\u202f\u2009\xa0", "x--   ")  # characters that the font lacks

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def film_picture(report: FilmReport) -> NDArray[np.uint8]:
    """Draw a film and its heatmap side by side.

    Returns
    -------
    uint8 array of shape (height, width, 3)
    """
    panes = burned_films(report)
    width, height = sum(pane.width for pane in panes) + 8 * (len(panes) - 1), panes[0].height
    size = max(13, min(26, width // 46))  # readable on a small picture, not huge on a large one
    line = round(size * 1.5)
    font = _font(size)
    below = [
        (words, _FAINT if number else _PALE)
        for number, sentence in enumerate(_words_below(report))
        for words in _broken(sentence.translate(_LACKING), font, width - size)
    ]
    whole = Image.new("RGB", (width, height + 2 * line + line * len(below) + size), _GROUND)
    draw = ImageDraw.Draw(whole)
    draw.text((size // 2, line // 2), _notice(report), fill=_ALARM, font=font)
    left = 0
    for pane in panes:
        whole.paste(pane, (left, 2 * line))
        left += pane.width + 8
    for number, (words, colour) in enumerate(below):
        top = 2 * line + height + size // 2 + number * line
        draw.text((size // 2, top), words, fill=colour, font=font)
    return np.asarray(whole, dtype=np.uint8)


def film_png(report: FilmReport) -> bytes:
    """Encode ``film_picture`` as PNG, without metadata."""
    return png(Image.fromarray(film_picture(report)))


def burned_films(report: FilmReport) -> list[Image.Image]:
    """Return the film and, if there is a heatmap, the film with it; each carries the notice."""
    return [_burned_in(_with_room(pane), report) for pane in _panes(report)]


def _panes(report: FilmReport) -> list[Image.Image]:
    """Return the film and the film with its heatmap, in colour and of the same size, without text."""
    film = Image.fromarray(np.ascontiguousarray(report.film))
    longest = max(film.size)
    scale = _SIDE / longest if longest > _SIDE else max(1.0, _LEAST / longest)
    if scale != 1:
        size = tuple(max(1, round(side * scale)) for side in film.size)
        film = film.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    plain = film.convert("RGB")
    if report.overlay is None:
        return [plain]
    with Image.open(io.BytesIO(report.overlay.png)) as overlay:
        laid = overlay.convert("RGBA").resize(plain.size, Image.Resampling.BICUBIC)
    return [plain, Image.alpha_composite(plain.convert("RGBA"), laid).convert("RGB")]


def _with_room(film: Image.Image) -> Image.Image:
    """Centre a narrow or flat film on a background that has room for the notice."""
    size = (max(film.width, _PANE[0]), max(film.height, _PANE[1]))
    if size == film.size:
        return film
    pane = Image.new("RGB", size, _GROUND)
    pane.paste(film, ((size[0] - film.width) // 2, (size[1] - film.height) // 2))
    return pane


def _notice(report: FilmReport) -> str:
    return f"{BURNED_IN}  ·  {SYNTHETIC}" if report.synthetic else BURNED_IN


def _burned_in(pane: Image.Image, report: FilmReport) -> Image.Image:
    """Return a film with the notice along its lower edge."""
    burned = pane.copy()  # the same pane may be used again without the notice
    draw = ImageDraw.Draw(burned, "RGBA")
    words = _notice(report)
    font = _fitting(words, pane.width, max(11, min(20, pane.width // 34)))
    left, top, right, bottom = draw.textbbox((0, 0), words, font=font)
    high = bottom - top + 12
    draw.rectangle((0, pane.height - high, right - left + 16, pane.height), fill=(0, 0, 0, 170))
    draw.text((8, pane.height - high + 6 - top), words, fill=(*_ALARM, 255), font=font)
    return burned


def _words_below(report: FilmReport) -> list[str]:
    decision, decision_note = report.decision_words
    cut = ""
    if report.threshold is not None and report.decision in ("positive", "negative"):
        cut = f" ({score(report.threshold)})"
    large = f"{report.standing.finding.score} {score(report.score)}. " if report.decided else ""
    lines = [f"{large}{decision}{cut}. {decision_note}".strip()]
    if report.overridden:
        lines[0] += f" {report.despite_warnings}"
    if report.warnings:
        lines.append(f"Warnings: {' '.join(report.warnings)}")
    if not report.decided:
        lines.append(film_words.undecided(report.score))
    lines.append(report.standing.prevalence_words)
    if report.decision == "negative":
        lines += report.below_words
    about = f"Model {report.standing.model}, {report.model_known_by}. XRayLab {report.version}."
    return [*lines, about if report.overlay is None else f"{about} Right: {report.overlay.words}"]


def _broken(words: str, font: _Font, width: int) -> list[str]:
    """Break text into lines of at most ``width`` pixels; break a word that is wider by itself."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        lines += [""] if lines[-1] else []
        for sign in word:
            if lines[-1] and font.getlength(lines[-1] + sign) > width:
                lines.append("")
            lines[-1] += sign
    return lines


def _fitting(words: str, width: int, size: int) -> _Font:
    """Return the largest font up to a size in which a line fits."""
    while size > 8 and _font(size).getlength(words) > width - size:  # noqa: PLR2004
        size -= 1
    return _font(size)


@cache
def _font(size: int) -> _Font:
    return ImageFont.load_default(size)
