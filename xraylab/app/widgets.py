"""Small parts that several screens share; terms of the glossary are explained on hover."""

import base64
import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from xraylab.app.glossary import explained, explanation
from xraylab.app.wording import trained_part
from xraylab.formats import DASH, NARROW_SPACE, THIN_SPACE, count, percent
from xraylab.imaging.picture import png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xraylab.networks.parameters import Layer

# Around a table: on a phone it is scrolled sideways, by keys too.
SCROLLED = '<div class="xl-scroll" tabindex="0" role="group" aria-label="Table">'
_NUMBER = ' class="xl-number"'
# A count, a size, a score, a share or a coefficient, as ``formats`` writes them.
_IS_NUMBER = re.compile(rf"[<>]?[+−-]?[0-9{THIN_SPACE}]+(\.[0-9]+)?({NARROW_SPACE}(%|[kMGT]?B))?")
_SHORT = 16  # characters up to which a cell stays on one line


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str | tuple[str, str]]], *, stub: bool = False
) -> None:
    """Draw a plain table of words; everything is escaped, so names may come from outside.

    Parameters
    ----------
    columns : sequence of str
        The heads; an empty sequence draws no head.
    rows : sequence of sequences of str
        The cells as they are shown; a pair is an estimate and its interval, which is set smaller behind it.
    stub : bool
        Whether the first column names the rows, and stays in place when the table is scrolled sideways.
    """
    # HTML instead of st.dataframe, whose cells can't hold an interval in smaller type.
    numbers = [_are_numbers(column) for column in zip(*rows, strict=True)] or [False] * len(columns)
    head = "".join(
        f"<th scope='col'{_NUMBER if number else ''}{hover(column)}>{html.escape(column)}</th>"
        for column, number in zip(columns, numbers, strict=False)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, numbers))}</tr>" for row in rows)
    kind = "xl-table xl-stub" if stub else "xl-table"
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    st.html(f'{SCROLLED}<table class="{kind}">{head}<tbody>{body}</tbody></table></div>')


def hover(term: str) -> str:
    """Return an HTML attribute that explains a term on hover; empty if the glossary doesn't know it."""
    sentence = explanation(term.strip()) or explained(term)
    return f' title="{html.escape(sentence)}"' if sentence else ""


def _are_numbers(column: Sequence[str | tuple[str, str]]) -> bool:
    """Return whether a column holds numbers, which are read from their last digit; a dash stands for none."""
    stated = [text for text in column if text not in ("", DASH)]
    return bool(stated) and all(isinstance(text, str) and _IS_NUMBER.fullmatch(text) for text in stated)


def _cell(text: str | tuple[str, str], number: bool) -> str:
    """Return a cell; a number or a date stays on one line, also on a phone, where the table scrolls."""
    if isinstance(text, tuple):
        estimate, interval = map(html.escape, text)
        more = f'<span class="xl-interval"{hover(text[1])}>{interval}</span>'
        return f'<td class="xl-short">{estimate} {more}</td>'
    kind = _NUMBER if number else ' class="xl-short"' if len(text) <= _SHORT else ""
    return f"<td{kind}{hover(text)}>{html.escape(text)}</td>"


def caption(words: str) -> None:
    """Draw a muted line of Markdown, with the explanation of its terms on hover."""
    st.caption(words, help=explained(words) or None)


def figures(items: Sequence[tuple[str, str, str]]) -> None:
    """Draw estimates in a row: a name, the number, and its interval set smaller behind it."""
    cells = "".join(
        f'<div class="xl-figure"><span class="xl-label"{hover(name)}>{html.escape(name)}</span>'
        f"<strong>{html.escape(number)}</strong> "
        f'<span class="xl-interval">{html.escape(interval)}</span></div>'
        for name, number, interval in items
    )
    st.html(f'<div class="xl-figures">{cells}</div>')


def class_bars(rows: Sequence[tuple[str, tuple[int, int], str]], classes: tuple[str, str]) -> None:
    """Draw a bar for each row, divided into the two classes, with its numbers; everything is escaped.

    Parameters
    ----------
    rows : sequence of (str, (int, int), str)
        A name, the films of each class, and a remark behind them.
    classes : pair of str
        The names of the classes, the finding absent first.
    """
    most = max((sum(counts) for _, counts, _ in rows), default=1)
    bars = "".join(_class_bar(row, most, classes) for row in rows)
    st.html(f'<div class="xl-bars" role="list">{bars}</div>')


