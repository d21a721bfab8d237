"""Words from outside, set in Markdown and read back by a Markdown reader."""

import pytest
from markdown_it import MarkdownIt

from xraylab.reports.markdown import LONGEST, MOST, bullets, fenced, named, plain, table, tidy

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "# heading",
    "- list",
    "1. list",
    "2) list",
    "> quote",
    "---",
    "===",
    "+ plus",
    "**bold** _it_ ~~gone~~ `code`",
    "[link](https://example.org) ![picture](x.png) <https://example.org>",
    "<script>alert(1)</script> &lt;b&gt; <!-- away -->",
    "a | b || c",
    "back\\slash \\| pipe \\` tick `` ticks",
    "$x^2$ :red[word] :material/home:",
    "```\nfence",
    "line\n\n# other\r\n| a |\n| - |\x0b\u2028end",
    "\u202eright to left\u200b, \x00\x1b[31m",
    "~~~",
    "    indented",
    "Zwölf Böxkämpfer 肺炎",
    "",
]


def words(markdown):
    """What a reader shows, and the kinds of what it is made of."""
    shown, kinds = [], set()
    for token in READER.parse(markdown):
        kinds.add(token.type)
        for child in token.children or ():
            kinds.add(child.type)
            shown.append(child.content)
    return "".join(shown), kinds


@pytest.mark.parametrize("text", HOSTILE)
def test_words_are_shown_as_they_are_and_as_nothing_else(text):
    alone = {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}
    shown, kinds = words(plain(text))
    assert shown == tidy(text)
    assert kinds <= alone
    assert words(named(text))[0] == tidy(text)
    assert words(named(text))[1] <= alone | {"code_inline"}


@pytest.mark.parametrize("text", HOSTILE)
def test_words_in_a_list_or_a_cell_stay_there(text):
    for markdown, part, parts in (
        (bullets([plain(text), named(text)]), "list_item_open", 2),
        (table(("", ""), [(plain(text), named(text))]), "td_open", 2),
    ):
        shown, kinds = words(markdown)
        assert shown == 2 * tidy(text)
        assert [token.type for token in READER.parse(markdown)].count(part) == parts
        assert not kinds & {"html_inline", "html_block", "link_open", "image", "em_open", "strong_open", "hr"}


@pytest.mark.parametrize("text", [":red[x]", ":smile:", ":+1:", ":material/home:", "::: box"])
def test_a_colon_that_streamlit_would_read_as_a_sign_is_none(text):
    assert plain(text).startswith(r"\:")


def test_a_sentence_is_left_as_it_is():
    sentence = "Films: CC BY 4.0, of children 1-5 (one hospital); see https://example.org, at 14:05!"
    assert plain(sentence) == sentence.replace("14:", r"14\:")


def test_what_cannot_be_seen_is_left_out_and_what_is_too_long_is_cut():
    assert tidy("a\u202eb\x00c\nd") == "a b c d"
    assert tidy(" \n ") == "–"
    assert tidy("x" * LONGEST) == "x" * LONGEST
    assert tidy("x" * 10**6) == "x" * (LONGEST - 1) + "…"


@pytest.mark.parametrize("text", ["```\n# out", "````", "a\n~~~\n```sh", "one\x1b two"])
def test_a_fence_cannot_be_closed_from_inside(text):
    [token] = READER.parse(fenced(text, "sh"))
    assert (token.type, token.info) == ("fence", "sh")
    assert token.content == text.replace("\x1b", " ") + "\n"


def test_a_list_and_a_table_end_somewhere():
    assert bullets(["x"] * MOST).count("- x") == MOST
    assert bullets(["x"] * (MOST + 3)).endswith("\n- and 3 more")
    assert table(("a",), [("x",)] * (MOST + 1)).endswith("\n\nAnd 1 more.")
