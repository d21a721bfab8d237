"""Small parts that several screens share."""

import html
from collections.abc import Sequence

import streamlit as st


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw a plain table of words; everything is escaped, so names may come from outside.

    Parameters
    ----------
    columns : sequence of str
        The heads; none draws no head.
    rows : sequence of sequences of str
        The cells, worded already.
    """
    head = "".join(f"<th scope='col'>{html.escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    st.html(
        f'<div class="xl-scroll"><table class="xl-table">{f"<thead><tr>{head}</tr></thead>" if head else ""}'
        f"<tbody>{body}</tbody></table></div>"
    )


def figures(items: Sequence[tuple[str, str, str]]) -> None:
    """Draw estimates in a row: what each is, the number, and its interval set smaller behind it."""
    cells = "".join(
        f'<div class="xl-figure"><span class="xl-label">{html.escape(name)}</span>'
        f"<strong>{html.escape(number)}</strong> "
        f'<span class="xl-interval">{html.escape(interval)}</span></div>'
        for name, number, interval in items
    )
    st.html(f'<div class="xl-figures">{cells}</div>')
