"""The checklists: every item is answered, and every page that one names holds the section it means."""

import json
import re
from datetime import timedelta
from importlib.resources import files

import pypdfium2
import pytest

from tests.reports.test_pdf import texts
from tests.support.cards import AT, a_card, a_lock, predictions, written
from tests.support.evaluations import reported
from xraylab import documents
from xraylab.models import About
from xraylab.reports.pdf import evaluation_pdf
from xraylab.reports.sections import sections

ITEMS = {"TRIPOD+AI": (52, 27), "CLAIM 2024": (44, 44), "STARD-AI": (46, 30)}
ABOUT = About(
    users=("Readers.",),
    population=("Children.",),
    data=("Films.",),
    faults=("Some.",),
    failures=("Others.",),
    licences=("None.",),
)
FLOW = documents.FilmFlow(
    files=310,
    ignored=[documents.Reason(reason="not an image", files=4)],
    refused=[documents.Reason(reason=f"reason {n}", files=1) for n in range(14)],
    films=292,
    patients=120,
    left_out=3,
    splits=[documents.SplitFlow(split="train", films=100, patients=None, negatives=40, positives=60)],
    held_out=[
        documents.HeldOutFlow(
            split="validation",
            films=300,
            used_before=5,
            trained_on_before=4,
            not_scored=[documents.Reason(reason="not a film", files=2)],
            unlabelled=1,
            evaluated=292,
        )
    ],
    notes=["A note of the import."],
    unknown=["Something isn’t known."],
)
PROVENANCE = documents.Provenance(
    flow=FLOW,
    pixel_hash="1b" * 32,
    hashes=[documents.FilmsHash(split="test", films=7, sha256="2c" * 32)],
    openings=[
        documents.OpeningRow(at=AT + timedelta(hours=n), model=f"m{n}", data="films", actor="")
        for n in range(30)
    ],
)


def a_report(*, opened=True, about=ABOUT, provenance=PROVENANCE, **card):
    films, card = predictions(), a_card(about=about, **card)
    lock = a_lock(opened_at=(AT + timedelta(hours=1),), review_from=0.2)
    test = predictions(seed=5) if opened else None
    shown = {} if test is None else {"test": test}
    markdown = written(card, lock=lock, validation=films, **shown)
    return reported(card=card, lock=lock, test=test, markdown=markdown, provenance=provenance)


def plain(text):
    return " ".join(re.sub("[\u202f\u2009\xa0]", " ", text).split())


REPORTS = {
    "opened": a_report,
    "sealed": lambda: a_report(opened=False),
    "undescribed": lambda: a_report(about=About(), provenance=None),
    "ensemble": lambda: a_report(arch="ensemble", members=("one", "two")),
}


def outline(raw):
    """The page of each heading that the file's outline lists."""
    with pypdfium2.PdfDocument(raw) as pdf:
        entries = [(entry.get_title(), entry.get_dest().get_index() + 1) for entry in pdf.get_toc()]
    return {(plain(title), page) for title, page in entries}


def rows_of(checklist, pages):
    """The words of one checklist, from its heading to the next list or the model card."""
    words = " ".join(pages)
    start = words.index(f"Checklist: {checklist.name}")
    return re.split("Checklist: |Model card: ", words[start:])[1]


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
def test_every_item_has_an_answer_and_every_yes_a_page_that_holds_its_section(make):
    report = make()
    raw = evaluation_pdf(report)
    pages, titles, headings = [plain(page) for page in texts(raw)], sections(report), outline(raw)
    for checklist in report.checklists:
        rows = rows_of(checklist, pages)
        for item in checklist.items:
            assert (item.answer == "yes") == bool(item.sections)
            if item.answer != "yes":
                assert f"{item.number} {item.topic} {row_answer(item)}" in rows
                continue
            words = rf"(?<!\S){re.escape(item.number)} {re.escape(item.topic)} yes, pages? (\d+(?:, \d+)*)"
            [named] = re.findall(words, rows)
            numbers = [int(number) for number in named.split(", ")]
            assert numbers == sorted(set(numbers))
            meant = {plain(titles[key]) for key in item.sections}
            # as headings in the file's outline, and as words on the page itself
            assert {title for title, page in headings if page in numbers} >= meant
            for number in numbers:  # no page is named that holds none of them
                held = {title for title in meant if (title, number) in headings}
                assert held
                assert all(title in pages[number - 1] for title in held)


