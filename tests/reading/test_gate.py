"""What the gate warns of, and what it lets pass."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.dicoms import dicom
from tests.support.films import encoded
from xraylab.data.importing import read_labelled
from xraylab.data.phantoms import generate
from xraylab.imaging import FileFacts, Signs, StandardFilm, standardise
from xraylab.models.schema import Shown
from xraylab.reading.gate import (
    BLANK,
    COLOURED,
    FEWEST_SHOWN,
    INVERTED,
    SMALLEST,
    UNCHECKED,
    UNKNOWN_AGES,
    _midline,
    gate,
    gate_rows,
    notes,
    shown_by,
)

FACTS = FileFacts("PNG", 50_000, 1200, 900, 8, None, synthetic=False)


@pytest.fixture(scope="module")
def chests():
    return np.stack([one.pixels for one in generate(40, seed=5)])


@pytest.fixture
def film(chests):
    return StandardFilm(chests[0], FACTS)


def kinds(film, trained_on="radiographs", **more):
    found = gate(film, trained_on, **more)
    assert all(one.sentence.endswith(".") for one in found)
    return [one.kind for one in found]


@pytest.mark.parametrize(
    ("synthetic", "trained_on", "kind"),
    [
        (True, "phantoms", []),
        (False, "phantoms", ["no phantom"]),
        (True, "radiographs", ["phantom"]),
        (False, "radiographs", []),
    ],
)
def test_the_gate_knows_phantoms_from_radiographs_both_ways(film, synthetic, trained_on, kind):
    assert kinds(replace(film, facts=replace(FACTS, synthetic=synthetic)), trained_on) == kind


@pytest.mark.parametrize(
    ("width", "height", "found"),
    [(SMALLEST, 300, []), (SMALLEST - 1, 300, ["small"]), (300, SMALLEST - 1, ["small"]), (224, 224, [])],
)
def test_a_film_of_few_pixels_is_warned_of(film, width, height, found):
    assert kinds(replace(film, facts=replace(FACTS, width=width, height=height))) == found


@pytest.mark.parametrize(("colour", "found"), [(0, []), (COLOURED - 0.1, []), (COLOURED, ["colour"])])
def test_a_picture_in_colour_is_warned_of(film, colour, found):
    assert kinds(replace(film, signs=Signs(colour=colour))) == found


def test_a_blank_film_is_warned_of_and_a_faint_one_is_not():
    noise = np.random.default_rng(0)
    for level in (0, 128, 255):
        assert kinds(StandardFilm(np.full((256, 256), level, np.uint8), FACTS)) == ["blank"]
    faint = (128 + noise.normal(0, 2, (256, 256))).astype(np.uint8)
    assert kinds(StandardFilm(faint, FACTS)) == ["blank"]
    marked = np.zeros((256, 256), np.uint8)
    marked[:2] = 255  # a burnt-in line on nothing
    assert kinds(StandardFilm(marked, FACTS)) == ["blank"]
    ramp = np.tile(np.linspace(0, BLANK * 1.1, 256).astype(np.uint8), (256, 1))
    assert kinds(StandardFilm(ramp, FACTS)) == []


@pytest.mark.parametrize(
    ("dark", "light", "contrast", "found"),  # shares of the film in percent, and grey levels between them
    [
        (2.9, 2.9, 200, ["blank"]),  # less than three in a hundred at either end don't count
        (3.1, 0, BLANK, []),
        (0, 3.1, BLANK, []),
        (3.1, 0, BLANK - 1, ["blank"]),
        (0, 3.1, BLANK - 1, ["blank"]),
        (3.1, 3.1, BLANK // 2, []),
        (3.1, 3.1, BLANK // 2 - 1, ["blank"]),
    ],
)
def test_contrast_is_measured_from_the_3rd_to_the_97th_percentile(dark, light, contrast, found):
    pixels = np.full(256 * 256, 100, np.uint8)
    ends = np.random.default_rng(0).permutation(pixels.size)  # all over the film, so it isn't inverted
    low, high = (round(pixels.size * share / 100) for share in (dark, light))
    pixels[ends[:low]] = max(0, 100 - contrast)
    pixels[ends[low : low + high]] = min(255, 100 + contrast)
    assert kinds(StandardFilm(pixels.reshape(256, 256), FACTS)) == found


@pytest.mark.parametrize(
    ("row", "column", "weight"),
    [
        *((row, column, 1 / (140 * 32)) for row in (80, 219) for column in (112, 143)),
        *((row, column, -1 / (140 * 12) / 2) for row in (60, 199) for column in (0, 11, 244, 255)),
        *((row, 128, 0) for row in (79, 220)),
        *((150, column, 0) for column in (12, 111, 144, 243)),
        *((row, column, 0) for row in (59, 200) for column in (0, 255)),
    ],
)
def test_the_middle_and_the_sides_are_those_parts_of_a_film(row, column, weight):
    pixels = np.zeros((256, 256), np.uint8)
    pixels[row, column] = 255
    share = 1 / pixels.size  # a film with one light pixel has this variance, in squares of 255
    assert _midline(pixels) == pytest.approx(weight / math.sqrt(share * (1 - share)))


def test_every_inverted_chest_is_warned_of_and_no_chest_as_it_should_be(chests):
    for pixels in chests:
        assert kinds(StandardFilm(pixels, FACTS)) == []
        assert kinds(StandardFilm(255 - pixels, FACTS)) == ["inverted"]
    assert INVERTED < 0


@pytest.mark.parametrize(
    ("signs", "found"),
    [
        (Signs(), []),
        (Signs(modality="", view=" ", body_part=""), []),
        (Signs(modality="CR", view="PA", body_part="CHEST"), []),
        (Signs(modality="DX", view="AP", body_part="Port Chest"), []),
        (Signs(modality="dx", view="ANTERO-POSTERIOR", body_part="THORAX"), []),
        (Signs(modality="CT"), ["modality"]),
        (Signs(modality="MR", body_part="HEAD"), ["modality", "body part"]),
        (Signs(modality="ECG"), ["modality"]),
        (Signs(modality="XA"), ["modality"]),
        (Signs(body_part="CSPINE"), ["body part"]),
        (Signs(view="LL"), ["lateral"]),
        (Signs(view="RL"), ["lateral"]),
        (Signs(view="LATERAL"), ["lateral"]),
        (Signs(view="Left Lateral"), ["lateral"]),
        (Signs(view="LLO"), ["view"]),
        (Signs(raw=True), ["raw"]),
    ],
)
def test_what_the_tags_say_is_warned_of_where_it_is_no_frontal_chest_film(film, signs, found):
    assert kinds(replace(film, signs=signs)) == found


def test_a_tag_is_printed_without_what_could_be_markup_and_not_at_any_length(film):
    [found] = gate(replace(film, signs=Signs(body_part="<b>**knee**</b>" + "x" * 500)), "radiographs")
    assert "B KNEE B" in found.sentence
    assert len(found.sentence) < 100
    assert not set("<>*") & set(found.sentence)
    [found] = gate(replace(film, signs=Signs(body_part="K" * 500)), "radiographs")
    assert found.sentence == f"The file says that it shows another part of the body ({'K' * 24})."


@pytest.mark.parametrize(
    ("age", "found"),
    [(0.9, ["age"]), (0, ["age"]), (1, []), (3.5, []), (5.9, []), (6, ["age"]), (45, ["age"])],
)
def test_an_age_that_the_model_does_not_know_is_warned_of_whoever_says_it(film, age, found):
    tagged = replace(film, signs=Signs(age=age))
    assert kinds(tagged) == found
    assert kinds(film, age=age) == found
    assert kinds(tagged, age=3) == found  # what a person says doesn't hide what the tag says
    assert kinds(tagged, "phantoms") == ["no phantom"]


def test_the_sentence_on_age_tells_it(film):
    assert gate(film, "radiographs", age=45.7)[0].sentence == (
        "The age is 45 years; this model knows only ages 1 to 5."
    )
    for age, years in ((0, "under a year"), (0.99, "under a year"), (6, "6 years"), (-0.5, "-1 years")):
        sentence = f"The age is {years}; this model knows only ages 1 to 5."
        assert [one.sentence for one in gate(film, "radiographs", age=age)] == [sentence]


def test_of_two_unknown_ages_that_of_the_tag_is_told(film):
    [found] = gate(replace(film, signs=Signs(age=30)), "radiographs", age=0.5)
    assert found.sentence == "The age is 30 years; this model knows only ages 1 to 5."


def test_an_unknown_age_is_a_note_and_no_warning(film):
    unknown = ("Age unknown: this model knows only ages 1 to 5.",)
    assert kinds(film) == []
    assert notes(film, "radiographs", novelty=0.5) == unknown
    assert notes(replace(film, signs=Signs(age=math.nan)), "radiographs", novelty=0.5) == unknown
    assert notes(film, "radiographs", novelty=0.5, age=3) == ()
    assert notes(replace(film, signs=Signs(age=30)), "radiographs", novelty=0.5) == ()
    assert notes(film, "phantoms", novelty=0.5) == ()


def test_what_was_doubted_while_the_file_was_read_is_a_note(film):
    doubted = replace(film, signs=Signs(age=3, notes=("The window was guessed.",)))
    assert notes(doubted, "radiographs", novelty=0.5) == ("The window was guessed.",)


@pytest.mark.parametrize(
    ("novelty", "found"), [(0.2, []), (1.0, []), (1.001, ["unlike"]), (math.inf, ["unlike"]), (math.nan, [])]
)
def test_a_film_beyond_the_limit_is_unlike_and_where_nobody_can_tell_a_note_says_so(film, novelty, found):
    assert kinds(film, novelty=novelty) == found
    assert (UNCHECKED in notes(film, "radiographs", novelty=novelty)) is math.isnan(novelty)


def test_films_of_a_catalog_pass_the_same_gate(chests):
    pixels = chests[:3].copy()
    pixels[1] = 255 - pixels[1]
    row = {"format": "PNG", "bytes": 1, "width": 300, "height": 300, "bits": 8, "quant_sum": pd.NA}
    catalog = pd.DataFrame([row | {"synthetic": False, "subtype": ""} for _ in range(3)])
    catalog["quant_sum"] = catalog["quant_sum"].astype("Int64")
    rows, far = np.array([2, 1]), np.array([2.0, np.nan])
    found = gate_rows(catalog, pixels, rows, "radiographs", far)
    assert [[one.kind for one in film] for film in found] == [["unlike"], ["inverted"]]
    tagged = catalog.assign(view=["PA", None, "LL"], colour=[0.0, 0.0, 50.0])
    assert [one.kind for one in gate_rows(tagged, pixels, rows, "radiographs", far)[0]] == [
        "colour",
        "lateral",
        "unlike",
    ]


def test_a_labelled_folder_is_warned_of_as_its_files_are_one_by_one(chests, tmp_path):
    """By what the files say alone: the picture is the same each time."""
    grey = chests[0]
    files = {
        "adult.dcm": (dicom(grey, PatientAge="045Y"), ["age"]),
        "ct.dcm": (dicom(grey, Modality="CT"), ["modality"]),
        "grey.png": (encoded(grey), []),
        "knee.dcm": (dicom(grey, BodyPartExamined="KNEE"), ["body part"]),
        "plain.dcm": (dicom(grey, Modality="DX", ViewPosition="PA"), []),
        "raw.dcm": (dicom(grey, PresentationIntentType="FOR PROCESSING"), ["raw"]),
        "red.png": (encoded(np.stack([grey, grey // 2, grey // 2], axis=-1)), ["colour"]),
        "side.dcm": (dicom(grey, ViewPosition="LL"), ["lateral"]),
    }
    folder = tmp_path / "NORMAL"
    folder.mkdir()
    for name, (data, expected) in files.items():
        (folder / name).write_bytes(data)
        assert kinds(standardise(data)) == expected, name
    catalog, pixels, _ = read_labelled(tmp_path)
    together = gate_rows(catalog, pixels, np.arange(len(files)), "radiographs", np.full(len(files), np.nan))
    assert {
        Path(path).name: [one.kind for one in found]
        for path, found in zip(catalog["path"], together, strict=True)
    } == {name: expected for name, (_, expected) in files.items()}


ADULTS = Shown(ages=(20, 89))


@pytest.mark.parametrize(
    ("age", "found"), [(19.9, ["age"]), (20, []), (45, []), (89.9, []), (90, ["age"]), (3, ["age"])]
)
def test_a_model_trained_on_adults_decides_adults(film, age, found):
    assert kinds(replace(film, signs=Signs(age=age)), shown=ADULTS) == found
    assert kinds(film, age=age, shown=ADULTS) == found


def test_the_words_on_age_are_those_of_the_training_films(film):
    assert gate(film, "radiographs", age=3, shown=ADULTS)[0].sentence == (
        "The age is 3 years; this model knows only ages 20 to 89."
    )
    assert notes(film, "radiographs", novelty=0, shown=ADULTS) == (
        "Age unknown: this model knows only ages 20 to 89.",
    )
    for age in (None, 40):
        assert kinds(film, age=age, shown=Shown()) == []
        assert notes(film, "radiographs", novelty=0, age=age, shown=Shown()) == (UNKNOWN_AGES,)
    assert notes(film, "phantoms", novelty=0, shown=Shown()) == ()


@pytest.mark.parametrize(
    ("view", "views", "found"),
    [
        ("LL", (), ["lateral"]),
        ("LL", ("lateral",), []),
        ("PA", ("lateral",), []),
        ("OBLIQUE", ("lateral",), ["view"]),
        ("OBLIQUE", ("view",), []),
    ],
)
def test_a_lateral_film_is_unusual_unless_the_model_was_trained_on_them(film, view, views, found):
    assert kinds(replace(film, signs=Signs(view=view)), shown=Shown(views=views)) == found


def catalog_of(n, **columns):
    return pd.DataFrame({"path": [f"TB/{place}.dcm" for place in range(n)]} | columns)


def test_the_ages_of_a_model_are_those_of_its_training_films():
    ages = [*range(20, 90), *range(20, 90), *range(20, 90), math.nan, 5.0, 130.0]  # two are mistyped
    catalog = catalog_of(len(ages), age=ages)
    assert shown_by(catalog, np.arange(len(ages))).ages == (20, 89)
    assert shown_by(catalog, np.arange(30)).ages == (20, 49)  # of these films only
    few = catalog_of(40, age=[30.0] * (FEWEST_SHOWN - 1) + [math.nan] * (41 - FEWEST_SHOWN))
    assert shown_by(few, np.arange(40)) == Shown()


@pytest.mark.parametrize(
    ("paths", "ages"),
    [
        (["NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/person1_bacteria_1.jpeg", "NORMAL/other.jpeg"], (1, 5)),
        (["NORMAL/IM-0001-0001.jpeg", "NORMAL/other.jpeg"], None),
        (["TB/1.png"], None),
    ],
)
def test_films_of_the_kermany_set_have_the_ages_that_its_publisher_states(paths, ages):
    assert shown_by(pd.DataFrame({"path": paths}), np.arange(len(paths))).ages == ages


@pytest.mark.parametrize(("laterals", "views"), [(FEWEST_SHOWN, ("lateral",)), (FEWEST_SHOWN - 1, ())])
def test_the_views_of_a_model_are_those_of_its_training_films(laterals, views):
    stated = ["LL"] * laterals + ["PA"] * 20 + [None] * 5
    catalog = catalog_of(len(stated), view=stated, modality="DX", raw=False)
    assert shown_by(catalog, np.arange(len(stated))).views == views
    assert shown_by(catalog, np.arange(laterals, len(stated))).views == ()
