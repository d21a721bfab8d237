import pytest

from tests.support.dicoms import dicom
from tests.support.films import film, grey
from xraylab.app.components.film_viewer import Viewed, film_viewer
from xraylab.imaging import Film


@pytest.mark.parametrize("height", [0, -1])
def test_a_viewer_without_height_is_the_callers_bug(height):
    with pytest.raises(ValueError, match="positive"):
        film_viewer(b"\x89PNG\r\n\x1a\n", None, key="v", caption="film", height=height)


def test_only_png_is_shown():
    with pytest.raises(ValueError, match="not PNG"):
        film_viewer(b"\xff\xd8\xff\xe0 a JPEG", None, key="v", caption="film")


def test_a_film_is_viewed_with_what_its_file_says():
    data = dicom(grey(), PatientOrientation=["R", "F"], ImagerPixelSpacing=[0.1, 0.2])
    viewed = Viewed.of(Film("a.dcm", data), b"", synthetic=True, grid=(7, 7))
    assert (viewed.caption, viewed.orientation, viewed.synthetic) == ("a.dcm", "LF", True)
    assert viewed.size_mm == pytest.approx((4.8, 12.8))
    assert viewed.measured_at == "at the detector"
    plain = Viewed.of(Film("a.png", film()), b"")
    assert (plain.orientation, plain.size_mm, plain.measured_at) == (None, None, "")
