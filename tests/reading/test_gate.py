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
from xraylab.reading.gate import BLANK, COLOURED, INVERTED, SMALLEST, UNCHECKED, gate, gate_rows, notes

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
    assert "under a year" in gate(film, "radiographs", age=0.5)[0].sentence


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
