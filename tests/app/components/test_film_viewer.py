import pytest

from xraylab.app.components.film_viewer import film_viewer


@pytest.mark.parametrize("height", [0, -1])
def test_a_viewer_without_height_is_the_callers_bug(height):
    with pytest.raises(ValueError, match="positive"):
        film_viewer(b"\x89PNG\r\n\x1a\n", None, key="v", caption="film", height=height)


def test_only_png_is_shown():
    with pytest.raises(ValueError, match="not PNG"):
        film_viewer(b"\xff\xd8\xff\xe0 a JPEG", None, key="v", caption="film")
