"""A film's report: as a page, as a picture, and as DICOM on each of its two ways."""

import io
import math
import warnings
from dataclasses import replace

import numpy as np
import pydicom
import pypdfium2
import pytest
from PIL import Image, ImageFont

from tests.support.dicoms import dataset, written
from tests.support.film_reports import (
    IDENTITY,
    STANDING,
    a_heatmap,
    a_report,
    a_source,
    complaints,
)
from tests.support.films import encoded, grey
from xraylab import formats
from xraylab.errors import NotConfirmedError, XRayLabError
from xraylab.evaluation.thresholds import threshold_table
from xraylab.findings import PNEUMONIA
from xraylab.imaging import Film, is_dicom
from xraylab.records import LONGEST_NOTE
from xraylab.reports import charts, film_words
from xraylab.reports.film import Standing, standing_rates
from xraylab.reports.film_pdf import film_pdf
from xraylab.reports.film_picture import _LACKING, _broken, _words_below, film_picture, film_png
from xraylab.reports.secondary_capture import deidentified, for_the_study
from xraylab.reports.typeset import NOTICE, visible

UNLOCKED = Standing("m", "h", "a", "d", "fp32", None, n=0, patients=0, positives=0)


def texts(raw):
    """The words of each page."""
    with pypdfium2.PdfDocument(raw) as pdf:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in pdf]


def text(raw):
    """The words of a page, which has to be the only one."""
    [page] = texts(raw)
    return page


def shown(words):
    """Our words as they are read back from a page."""
    return " ".join(visible(words.replace("'", "’")).split())


def test_the_page_tells_score_decision_lock_and_what_it_is_not_for():
    page = text(film_pdf(a_report()))
    for words in (
        "Film b6ced9b7053e",
        "RESEARCH, NOT FOR DIAGNOSIS",
        NOTICE,
        "Pneumonia score 0.913",
        "Pneumonia score above the threshold.",
        "Not calibrated, so the score is not a probability of pneumonia. Of 782 validation films, 74.3 %",
        "Threshold 0.412 chosen by “Youden”",
        "Sensitivity 95.1 % 93.0–96.7",
        "Specificity 91.0 % 86.2–94.4",
        "395 patients",
        "hash 57cb57cb57cb57cb",
        "No warnings.",
    ):
        assert words in page
    assert "SYNTHETIC" not in page


def test_the_page_marks_the_film_among_the_validation_films_in_the_words_of_the_screen():
    films = threshold_table([0] * 100 + [1] * 50, [*np.linspace(0, 0.95, 100), *np.linspace(0.5, 1, 50)])
    standing = replace(STANDING, films=films, calibrated=True, models=3)
    kinds = (("bacterial", 0.7), ("viral", 0.3))
    page = text(film_pdf(a_report(standing=standing, spread=0.021, kinds=kinds)))
    for words in (
        film_words.position(films, 0.913, locked=True),
        film_words.prevalence(581, 782, calibrated=True),
        film_words.disagreement(0.021, 3),
        film_words.kinds(kinds, PNEUMONIA),
        "this film",
        "above: NORMAL, 100",
        "below: PNEUMONIA, 50",
    ):
        assert shown(words) in page
    assert "Not calibrated" not in page


def test_the_mark_of_the_film_stands_at_its_score():
    films = threshold_table([0, 1], [0.2, 0.9])
    at = [charts.standing(films, score, []).contents[-2].points[0] for score in (0.0, 0.25, 1.0)]
    assert (at[1] - at[0]) / (at[2] - at[0]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("changes", "caption", "said"),
    [
        ({}, "With the heatmap of its pneumonia score (HiResCAM)", "which regions raised"),
        ({"strongest": 0.0}, "which is blank: nothing in the film raised the score", "It is blank: nothing"),
        ({"strongest": 0.004}, "hardly visible: nothing in the film raised", "0.4 % of full colour"),
        ({"strongest": 1e-5}, "hardly visible", "less than 0.1 % of full colour"),
        ({"fixed": False}, "(HiResCAM)", "Full colour is the strongest place on this film"),
        ({"faithful": (18, 20)}, "(HiResCAM)", "more than 18 of 20 smooth random maps (0.90;"),
    ],
)
def test_it_says_which_heatmap_it_shows_and_leaves_no_empty_one_unexplained(changes, caption, said):
    drawn = a_heatmap(method="HiResCAM", grids=((7, 7), (16, 16)), **changes)
    report = a_report(overlay=drawn)
    page, picture = text(film_pdf(report)), " ".join(_words_below(report)).replace("\u202f", " ")
    assert caption in page
    for words in (said, "HiResCAM on the network's own grid of 7 × 7 and 16 × 16"):
        assert shown(words) in page
        assert words in picture


