import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from xraylab.imaging.perturbations import FAMILIES, SUITE

BY_NAME = {one.name: one for one in SUITE}


@pytest.fixture
def film():
    rng = np.random.default_rng(5)
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, (256, 256)), 6)
    return (
        (127 + 90 * smooth / np.abs(smooth).max() + rng.normal(0, 6, (256, 256)))
        .clip(0, 255)
        .astype(np.uint8)
    )


def test_the_suite_is_the_one_that_was_fixed_beforehand():
    assert [one.name for one in SUITE] == [
        "jpeg-30", "jpeg-60", "blur-1", "rescale-112", "gamma-0.7", "gamma-1.4", "window-0.8", "window-1.2",
        "noise-5",
    ]  # fmt: skip
    assert FAMILIES == ("jpeg", "blur", "rescaling", "gamma", "contrast", "noise")


@pytest.mark.parametrize("one", SUITE, ids=BY_NAME)
def test_each_changes_a_film_the_same_way_every_time_and_leaves_the_given_one(film, one):
    before = film.copy()
    changed = one(film)
    assert changed.shape == film.shape
    assert changed.dtype == np.uint8
    assert (changed != film).mean() > 0.1
    np.testing.assert_array_equal(one(film), changed)
    np.testing.assert_array_equal(film, before)


def test_jpeg_is_what_a_file_of_that_quality_gives_back(film):
    for quality in (30, 60):
        buffer = io.BytesIO()
        Image.fromarray(film).save(buffer, "JPEG", quality=quality)
        np.testing.assert_array_equal(BY_NAME[f"jpeg-{quality}"](film), np.asarray(Image.open(buffer)))


def test_blur_spreads_a_point_by_one_pixel_of_a_film_224_wide():
    point = np.zeros((256, 256), np.uint8)
    point[128, 128] = 255
    blurred = BY_NAME["blur-1"](point).astype(float)
    offsets = np.arange(256) - 128
    variance = (blurred.sum(axis=0) * offsets**2).sum() / blurred.sum()
    assert np.sqrt(variance) == pytest.approx(256 / 224, rel=0.1)


def test_rescaling_keeps_no_detail_finer_than_the_smaller_film(film):
    def finest(pixels):
        power = np.abs(np.fft.fft2(pixels.astype(float) - pixels.mean())) ** 2
        frequency = np.abs(np.fft.fftfreq(256))
        return power[np.maximum.outer(frequency, frequency) > 0.4].sum()

    assert finest(BY_NAME["rescale-112"](film)) < 0.1 * finest(film)


def test_gamma_and_window_are_their_formulas():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    x = np.arange(256)
    for gamma in (0.7, 1.4):
        expected = np.rint(255 * (x / 255) ** gamma)
        np.testing.assert_array_equal(BY_NAME[f"gamma-{gamma}"](ramp)[0], expected)
    for width in (0.8, 1.2):
        expected = np.rint(np.clip((x - 127.5) / width + 127.5, 0, 255))
        np.testing.assert_array_equal(BY_NAME[f"window-{width}"](ramp)[0], expected)


def test_noise_has_the_deviation_it_says_and_differs_from_film_to_film(film):
    noise = BY_NAME["noise-5"]
    grey = np.full((256, 256), 128, np.uint8)
    added = noise(grey).astype(float) - grey
    assert added.std() == pytest.approx(5, rel=0.03)
    assert abs(added.mean()) < 0.1
    other = noise(grey + 1).astype(float) - grey - 1
    assert abs(np.corrcoef(added.ravel(), other.ravel())[0, 1]) < 0.02
