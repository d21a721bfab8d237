"""The PDF of an evaluation: read back, and rendered."""

import re
from datetime import timedelta

import numpy as np
import pypdfium2
import pytest

from tests.support.cards import AT, NASTY, a_card, a_lock, predictions, written
from tests.support.evaluations import of_three, reported
from xraylab.formats import percent
from xraylab.models import About, TrainedOn
from xraylab.predictions import Predictions
from xraylab.reports.names import NAMES
from xraylab.reports.pdf import NOTICE, evaluation_pdf
from xraylab.reports.typeset import BOX, from_markdown, visible


def texts(raw):
    """The words of each page."""
    with pypdfium2.PdfDocument(raw) as pdf:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in pdf]


def pages(raw):
    """Each page as grey levels, (height, width)."""
    with pypdfium2.PdfDocument(raw) as pdf:
        return [np.squeeze(page.render(scale=1, grayscale=True).to_numpy()).copy() for page in pdf]


@pytest.fixture(scope="module")
def report():
    films = predictions()
    opened = a_lock(opened_at=(AT + timedelta(hours=1),))
    return reported(test=predictions(seed=5), markdown=written(lock=opened, validation=films, test=films))


@pytest.fixture(scope="module")
def raw(report):
    return evaluation_pdf(report)


def test_every_page_says_what_it_is_not_for_and_where_it_stands(raw):
    found = texts(raw)
    for number, page in enumerate(found, 1):
        assert NOTICE in page
        assert f"Page {number} of {len(found)}" in page


def test_the_figures_are_those_of_the_document(report, raw):
    text = " ".join(texts(raw))
    for split in (report.validation, report.test):
        for name in ("sensitivity", "specificity", "balanced_accuracy"):
            one = split.estimates[name]
            assert f"{NAMES[name]} {visible(percent(one.value))}".replace("\xa0", " ") in text.replace(
                "\xa0", " "
            )
        (tn, fp), (fn, tp) = split.confusion
        for words in (f"{tp} found", f"{fn} missed", f"{fp} false alarms", f"{tn} correctly negative"):
            assert words in text


def test_a_changed_document_changes_the_pdf(report, raw):
    changed = report.model_copy(update={"lock": report.lock.model_copy(update={"threshold": 0.4321})})
    assert "Threshold 0.4321" in " ".join(texts(evaluation_pdf(changed)))
    assert "0.4321" not in " ".join(texts(raw))


def test_the_same_document_gives_the_same_bytes(report, raw):
    assert evaluation_pdf(report) == raw
    later = report.model_copy(update={"made_at": AT + timedelta(days=1)})
    assert evaluation_pdf(later) != raw


def test_the_model_card_stands_at_its_end(raw):
    text = " ".join(texts(raw))
    headings = ("Model card:", "Intended use", "Known faults of the data", "How to repeat it", "Hashes")
    places = [text.rindex(heading) for heading in headings]
    assert places == sorted(places)


def test_nothing_lies_outside_of_the_margins(raw):
    for page in pages(raw):
        assert (page[:, :30] == 255).all()
        assert (page[:, -30:] == 255).all()
        assert (page[:24] == 255).all()


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "<b>&amp;</b> & <font size='99'>",
        "肺炎模型",
        "\u202eevil\u202c \u200f",
        "x" * 1000,  # the longest
        "W " * 500,
        "",
        NASTY,
        "a\x00b\x1bc",
    ],
)
def test_a_name_is_words_whatever_it_says(name):
    films = predictions()
    films.frame.loc[films.frame["subtype"] == "viral", "subtype"] = name[:500] or "viral"
    card = a_card(
        name=name,
        arch=name,
        dataset=TrainedOn(name=name, kind=name, pixel_hash=name, patient_key=name, splits={name: {name: 3}}),
        about=About(users=(name,) * 60),
        notes=(name,) * 60,
    )
    lock = a_lock(rule=name, actor=name)
    found = reported(
        card=card,
        lock=lock,
        validation=films,
        test=films,
        markdown=written(card, lock=lock, validation=films, test=films),
    )
    text = " ".join(texts(evaluation_pdf(found)))
    assert "Key figures" in text
    assert "Hashes" in text
    if "script" in name or "font" in name:
        assert " ".join(visible(name).split())[:20] in text
    assert not re.search("[\u202a-\u202e\u200e\u200f]", text)


def test_signs_that_the_fonts_lack_are_boxes_that_are_seen():
    assert visible("肺a") == f"{BOX}a"
    boxed, dashed = (pages(evaluation_pdf(reported(card=a_card(name=name))))[0] for name in ("肺炎", ""))
    title = slice(60, 90)
    assert (boxed[title] < 128).sum() > 1.05 * (dashed[title] < 128).sum() > 0
    assert "A box stands for a character" in texts(evaluation_pdf(reported(card=a_card(name="肺炎"))))[0]


@pytest.mark.parametrize("labels", [0, 1])
def test_one_class_is_dashes_and_sentences(labels):
    films = predictions(labels=labels)
    text = " ".join(texts(evaluation_pdf(reported(validation=films, test=films))))
    assert "Calibration slope and intercept: –" in text
    assert "nan" not in text.lower()
    assert "needs films" in text


def test_no_film_at_all_is_a_document_still():
    empty = Predictions(predictions().frame.assign(score=np.nan), "")
    text = " ".join(texts(evaluation_pdf(reported(validation=empty))))
    assert "0 films of 0 patients" in text
    assert "nan" not in text.lower()


@pytest.mark.parametrize("threshold", [0.0, 1.0, 0.5])
def test_a_lock_at_either_end_is_drawn(threshold):
    text = " ".join(texts(evaluation_pdf(reported(lock=a_lock(threshold=threshold)))))
    assert f"locked {threshold:.3f}" in text
    assert "Net benefit and expected cost: –. They depend on what a missed pneumonia costs" in text
    assert "The scores of this model aren’t calibrated." in text
    assert "nan" not in text.lower()


def test_sealed_films_are_said_to_be():
    assert "The test films are sealed" in texts(evaluation_pdf(reported()))[0]


def test_three_classes_have_a_table_with_their_areas():
    films, _ = of_three()
    text = " ".join(texts(evaluation_pdf(reported(validation=films))))
    assert "Classification report by kind" in text
    assert "called BACTERIAL" in text


@pytest.mark.parametrize(
    ("markdown", "markup"),
    [
        (r"a \*b\* \<i\>", "a *b* &lt;i&gt;"),
        ("**bold** `code <x>`", '<b>bold</b> <font face="Courier">code &lt;x&gt;</font>'),
        ("<b>no</b> & ~~no~~ [l](x)", "&lt;b&gt;no&lt;/b&gt; &amp; ~~no~~ [l](x)"),
        (r"odd \` ` end", "odd ` ` end"),
        ("lone \\", "lone \\"),
    ],
)
def test_only_the_cards_own_markdown_is_markup(markdown, markup):
    [paragraph] = from_markdown(markdown)
    assert paragraph.text == markup


def test_a_table_of_markdown_keeps_escaped_bars_in_their_cells():
    [table] = from_markdown("| A | B |\n| --- | --- |\n| x \\| y | 1 |\n")
    assert [cell.text for cell in table._cellvalues[1]] == ["x | y", "1"]


def test_a_fence_that_never_ends_is_code_to_the_end():
    parts = from_markdown("````sh\n  # no heading\n```\n| no | table |\n")
    assert len(parts) == 1
    assert "# no heading" in parts[0].text