def test_notes_are_on_the_page_apart_from_warnings():
    notes = ("Age unknown: this model knows only ages 1 to 5.", "No VOI window: shown over its values.")
    page = text(film_pdf(a_report(notes=notes)))
    assert page.index("No warnings.") < page.index(" ".join(notes)) < page.index("The lock")


HOSTILE = (
    "<script>alert(1)</script> </para> &amp; <b>",
    "\u202e\u200fשלום\u2066 עולם",
    "\N{GRINNING FACE}\N{VARIATION SELECTOR-16}",
    "肺炎の所見" * 100,
    "\x00\x1b[31m\ud800",
    "W" * LONGEST_NOTE,
    "\n" * LONGEST_NOTE,
)


@pytest.mark.parametrize("words", HOSTILE)
def test_no_note_breaks_the_page_or_its_layout(words):
    note = (words * LONGEST_NOTE)[:LONGEST_NOTE]
    report = a_report(note=note, call="unsure", warnings=(words,), notes=(words,), overridden=True)
    pages = texts(film_pdf(report))
    assert "The lock" in " ".join(pages)
    assert len(pages) <= 2
    for page in pages:
        assert "RESEARCH, NOT FOR DIAGNOSIS" in page
    with pypdfium2.PdfDocument(film_pdf(report)) as pdf:
        for page in pdf:
            grey_page = np.squeeze(page.render(scale=1, grayscale=True).to_numpy())
            assert grey_page[:, :48].min() == grey_page[:, -48:].min() == 255  # nothing runs into the margins
    assert film_picture(report).shape[2] == 3
    if words.startswith("<script"):
        assert "<script>alert(1)</script> </para> &amp; <b>" in " ".join(pages)


def test_a_phantom_says_synthetic_in_words_and_in_the_picture():
    report = a_report(synthetic=True)
    assert "Film b6ced9b7053e – SYNTHETIC" in text(film_pdf(report))
    assert (film_picture(report) != film_picture(a_report())).any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decision": "negative"}, ["below the threshold.", "No other finding was looked for."]),
        (
            {"decision": "review", "review_from": 0.2, "standing": replace(STANDING, missed_below=0.01)},
            ["Needs a reader.", "Needs a reader from 0.200", "Pneumonias below both 1.0 % –"],
        ),
        (
            {
                "threshold": None,
                "decision": None,
                "standing": Standing("m", "h", "a", "d", "fp32", None, 0, 0, 0),
            },
            [
                "No decision",
                "which decides nothing here.",
                "not locked yet",
                "Threshold –",
                "Sensitivity – –",
                "there are no validation films",
                "on which no threshold was chosen yet",
            ],
        ),
        (
            {"warnings": ("An adult.",), "decision": None},
            ["An adult.", "Not decided because of the warnings."],
        ),
        ({"warnings": ("An adult.",), "overridden": True}, ["Decided despite the warnings"]),
        ({"call": "unsure", "note": "Rotated <b>film</b>"}, ["own call Unsure.", "Rotated <b>film</b>"]),
        ({"call": "pneumonia", "blind": True}, ["own call Pneumonia, made before the score was shown."]),
    ],
)
def test_the_page_says_what_came_of_the_film(changes, said):
    page = text(film_pdf(a_report(**changes)))
    for words in said:
        assert words in page