def _class_bar(row: tuple[str, tuple[int, int], str], most: int, classes: tuple[str, str]) -> str:
    name, counts, remark = row
    parts = "".join(
        f'<i class="{kind}" style="width:{100 * n / max(1, most):.3f}%"></i>'
        for kind, n in zip(("normal", "ill"), counts, strict=True)
    )
    told = " ".join(
        f'<span class="{kind}">{count(n)} {html.escape(words)}</span>'
        for kind, n, words in zip(("normal", "ill"), counts, classes, strict=True)
    )
    share = percent(counts[1] / max(1, sum(counts)))
    return (
        f'<div class="xl-bar" role="listitem"><b>{html.escape(name)}</b><div aria-hidden="true">{parts}</div>'
        f"<p>{told} <small>{share}, {html.escape(remark)}</small></p></div>"
    )


def picture(pixels: "NDArray[np.uint8]", caption: str, *, width: int) -> None:
    """Draw a grey picture above its caption, which screen readers get as its text.

    Parameters
    ----------
    pixels : uint8 array of shape (height, width)
    caption : str
    width : int
        On the screen, in pixels.
    """
    # HTML instead of st.image, whose pictures have no text for screen readers.
    data = base64.b64encode(png(Image.fromarray(pixels))).decode()
    words = html.escape(caption)
    st.html(
        f'<figure class="xl-picture" style="width:{width}px"><img src="data:image/png;base64,{data}" '
        f'alt="{words}"><figcaption aria-hidden="true">{words}</figcaption></figure>',
        width="content",
    )


def badge(words: str) -> None:
    """Draw a short caution, such as that films are too few."""
    st.html(f'<p class="xl-badge"{hover(words.rpartition(": ")[2])}>{html.escape(words)}</p>')


def notes(sentences: Sequence[str]) -> None:
    """Draw notes, one sentence per line; nothing if there are none."""
    if sentences:
        lines = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
        st.html(f'<div class="xl-notes">{lines}</div>')


def parameters(
    count_them: Callable[[int | None], "Sequence[Layer]"], tails: Mapping[str, int | None], *, key: str
) -> None:
    """Draw a network's parameters: the total, each stage, and each layer below.

    Parameters
    ----------
    count_them : callable
        Returns the layers for a number of stages that are trained together with the head; None is all.
    tails : mapping
        That number for each stage of the training, such as ``{"head": 0, "all": None}``; a control chooses
        between them.
    """
    chosen = list(tails)[-1]
    if len(tails) > 1:
        chosen = st.segmented_control(
            "While training",  # frozen or trained differs between the stages of a training
            list(tails),
            default=chosen,
            required=True,
            format_func=trained_part,
            key=f"{key} parameters of",
        )
    layers = count_them(tails[chosen])
    from xraylab.networks.parameters import totals  # loads torch, as counting the layers has done

    trainable, frozen = totals(layers)
    figures([("Trainable", count(trainable), ""), ("Frozen", count(frozen), "")])
    stages = dict.fromkeys(layer.stage for layer in layers)
    table(
        ("Stage", "Layers", "Parameters", "Trains"),
        [_stage_cells(stage, [layer for layer in layers if layer.stage == stage]) for stage in stages],
    )
    with st.expander("Layer by layer"):
        table(
            ("Layer", "Kind", "Gives", "Parameters", "Trains"),
            [
                (
                    layer.name,
                    layer.kind,
                    " × ".join(map(str, layer.shape)),
                    count(layer.parameters),
                    _trains(layer),
                )
                for layer in layers
            ],
        )


def _stage_cells(stage: str, layers: "Sequence[Layer]") -> tuple[str, ...]:
    return stage, str(len(layers)), count(sum(layer.parameters for layer in layers)), _trains(layers[0])


def _trains(layer: "Layer") -> str:
    return "yes" if layer.trainable else "frozen"
