"""A DICOM film hangs as it should, and its size in millimetres is that of its file."""

import itertools

import numpy as np
import pytest

from tests.support.dicoms import dicom
from tests.support.films import grey
from xraylab.imaging import Film, Hung, decode, standardise
from xraylab.imaging.standard import decode_dicom

UPRIGHT = grey(5)  # 48 rows, 64 columns, and no symmetry
FRONTAL = [(across, down) for across, down in itertools.product("LRHF", repeat=2)]
FRONTAL = [pair for pair in FRONTAL if len({"LR".find(side) >= 0 for side in pair}) == 2]
WAYS = {"L": (0, 1), "R": (0, -1), "F": (1, 0), "H": (-1, 0)}  # rows and columns of the film as it hangs


def stored(across: str, down: str) -> np.ndarray:
    """The upright film as a detector stores it whose rows and columns lead these ways."""
    step = np.array([WAYS[down], WAYS[across]])
    sides = [UPRIGHT.shape[int(way[0] == 0)] for way in step]
    first = [0 if sum(column) > 0 else side - 1 for column, side in zip(step.T, UPRIGHT.shape, strict=True)]
    made = np.empty(sides, np.uint8)
    for place in np.ndindex(*sides):
        made[place] = UPRIGHT[tuple(first + np.array(place) @ step)]
    return made


@pytest.mark.parametrize(("across", "down"), FRONTAL)
def test_a_frontal_film_hangs_with_the_right_on_the_left_however_it_is_stored(across, down):
    data = dicom(stored(across, down), PatientOrientation=[across, down])
    picture, standard = decode_dicom(data)
    np.testing.assert_array_equal(picture, UPRIGHT)
    np.testing.assert_array_equal(standard.pixels, standardise(dicom(UPRIGHT)).pixels)
    assert standard.hung.orientation == "LF"
    assert (standard.facts.height, standard.facts.width) == stored(across, down).shape


@pytest.mark.parametrize(
    ("orientation", "note"),
    [
        (["L", "F"], ()),
        (["R", "F"], ("Stored mirrored; shown with the patient's right on the left.",)),
        (["R", "H"], ("Stored turned; shown upright with the patient's right on the left.",)),
        (["F", "R"], ("Stored turned; shown upright with the patient's right on the left.",)),
        (["H", "R"], ("Stored mirrored and turned; shown upright with the patient's right on the left.",)),
        (["L", "H"], ("Stored mirrored and turned; shown upright with the patient's right on the left.",)),
        (["A", "F"], ()),
        (["P", "H"], ("Stored turned; shown upright.",)),
    ],
)
def test_what_was_done_is_said(orientation, note):
    assert standardise(dicom(UPRIGHT, PatientOrientation=orientation)).signs.notes == note


@pytest.mark.parametrize(
    ("orientation", "turns", "hung"),
    [("AF", 0, "AF"), ("PF", 0, "PF"), ("PH", 2, "AF"), ("AH", 2, "PF"), ("FA", 3, "PF"), ("HA", 1, "AF")],
)
def test_a_lateral_film_is_turned_and_never_mirrored(orientation, turns, hung):
    data = dicom(UPRIGHT, PatientOrientation=list(orientation))
    np.testing.assert_array_equal(decode(data), np.rot90(UPRIGHT, turns))
    assert standardise(data).hung.orientation == hung


@pytest.mark.parametrize(
    "value",
    [
        *("", "L", ["L"], ["L", "L"], ["L", "R"], ["H", "F"], ["L", "A"], ["A", "P"], ["LA", "F"]),
        *(["L", "FP"], ["R", "F", "H"], ["X", "Y"], ["RF", ""], ["", "F"], ["R" * 16, "F"], ["0", "1"]),
    ],
)
def test_an_orientation_that_is_none_of_a_chest_film_changes_nothing(value):
    read = standardise(dicom(UPRIGHT, PatientOrientation=value))
    np.testing.assert_array_equal(read.pixels, standardise(dicom(UPRIGHT)).pixels)
    assert read.hung == Hung()
    assert read.signs.notes == ()