@pytest.mark.parametrize(("width", "height"), [(60, 3000), (3000, 60), (40, 40), (3000, 2600)])
def test_an_odd_film_stays_on_one_page_and_long_words_go_on_over_it_in_the_same_size(width, height):
    odd = a_report(film=grey(width=width, height=height), warnings=("A warning.",) * 3, note="word " * 40)
    assert "RESEARCH" in text(film_pdf(odd))
    pages = texts(film_pdf(replace(odd, warnings=("A long warning. " * 40,) * 12, note="word " * 200)))
    assert len(pages) == 2
    assert "Film b6ced9b7053e · RESEARCH, NOT FOR DIAGNOSIS" in pages[1]
    assert film_picture(odd).shape[2] == 3


def test_a_phantom_says_synthetic_on_every_page():
    for page in texts(film_pdf(a_report(synthetic=True, warnings=("A long warning. " * 40,) * 12))):
        assert "SYNTHETIC" in page


def test_the_same_report_gives_the_same_page():
    assert film_pdf(a_report()) == film_pdf(a_report())


def test_the_rates_are_those_of_the_exact_table():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 200).astype(np.int8), rng.random(200)
    rates = standing_rates(threshold_table(labels, scores, np.arange(200).astype(object)), 0.5, 0.25)
    assert rates["sensitivity"] == pytest.approx((scores[labels == 1] >= 0.5).mean())
    assert rates["specificity"] == pytest.approx((scores[labels == 0] < 0.5).mean())
    assert rates["missed_below"] == pytest.approx((scores[labels == 1] < 0.25).mean())


def test_the_picture_shows_the_film_and_the_heatmap_with_words_burned_in():
    report = a_report(film=np.full((800, 800), 100, np.uint8))
    picture = film_picture(report)
    grey_film = (picture == 100).all(axis=2)
    reddish = (picture[..., 0] > 200) & (picture[..., 1] < 60)
    assert grey_film[:, :800].sum() > 0.9 * 800 * 800
    assert reddish[:, 800:].sum() > 0.4 * 800 * 800
    assert not reddish[:, :790].any()
    words = (picture == (255, 214, 102)).all(axis=2)  # the notice's colour
    rows = np.flatnonzero(words.any(axis=1))
    assert rows[0] < 60
    assert words[700:, :800].any()
    assert words[700:, 808:].any()


ALARM = (255, 214, 102)  # of the notice
WARNINGS = ("The image has only 80 × 80 pixels, too few to show a chest well.",) * 4