def row_answer(item):
    return {"only you": "only you can answer", "not applicable": "not applicable"}[item.answer]


def test_each_list_has_its_items_once_and_a_reason_wherever_an_item_does_not_apply():
    report = a_report()
    for checklist in report.checklists:
        numbers = [item.number for item in checklist.items]
        main = {re.match(r"\d+", number).group() for number in numbers if number[0].isdigit()}
        assert (len(numbers), len(main)) == ITEMS[checklist.name]
        assert main == {str(n) for n in range(1, len(main) + 1)}
        assert len(set(numbers)) == len(numbers)
        assert all(item.remark for item in checklist.items if item.answer == "not applicable")
    assert [checklist.name for checklist in report.checklists] == list(ITEMS)
    assert "numbered by us" in report.checklists[2].remark


def test_every_section_that_an_item_names_is_one_that_a_report_can_hold():
    known = {"card/Degraded films (the suite of perturbations)"}  # only of a model scored under the suite
    for make in REPORTS.values():
        known |= {re.sub("^(validation|test)/", "*/", key) for key in sections(make())}
    lists = json.loads(files("xraylab.reports").joinpath("checklists.json").read_text("utf-8"))
    named = {key for each in lists for item in each["items"] for key in item.get("see", ())}
    assert named <= known
    assert {"flow", "openings", "hashes", "*/patients", "*/unclear", "*/size", "*/kinds"} <= named


def answers(report, name):
    [checklist] = [each for each in report.checklists if each.name == name]
    return {item.number: item for item in checklist.items}


def test_what_nobody_has_described_only_the_author_can_answer():
    described, not_described = a_report(), a_report(about=About(), provenance=None)
    for number in ("5a", "6a", "26"):
        assert answers(described, "TRIPOD+AI")[number].answer == "yes"
        item = answers(not_described, "TRIPOD+AI")[number]
        assert (item.answer, item.remark.startswith("Nobody has described")) == ("only you", True)
    assert answers(not_described, "CLAIM 2024")["35"].answer == "only you"  # no flow was looked up


def test_items_of_an_ensemble_do_not_apply_to_one_network():
    assert answers(a_report(), "CLAIM 2024")["27"].answer == "not applicable"
    ensemble = answers(a_report(arch="ensemble", members=("one", "two")), "CLAIM 2024")["27"]
    assert ensemble.sections == ["card/How it was made"]


def test_results_are_those_of_the_test_films_once_they_are_opened():
    assert "test/figures" in answers(a_report(), "CLAIM 2024")["28"].sections
    sealed = a_report(opened=False)
    assert "validation/figures" in answers(sealed, "CLAIM 2024")["28"].sections
    assert "pages with results are those of the validation films" in plain(
        " ".join(texts(evaluation_pdf(sealed)))
    )


def test_flow_openings_and_hashes_are_drawn():
    report = a_report()
    text = plain(" ".join(texts(evaluation_pdf(report))))
    for words in (
        "Files in the source 310",
        "Ignored: not an image 4",
        "Refused: other reasons 2",
        "Films read 292 120",
        "Split: train 100 – 60 40",
        "Validation films that the figures stand on 292",
        "Validation films not scored: not a film 2",
        "(4 trained on) 5",
        "A note of the import.",
        "Something isn’t known.",
        "6 earlier openings in the JSON.",
        "2026-05-13 19:05 m29 films –",
        "test 7 " + "2c" * 32,
        "1b" * 32,
        "They chose: the epoch whose weights were kept; the threshold; the lower end of the review band.",
        "Films that the gate warns of: not known here",
    ):
        assert words in text
    counts = report.test.by_patient
    assert f"With pneumonia (sensitivity) {counts.ill} {counts.found}" in text
    needed = report.test.sample_size[0].needed[0]
    assert f"{needed.films} films of {needed.patients} patients" in text
    assert "Files in the source" not in " ".join(texts(evaluation_pdf(a_report(provenance=None))))


def test_an_empty_record_says_so():
    nothing = PROVENANCE.model_copy(update={"openings": [], "hashes": []})
    text = plain(" ".join(texts(evaluation_pdf(a_report(provenance=nothing)))))
    assert "None on record, for any model." in text
    assert "It isn’t known which films these are." in text