@pytest.mark.parametrize(
    "raw", [b"R\xfeF ", b"R/F ", b"\x00\\F ", b"\\\\\\\\", bytes(4), b"\xff\xff\xff\xff"]
)
@pytest.mark.parametrize("vr", [b"CS", b"UN", b"DS", b"AT"])
def test_an_orientation_of_other_bytes_changes_nothing(raw, vr):
    data = dicom(UPRIGHT, PatientOrientation=["R", "F"])
    stored = b"CS\x04\x00R\\F "
    assert data.count(stored) == 1
    other = vr + (bytes(2) + b"\x04\x00\x00\x00" if vr == b"UN" else b"\x04\x00") + raw
    np.testing.assert_array_equal(decode(data.replace(stored, other)), UPRIGHT)


SIZES = [
    ({"PixelSpacing": [0.2, 0.2]}, (48 * 0.2, 64 * 0.2), "as the file states"),
    ({"ImagerPixelSpacing": [0.139, 0.139]}, (48 * 0.139, 64 * 0.139), "at the detector"),
    ({"ImagerPixelSpacing": [0.2, 0.1]}, (9.6, 6.4), "at the detector"),
    ({"PixelSpacing": [0.1, 0.2], "ImagerPixelSpacing": [0.1, 0.2]}, (4.8, 12.8), "at the detector"),
    (
        {"PixelSpacing": [0.18, 0.18], "ImagerPixelSpacing": [0.2, 0.2]},
        (8.64, 11.52),
        "in the patient, as the file was calibrated",
    ),
    (
        {"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
        (9.6, 12.8),
        "in the patient, as the file was calibrated",
    ),
    ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (4.8, 6.4), "on the film that was scanned"),
    ({"PixelAspectRatio": [2, 1]}, None, ""),
    ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.1, 0.1]}, (4.8, 6.4), "at the detector"),
    ({"PixelSpacing": [-0.1, 0.1]}, None, ""),
    ({"PixelSpacing": [0.1]}, None, ""),
    ({"PixelSpacing": [0.1, 0.1, 0.1]}, None, ""),
    ({"PixelSpacing": [500, 500]}, None, ""),
    ({"PixelSpacing": [1e-9, 1e-9]}, None, ""),
    ({"ImagerPixelSpacing": [0.1, 4]}, None, ""),
    ({}, None, ""),
]


@pytest.mark.parametrize(("fields", "size", "measured_at"), SIZES)
def test_the_size_is_that_of_the_spacing_and_where_it_is_true_is_said(fields, size, measured_at):
    hung = standardise(dicom(UPRIGHT, **fields)).hung
    assert hung.size_mm == (None if size is None else pytest.approx(size))
    assert hung.measured_at == measured_at


@pytest.mark.parametrize("raw", [b"NaN\\NaN ", b"abc\\0.1 ", b"inf\\inf ", b"        "])
def test_a_spacing_that_is_no_number_gives_no_size(raw):
    data = dicom(UPRIGHT, PixelSpacing=[0.15, 0.15])
    assert b"0.15\\0.15 " in data
    changed = data.replace(b"0.15\\0.15 ", raw.ljust(10))
    assert standardise(changed).hung == Hung()
    np.testing.assert_array_equal(decode(changed), UPRIGHT)


def test_a_turned_film_of_oblong_pixels_is_drawn_to_scale_and_keeps_its_size():
    lying = stored("F", "R")  # 64 rows of 0.1 mm, 48 columns of 0.2 mm
    data = dicom(lying, PatientOrientation=["F", "R"], ImagerPixelSpacing=[0.1, 0.2])
    film = Film("a.dcm", data)
    assert film.picture.shape == (96, 64)
    assert film.hung == Hung("LF", pytest.approx((48 * 0.2, 64 * 0.1)), "detector")
    assert np.abs(film.picture[::2].astype(int) - UPRIGHT).mean() < 3