@pytest.mark.parametrize("panes", [1, 2])
@pytest.mark.parametrize(("width", "height"), [(60, 3000), (400, 2600), (3000, 120), (640, 480)])
def test_an_odd_film_keeps_its_shape_and_no_word_is_cut_off(width, height, panes):
    flat = np.full((height, width), 100, np.uint8)
    unseen = encoded(Image.new("RGBA", (8, 8)))
    overlay = unseen if panes == 2 else None
    report = a_report(film=flat, overlay=overlay, synthetic=True, warnings=WARNINGS)
    picture = film_picture(report)
    film = (picture == 100).all(axis=2)[:, : picture.shape[1] // panes]
    rows, columns = (np.flatnonzero(film.any(axis=axis)) for axis in (1, 0))
    shape = (np.ptp(columns) + 1) / (np.ptp(rows) + 1)
    assert shape == pytest.approx(width / height, rel=0.06)
    edge = picture[:, -4:]
    plain = (edge == 100).all(axis=2) | (edge.max(axis=2) < 60)  # film or ground
    assert plain.all()  # words that are cut off run into it
    notice = (picture[:40] == ALARM).all(axis=2)
    assert np.ptp(np.flatnonzero(notice.any(axis=0))) > 200


def test_lines_are_broken_at_words_and_inside_only_of_a_word_too_long():
    font = ImageFont.load_default(13)
    lines = _broken("a film that is " + "m" * 64, font, 200)
    assert lines[0] == "a film that is"
    assert "".join(lines[1:]) == "m" * 64
    assert max(map(font.getlength, lines)) <= 200


def test_every_sign_of_our_sentences_is_in_the_font_of_the_picture():
    font = ImageFont.load_default(30)
    none = bytes(font.getmask("\uffff"))
    said = "".join(
        [*WARNINGS, formats.percent(0.5), formats.score(math.nan), formats.count(1000), "·,:()<>’“”"]
    )
    assert [sign for sign in said.translate(_LACKING) if bytes(font.getmask(sign)) == none] == []


def test_no_decision_has_no_threshold_behind_it():
    words = _words_below(a_report(decision=None))
    assert words[0].startswith("No decision. The film")
    assert "Score 0.913, which decides nothing here." in words[1:]
    assert "threshold (0.412)." in _words_below(a_report())[0]


def test_a_film_that_is_not_decided_shows_no_score_in_large_type():
    report = a_report(decision=None, warnings=("A cat.",), score=0.9996)
    page = text(film_pdf(report))
    assert "Pneumonia score >0.999" not in page
    assert "Score >0.999, which decides nothing here." in page
    assert page.index("No decision") < page.index("Score >0.999")
    large = _words_below(report)[0]
    assert ">0.999" not in large
    # The same score of a film that was decided stands first.
    assert "Pneumonia score >0.999" in text(film_pdf(a_report(score=0.9996)))


def test_documents_say_what_below_means_at_the_readers_prevalence():
    films = threshold_table(
        np.r_[np.zeros(60), 1, np.ones(60)].astype(int), np.r_[np.full(60, 0.1), 0.2, np.full(60, 0.9)]
    )
    standing = replace(STANDING, films=films, test=films)
    report = a_report(standing=standing, decision="negative", score=0.1, review_from=0.3, prevalence=0.2)
    page = text(film_pdf(report))
    for split in ("validation", "test"):
        words = film_words.below(films, 0.412, 0.3, prevalence=0.2, split=split)
        assert f"Of 61 {split} films below both thresholds, 1 has pneumonia" in words
        assert shown(words) in page
        assert words in _words_below(report)
    assert not [words for words in _words_below(replace(report, decision="positive")) if "Of 61" in words]


def test_the_png_has_no_metadata_and_goes_without_a_heatmap():
    with Image.open(io.BytesIO(film_png(a_report(overlay=None)))) as image:
        assert image.info == {}
        assert image.width < 2 * image.height


def test_a_deidentified_file_passes_the_validator_and_names_nobody(tmp_path):
    raw = deidentified(a_report(), looked=True)
    assert complaints(raw, tmp_path) == []
    found = pydicom.dcmread(io.BytesIO(raw))
    assert list(found.ImageType) == ["DERIVED", "SECONDARY"]
    assert (found.BurnedInAnnotation, found.PatientIdentityRemoved) == ("YES", "YES")
    assert "Basic Profile" in found.DeidentificationMethod
    assert found.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    np.testing.assert_array_equal(found.pixel_array, film_picture(a_report()))


def test_a_deidentified_file_has_no_date_no_private_element_and_only_what_we_write():
    found = pydicom.dcmread(io.BytesIO(deidentified(a_report(note="A note", call="unsure"), looked=True)))
    assert not [element for element in found.iterall() if element.tag.is_private]
    dated = [element for element in found.iterall() if element.VR in ("DA", "TM", "DT")]
    assert dated
    assert not [element for element in dated if element.value]
    told = {
        element.keyword
        for element in found
        if element.VR in ("PN", "LO", "SH", "LT", "ST", "UT") and element.value
    }
    assert told == {"Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeidentificationMethod"}


def test_every_deidentified_file_has_uids_of_its_own():
    files = [pydicom.dcmread(io.BytesIO(deidentified(a_report(), looked=True))) for _ in range(2)]
    uids = [uid for one in files for uid in (one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID)]
    assert len(set(uids)) == 6
    assert not set(uids) & {IDENTITY[name] for name in IDENTITY if name.endswith("UID")}


def test_back_to_the_study_keeps_patient_and_study_in_a_new_series(tmp_path):
    raw = for_the_study(a_report(), Film("film.dcm", a_source()), confirmed=True)
    assert complaints(raw, tmp_path) == []
    found = pydicom.dcmread(io.BytesIO(raw))
    for keyword in (
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyDate",
        "StudyID",
    ):
        assert getattr(found, keyword) == IDENTITY[keyword]
    assert str(found.PatientName) == IDENTITY["PatientName"]
    assert found.AccessionNumber == IDENTITY["AccessionNumber"]
    assert found.SeriesInstanceUID != IDENTITY["SeriesInstanceUID"]
    assert found.SOPInstanceUID != IDENTITY["SOPInstanceUID"]
    assert (found.BurnedInAnnotation, list(found.ImageType)) == ("YES", ["DERIVED", "SECONDARY"])
    assert "PatientIdentityRemoved" not in found
    assert "0.913" in found.DerivationDescription
    assert b"PRIVATE-SECRET" not in raw
    assert "InstitutionName" not in found


@pytest.mark.parametrize("overridden", [True, False])
def test_the_study_is_told_in_words_too_of_a_decision_in_spite_of_warnings(overridden):
    raw = for_the_study(
        a_report(warnings=("No.",), overridden=overridden), Film("film.dcm", a_source()), confirmed=True
    )
    told = pydicom.dcmread(io.BytesIO(raw)).DerivationDescription
    assert (film_words.OVERRIDDEN in told) is overridden
    assert "  " not in told


def test_a_study_that_was_deidentified_stays_so(tmp_path):
    raw = for_the_study(
        a_report(),
        Film("film.dcm", a_source(PatientIdentityRemoved="YES", DeidentificationMethod="By hand")),
        confirmed=True,
    )
    assert complaints(raw, tmp_path) == []
    assert pydicom.dcmread(io.BytesIO(raw)).PatientIdentityRemoved == "YES"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (encoded(grey()), "not read from a DICOM file"),
        (b"\0" * 128 + b"DICM" + b"garbage" * 9, "can't be read|names no study"),
        (None, "names no study"),
    ],
)
def test_without_a_study_there_is_no_way_back(source, said):
    source = a_source(StudyInstanceUID=None) if source is None else source
    with pytest.raises(XRayLabError, match=said):
        for_the_study(a_report(), Film("film.dcm", source), confirmed=True)


