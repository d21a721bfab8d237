"""A film as one object: lazy, decoded once for each use, and without its name where it could be logged."""

import hashlib
import weakref

import numpy as np
import pytest

from tests.support.dicoms import dicom
from tests.support.films import film, grey
from xraylab.errors import UnreadableImageError
from xraylab.imaging import SIDE, Film, Hung, Refused, Signs, decode, standardise

pytest_plugins = ["tests.support.decodes"]


def test_a_film_gives_what_its_file_gives():
    data = film(kind="JPEG")
    made = Film("a.jpeg", data)
    standard = standardise(data)
    np.testing.assert_array_equal(made.standard.pixels, standard.pixels)
    np.testing.assert_array_equal(made.picture, decode(data))
    assert (made.facts, made.signs) == (standard.facts, standard.signs)
    assert made.sha256 == hashlib.sha256(data).hexdigest()
    assert not made.is_dicom


def test_nothing_of_a_film_is_decoded_before_it_is_needed(decodes):
    made = Film("a.dcm", dicom(grey()))
    assert made.is_dicom
    assert len(made.sha256) == 64
    assert decodes == {}


@pytest.mark.parametrize(("kind", "counted"), [("PNG", "opened"), ("DICOM", "read")])
def test_a_film_is_decoded_once_for_networks_and_once_for_people(decodes, kind, counted):
    made = Film("a", dicom(grey()) if kind == "DICOM" else film(kind=kind))
    for _ in range(3):
        assert made.standard.pixels.shape == (SIDE, SIDE)
        assert made.picture.shape == (48, 64)
        assert made.signs.colour == 0
    assert decodes == {counted: 2}


def test_a_dicom_film_is_decoded_once_for_both_if_its_picture_is_needed_first(decodes):
    data = dicom(np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16), bits=12)
    made = Film("a.dcm", data)
    picture, standard = made.picture, made.standard
    assert decodes == {"read": 1}
    np.testing.assert_array_equal(picture, decode(data))
    np.testing.assert_array_equal(standard.pixels, standardise(data).pixels)
    assert (standard.facts, standard.signs) == (standardise(data).facts, standardise(data).signs)


def test_dropped_pixels_are_freed_and_what_the_file_states_stays(decodes):
    made = Film("a.png", film())
    pixels, picture = weakref.ref(made.standard.pixels), weakref.ref(made.picture)
    made.drop_picture()
    assert (picture(), pixels() is None) == (None, False)
    made.drop_pixels()
    assert pixels() is None
    assert made.facts.format == "PNG"
    assert made.signs == Signs()
    assert made.hung == Hung()
    assert decodes == {"opened": 2}
    np.testing.assert_array_equal(made.picture, grey())


def test_a_film_that_cannot_be_read_says_why_each_time():
    made = Film("a.txt", b"not an image at all")
    assert not made.is_dicom
    for _ in range(2):
        for use in (lambda: made.standard, lambda: made.picture, lambda: made.signs):
            with pytest.raises(UnreadableImageError, match="not a DICOM, PNG, JPEG"):
                use()


def test_the_name_of_a_film_is_not_in_its_repr():
    assert "DOE" not in repr(Film("DOE-JANE.png", film()))
    assert "DOE" not in repr(Refused("DOE-JANE.png", "The file can't be opened. Check its permissions."))