@pytest.mark.parametrize(
    "make", [deidentified, lambda report: for_the_study(report, Film("film.dcm", a_source()))]
)
def test_no_dicom_is_written_without_a_persons_word(make):
    with pytest.raises(NotConfirmedError, match="Confirm that"):
        make(a_report())


def test_a_file_is_dicom_by_its_content():
    assert is_dicom(a_source())
    assert not is_dicom(encoded(grey()))
    assert not is_dicom(b"")
    hidden = encoded(grey(), "JPEG")[:128].ljust(128, b"\0") + a_source()[128:]
    assert not is_dicom(hidden)  # it is read as the JPEG that it begins with


@pytest.mark.parametrize(("implicit", "little"), [(False, True), (True, True), (False, False)])
def test_a_film_without_dicoms_mark_goes_back_to_its_study_too(implicit, little, tmp_path):
    stored = grey(3, width=300, height=240).astype(np.uint16)
    film = dataset(stored, SpecificCharacterSet="ISO_IR 192", **IDENTITY)
    raw = written(film, implicit=implicit, little=little, meta=False)
    assert is_dicom(raw)
    made = for_the_study(a_report(), Film("film.dcm", raw), confirmed=True)
    assert complaints(made, tmp_path) == []
    found = pydicom.dcmread(io.BytesIO(made))
    assert str(found.PatientName) == IDENTITY["PatientName"]
    assert found.StudyInstanceUID == IDENTITY["StudyInstanceUID"]


def test_a_broken_source_raises_no_warning_and_is_quoted_in_no_log(caplog, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = for_the_study(
            a_report(),
            Film(
                "film.dcm",
                a_source(PatientName="Doe^J")
                .replace(b"20190203", b"Jane Doe")
                .replace(b"ISO_IR 100", b"Doe^Jane X"),
            ),
            confirmed=True,
        )
    assert b"Doe^J" in raw
    assert b"Jane Doe" not in raw  # no date of birth
    assert capsys.readouterr().err == caplog.text == ""
