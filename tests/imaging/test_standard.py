"""Films: one way from a file to pixels, and any bytes are safe.

What runs in a decoder is tested here in this process; ``test_apart.py`` compares both.
"""

import io
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.support.dicoms import dicom
from tests.support.films import (
    PNG_SIGNATURE,
    bare_png,
    deep_png,
    deep_tiff,
    encoded,
    film,
    grey,
    passes,
    png_chunk,
)
from xraylab.data import phantoms
from xraylab.errors import UnreadableImageError
from xraylab.imaging import PHANTOM_MARK, SIDE, FileFacts
from xraylab.imaging.decoding import raster
from xraylab.imaging.decoding.own_range import NO_WINDOW
from xraylab.imaging.decoding.pixels import decode, standardise
from xraylab.imaging.recognition import recognise

EXIF_ORIENTATION = 0x0112
PALETTE = [value for level in range(256) for value in (level, level, level)]
# What turns the stored image upright, by EXIF's own table of the eight orientations.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.T,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].T,
    8: np.rot90,
}


def in_mode(mode: str) -> Image.Image:
    """The grey film in another mode, whose grey values are the same."""
    image = Image.fromarray(grey())
    if mode != "P":
        return image.convert(mode)
    palette = Image.new("P", image.size)
    palette.putpalette(PALETTE)
    palette.putdata(list(grey().ravel().tolist()))
    return palette


def oriented(orientation: int, kind: str) -> bytes:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return encoded(grey(), kind, exif=exif)


def marked(pixels: np.ndarray) -> bytes:
    text = PngInfo()
    text.add_text(PHANTOM_MARK, "1")
    return encoded(pixels, pnginfo=text)


def several(kind: str) -> bytes:
    """A file of two pictures."""
    second = Image.fromarray(grey(1))
    return encoded(grey(), kind, save_all=True, append_images=[second])


def tiled(side: int) -> bytes:
    """A TIFF whose tiles claim to be of a size."""
    tags = {256: 64, 257: 48, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 200, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(100)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


# Pixels


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_a_grey_film_is_the_same_in_every_png_mode(mode):
    np.testing.assert_array_equal(decode(encoded(in_mode(mode))), grey())


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_of_any_mode_is_nearly_the_film(mode):
    read = decode(encoded(in_mode(mode), "JPEG", quality=95))
    assert read.shape == grey().shape
    assert np.abs(read.astype(int) - grey()).mean() < 2


def test_black_and_white_become_0_and_255():
    bits = grey() > 127
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(bits))), np.where(bits, 255, 0))


def test_colour_becomes_luma():
    colour = np.zeros((40, 40, 3), np.uint8)
    colour[:] = (200, 100, 50)
    luma = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)  # ITU-R BT.601
    assert np.unique(decode(encoded(colour))).tolist() == [luma]


def test_what_is_transparent_is_black():
    rgba = np.full((40, 40, 4), 200, np.uint8)
    rgba[:20, :, 3] = 0
    rgba[20:, :, 3] = 255
    np.testing.assert_array_equal(np.unique(decode(encoded(rgba))[:20]), [0])
    np.testing.assert_array_equal(np.unique(decode(encoded(rgba))[20:]), [200])


DEEP = (grey(3, width=90, height=70).astype(np.uint16) * 16) + 7  # 12 bits, as often stored in 16


def by_own_range(values: np.ndarray) -> np.ndarray:
    """The darkest 0.5 % are black and the brightest 0.5 % white."""
    low, high = np.percentile(values, (0.5, 99.5))
    return np.rint(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)


def channels(number: int, last: int | None = None) -> np.ndarray:
    """The deep film in each of a number of channels, the last one filled with a value if it is given."""
    values = np.dstack([DEEP] * number)
    if last is not None:
        values[..., -1] = last
    return values


INK = np.dstack([np.zeros_like(DEEP)] * 3 + [65535 - DEEP])  # CMYK: only black ink
DEEP_FILES = {
    "PNG": encoded(DEEP),
    "PNG with transparency": deep_png(channels(2, 65535)),
    "PNG in colour": deep_png(channels(3)),
    "PNG in colour with transparency": deep_png(channels(4, 65535)),
    **{
        f"TIFF {name}": encoded(DEEP, "TIFF", compression=name)
        for name in ("raw", "tiff_lzw", "tiff_deflate", "packbits")
    },
    **{
        f"TIFF in colour {order} {planes} {deflated}": deep_tiff(
            channels(3), order=order, planes=planes, deflated=deflated
        )
        for order in "<>"
        for planes, deflated in ((False, False), (True, False), (False, True))
    },
    **{
        f"TIFF in colour with another channel {extra} {order}": deep_tiff(
            channels(4, 65535), order=order, extra=extra
        )
        for extra in (0, 1, 2)
        for order in "<>"
    },
    "TIFF in the colours of print": deep_tiff(INK),
    "TIFF in the colours of print, deflated": deep_tiff(INK, order=">", deflated=True),
}


@pytest.mark.parametrize("name", DEEP_FILES)
def test_a_film_of_16_bits_is_shown_by_its_own_range_in_every_mode_and_format_and_says_so(name):
    np.testing.assert_array_equal(decode(DEEP_FILES[name]), by_own_range(DEEP))
    read = standardise(DEEP_FILES[name])
    np.testing.assert_array_equal(read.pixels, standardise(encoded(by_own_range(DEEP))).pixels)
    assert read.signs.notes == (NO_WINDOW,)
    assert (read.signs.colour, read.facts.bits) == (0, 16)


@pytest.mark.parametrize("bits", [16, 14, 12, 10, 8, 5])
def test_the_range_of_a_film_of_16_bits_is_its_own_however_many_bits_it_uses(bits):
    values = np.linspace(2 ** (bits - 2), 2**bits - 1, 64 * 64).reshape(64, 64).astype(np.uint16)
    np.testing.assert_array_equal(decode(encoded(values)), by_own_range(values))


@pytest.mark.parametrize("value", [4096, 65535, 0])
@pytest.mark.parametrize("mode", ["grey", "colour"])
def test_one_pixel_changes_nothing_but_itself(value, mode):
    spotted = grey(3, width=900, height=700).astype(np.uint16) * 8 + 1000
    plain = decode(encoded(spotted))
    spotted[350, 450] = value
    read = decode(encoded(spotted) if mode == "grey" else deep_png(np.dstack([spotted] * 3)))
    off = np.abs(read.astype(int) - plain)
    assert off[350, 450] > 20
    off[350, 450] = 0
    assert off.max() == 0


def test_a_burnt_in_marker_costs_only_the_place_where_it_stands():
    film_, marked_ = (grey(3, width=900, height=700).astype(np.uint16) * 8 + 1000 for _ in range(2))
    marked_[:20, :60] = 65535
    off = np.abs(decode(encoded(marked_)).astype(int) - decode(encoded(film_)))
    assert off[20:, 60:].max() <= 2


def test_a_dicom_file_without_a_window_and_a_png_of_16_bits_are_shown_alike():
    np.testing.assert_array_equal(decode(dicom(DEEP, bits=12)), decode(encoded(DEEP)))


def test_what_is_transparent_does_not_count_for_the_range_and_is_black():
    values = channels(2, 65535)
    values[:30, :, 0], values[:30, :, 1] = 65535, 0
    read = decode(deep_png(values))
    assert read[:30].max() == 0
    np.testing.assert_array_equal(read[30:], by_own_range(DEEP[30:]))


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_film_of_16_bits_is_upright(orientation, kind):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    np.testing.assert_array_equal(
        decode(encoded(DEEP, kind, exif=exif)), UPRIGHT[orientation](by_own_range(DEEP))
    )


def test_the_colour_of_a_film_of_16_bits_is_seen_however_few_of_them_it_uses():
    values = channels(3)
    values[..., 0] //= 2
    assert standardise(deep_png(values)).signs.colour > 20


def test_a_film_of_8_bits_says_nothing_of_its_range():
    for kind in ("PNG", "JPEG", "TIFF"):
        assert standardise(film(kind=kind)).signs.notes == ()


def test_a_black_film_of_16_bits_is_black():
    assert decode(encoded(np.zeros((40, 40), np.uint16))).max() == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_film_is_upright_as_its_tag_says(orientation, kind):
    stored = decode(encoded(grey(), kind))
    np.testing.assert_array_equal(decode(oriented(orientation, kind)), UPRIGHT[orientation](stored))


def test_a_damaged_orientation_tag_costs_nothing():
    exif = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(range(40))
    np.testing.assert_array_equal(decode(encoded(grey(), "JPEG", exif=exif)), decode(film(kind="JPEG")))
    np.testing.assert_array_equal(decode(encoded(grey(), exif=exif)), grey())


@pytest.mark.parametrize(("width", "height"), [(64, 48), (300, 900), (256, 256), (33, 700)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_every_film_is_stretched_to_the_square(width, height, kind):
    pixels = standardise(encoded(grey(width=width, height=height), kind)).pixels
    assert (pixels.shape, pixels.dtype) == ((SIDE, SIDE), np.uint8)
    assert pixels.flags.writeable
    stretched = grey(width=width, height=height)[:: height - 1, :: width - 1].astype(int)
    assert np.abs(pixels[:: SIDE - 1, :: SIDE - 1].astype(int) - stretched).max() < 25  # the four corners


def test_a_film_of_the_square_is_not_touched():
    pixels = grey(width=SIDE, height=SIDE)
    np.testing.assert_array_equal(standardise(encoded(pixels)).pixels, pixels)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_film_is_the_same_in_every_format_without_loss(kind, mode):
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(in_mode(mode), kind, **options)
    np.testing.assert_array_equal(decode(data), grey())
    read = standardise(data)
    np.testing.assert_array_equal(read.pixels, standardise(film()).pixels)
    assert (read.facts.format, read.facts.bits, read.signs.colour) == (kind, 8, 0)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_bigtiff_is_read_like_the_tiff(mode):
    big = encoded(in_mode(mode), "TIFF", big_tiff=True)
    assert big.startswith(b"II+")
    assert recognise(b"MM\x00+\x00\x08\x00\x00" + bytes(8)) == "TIFF"
    np.testing.assert_array_equal(decode(big), grey())
    plain = standardise(encoded(in_mode(mode), "TIFF"))
    np.testing.assert_array_equal(standardise(big).pixels, plain.pixels)
    assert standardise(big).facts == replace(plain.facts, bytes=len(big))
    deep = encoded(DEEP, "TIFF", big_tiff=True)
    np.testing.assert_array_equal(decode(deep), by_own_range(DEEP))


@pytest.mark.parametrize("deep", [False, True])
def test_a_tiff_whose_white_is_zero_is_inverted(deep):
    # What Pillow writes has black at zero; only the tag (262, a short) is changed here.
    stored = grey().astype(np.uint16) * 257 if deep else grey()
    data = encoded(stored, "TIFF")
    tag = b"\x06\x01\x03\x00\x01\x00\x00\x00"
    at = data.index(tag) + len(tag)
    seen = by_own_range(stored) if deep else grey()
    np.testing.assert_array_equal(decode(data), seen)
    off = np.abs(decode(data[:at] + b"\0\0" + data[at + 2 :]).astype(int) - (255 - seen))
    assert off.max() <= (1 if deep else 0)  # a half may be rounded either way


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_the_newer_formats_are_upright_too(orientation, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    read = decode(encoded(grey(), kind, exif=exif, **options))
    np.testing.assert_array_equal(read, UPRIGHT[orientation](grey()))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_how_coloured_a_film_is_is_said(kind):
    colour = np.zeros((600, 800, 3), np.uint8)
    colour[:] = (200, 100, 50)
    assert standardise(encoded(colour, kind)).signs.colour == pytest.approx(150, abs=4)
    assert standardise(encoded(grey(), kind)).signs.colour < 1


def test_a_grey_jpeg_is_decoded_only_once(monkeypatch):
    opened = []
    original = raster.opened
    monkeypatch.setattr(raster, "opened", lambda *a: opened.append(1) or original(*a))
    standardise(film(kind="JPEG"))
    assert len(opened) == 1
    standardise(encoded(in_mode("RGB"), "JPEG"))
    assert len(opened) == 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_hangs_on_behind_a_film_changes_nothing(kind):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("other.png", film(1))
    whole = film(kind=kind)
    np.testing.assert_array_equal(standardise(whole + archive.getvalue()).pixels, standardise(whole).pixels)


def test_a_png_with_the_mark_of_dicom_in_it_is_a_png():
    comment = png_chunk(b"tEXt", b"Comment\x00" + b"DICM" * 60)
    for shift in range(4):
        data = WHOLE_PNG[:33] + png_chunk(b"tEXt", b"a\x00" + b"b" * shift) + comment + WHOLE_PNG[33:]
        np.testing.assert_array_equal(decode(data), grey())


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_fast_way_through_a_large_jpeg_is_close_to_the_slow_one(mode):
    rng = np.random.default_rng(3)
    large = grey(width=2300, height=1800).astype(int) + rng.normal(0, 6, (1800, 2300))
    data = encoded(Image.fromarray(large.clip(0, 255).astype(np.uint8)).convert(mode), "JPEG", quality=90)
    slow = Image.fromarray(decode(data)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    difference = np.abs(standardise(data).pixels.astype(int) - np.asarray(slow))
    assert difference.mean() < 1
    assert difference.max() < 8


@pytest.mark.parametrize("number", range(3))
def test_a_phantoms_caption_never_reaches_the_network(tmp_path, number):
    phantoms.write(tmp_path / "films", number + 1, seed=2)
    made = list(phantoms.generate(number + 1, seed=2))[number]
    data = next(tmp_path.glob(f"films/chest_xray/train/*/{made.stem}.png")).read_bytes()
    read = standardise(data)
    np.testing.assert_array_equal(read.pixels, made.pixels)
    np.testing.assert_array_equal(decode(data), made.pixels)
    assert read.facts.synthetic


def test_a_marked_film_that_is_only_caption_is_left_as_it_is():
    pixels = grey(height=32)
    assert decode(marked(pixels)).shape == (8, 64)
    assert decode(encoded(pixels)).shape == (32, 64)


# Facts


def test_facts_are_those_of_the_file():
    data = encoded(grey(), "JPEG", quality=60)
    with Image.open(io.BytesIO(data)) as image:
        table = sum(image.quantization[0])
    assert standardise(data).facts == FileFacts(
        format="JPEG",
        bytes=len(data),
        width=64,
        height=48,
        bits=8,
        quant_sum=table,
        synthetic=False,
    )
    assert standardise(film()).facts.quant_sum is None
    assert standardise(film()).facts.format == "PNG"


def test_coarser_compression_has_a_larger_table():
    sums = [standardise(encoded(grey(), "JPEG", quality=q)).facts.quant_sum for q in (95, 75, 30)]
    assert sums == sorted(sums)
    assert len(set(sums)) == 3


def test_facts_are_of_the_stored_file_even_when_it_is_decoded_smaller_and_turned():
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    facts = standardise(encoded(grey(width=1200, height=900), "JPEG", exif=exif)).facts
    assert (facts.width, facts.height) == (1200, 900)


@pytest.mark.parametrize(
    ("pixels", "bits"),
    [
        (Image.fromarray(grey() > 127), 1),
        (grey(), 8),
        (in_mode("RGBA"), 8),
        (np.full((40, 40), 4095, np.uint16), 16),
    ],
)
def test_bits_are_those_of_a_sample(pixels, bits):
    assert standardise(encoded(pixels)).facts.bits == bits


def test_four_stored_bits_are_told_from_eight():
    image = in_mode("P").quantize(16)
    assert standardise(encoded(image, bits=4)).facts.bits == 4


# What can't be read

WHOLE_PNG, WHOLE_JPEG = film(), film(kind="JPEG")
IDAT = WHOLE_PNG.index(b"IDAT")


def pages(number):
    """A TIFF whose page is listed again and again, each time at another place of the file."""
    data = encoded(grey(), "TIFF")
    start = int.from_bytes(data[4:8], "little")
    end = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    page, made = data[start:end], bytearray(data)
    made[end : end + 4] = len(data).to_bytes(4, "little")
    for left in range(number - 1, 0, -1):
        after = len(made) + len(page) + 4 if left > 1 else 0
        made += page + after.to_bytes(4, "little")
    return bytes(made)


BAD = {
    "empty": (b"", r"empty \(0 bytes\)"),
    "text": (b"not an image at all", "not a DICOM, PNG, JPEG"),
    "noise": (bytes(range(9, 250)) * 9, "not a DICOM, PNG, JPEG"),
    "gif": (encoded(grey(), "GIF"), "not a DICOM, PNG, JPEG"),
    "pdf": (b"%PDF-1.7\n" + bytes(500), "not a DICOM, PNG, JPEG"),
    "text that begins like a BMP": (b"BMI of the child: 17, and more of it", "not a DICOM, PNG, JPEG"),
    "half a BMP": (encoded(grey(), "BMP")[:900], "damaged or cut off"),
    "half a TIFF": (encoded(grey(), "TIFF")[:900], "damaged or cut off"),
    "half a WebP": (encoded(grey(), "WEBP")[:100], "damaged or cut off"),
    "pages": (several("TIFF"), "holds 2 pictures, and a film is one"),
    "more pages than are counted": (pages(20_000), "holds more than 100 pictures"),
    "as many pages as are counted": (pages(100), "holds 100 pictures"),
    "a JPEG of very many passes": (passes(5000), "packed in 50[0-9]{2} passes, and more than 100"),
    "an animated PNG": (several("PNG"), "holds 2 pictures, and a film is one"),
    "an animated WebP": (several("WEBP"), "holds 2 pictures, and a film is one"),
    "a TIFF of fractions": (encoded(grey().astype(np.float32), "TIFF"), "signed or fractional"),
    "a TIFF of 16 bits in packed planes": (
        deep_tiff(channels(3), planes=True, deflated=True),
        "each colour of 16 bits on its own and compressed",
    ),
    "a TIFF of huge tiles": (tiled(2**20), "tiles too large"),
    "only a PNG's signature": (PNG_SIGNATURE, "damaged or cut off"),
    "only a JPEG's signature": (WHOLE_JPEG[:3], "damaged or cut off"),
    "half a PNG": (WHOLE_PNG[: len(WHOLE_PNG) // 2], "damaged or cut off"),
    "half a JPEG": (WHOLE_JPEG[: len(WHOLE_JPEG) // 2], "damaged or cut off"),
    "a tenth of a JPEG": (WHOLE_JPEG[: len(WHOLE_JPEG) // 10], "damaged or cut off"),
    "a PNG whose pixels were changed": (flipped(WHOLE_PNG, IDAT + 20), "damaged or cut off"),
    "a PNG whose header was changed": (flipped(WHOLE_PNG, 17), "damaged or cut off"),
    "a PNG without pixels": (bare_png(64, 64), "damaged or cut off"),
    "a bomb": (bare_png(30_000, 30_000, rows=bytes(10**6)), "30000 × 30000 pixels, more than 100 million"),
    "a huge bomb": (bare_png(2**31 - 1, 2**31 - 1), "too many for a radiograph"),
    "one pixel too many": (bare_png(10_000, 10_001), "10000 × 10001 pixels, more than 100 million"),
    "a line": (bare_png(4_000_000, 1), "too few"),
    "tiny": (encoded(grey(width=5, height=5)), "5 × 5 pixels, too few"),
    "a little too small": (encoded(grey(width=31, height=64)), "31 × 64 pixels, too few"),
}


@pytest.mark.parametrize("read", [standardise, decode])
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_plain_sentence(name, read):
    data, sentence = BAD[name]
    with pytest.raises(UnreadableImageError, match=sentence) as caught:
        read(data)
    assert str(caught.value).endswith((".", ")."))
    assert "\n" not in str(caught.value)


def test_the_smallest_film_is_read():
    assert decode(encoded(grey(width=32, height=32))).shape == (32, 32)


def test_a_bomb_is_refused_before_memory_is_taken_for_it():
    data = bare_png(30_000, 30_000, rows=bytes(10**6))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImageError):
            standardise(data)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_bomb_is_refused_without_decoding(monkeypatch):
    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(UnreadableImageError, match="more than 100 million"):
        standardise(bare_png(30_000, 30_000))


def test_passes_are_counted_to_the_end_of_a_film_and_not_in_what_hangs_on_behind():
    hidden = b"\xff\xda" * 500
    np.testing.assert_array_equal(decode(passes(0, behind=hidden)), decode(passes(0)))
    thumbnail = WHOLE_JPEG[:2] + b"\xff\xe5" + (1002).to_bytes(2, "big") + hidden + WHOLE_JPEG[2:]
    np.testing.assert_array_equal(decode(thumbnail), decode(WHOLE_JPEG))


def test_too_little_memory_is_a_sentence(monkeypatch):
    def load(self):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(UnreadableImageError, match="too large for this machine's memory"):
        decode(film())


def test_a_text_bomb_in_a_png_is_not_unpacked():
    text = png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(70 * 2**20), 9))
    data = WHOLE_PNG[:33] + text + WHOLE_PNG[33:]
    with pytest.raises(UnreadableImageError, match="damaged"):
        standardise(data)


def test_a_damaged_comment_costs_nothing():
    data = WHOLE_PNG[:33] + png_chunk(b"tEXt", b"no separator") + WHOLE_PNG[33:]
    np.testing.assert_array_equal(decode(data), grey())


def test_threads_that_read_films_leave_the_process_its_warnings():
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(standardise, [film(n, ("PNG", "JPEG")[n % 2]) for n in range(40)]))
    assert warnings.filters == before


def never_fails_otherwise(data: bytes) -> None:
    for read in (standardise, decode):
        try:
            result = read(data)
        except UnreadableImageError:
            continue
        pixels = result if isinstance(result, np.ndarray) else result.pixels
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 2


@settings(deadline=None, max_examples=100)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda start, rest: start + rest,
            st.sampled_from([PNG_SIGNATURE, b"\xff\xd8\xff\xe0"]),
            st.binary(),
        ),
    )
)
@example(PNG_SIGNATURE + png_chunk(b"IHDR", b""))
@example(b"\xff\xd8\xff\xff\xff")
@example(b"\x00\x08")  # the first group of a DICOM file that is written with the big end first
def test_random_bytes_are_never_more_than_unreadable(data):
    never_fails_otherwise(data)


@pytest.mark.parametrize(
    "start", [b"\x00\x02", b"\x00\x08", b"\x02\x00", b"\x08\x00", b"\xff\xd8\xff", b"RIFF", b"BM", b"II*\0"]
)
@pytest.mark.parametrize("length", range(1, 17))
def test_the_first_bytes_of_each_format_alone_are_refused(start, length):
    with pytest.raises(UnreadableImageError):
        standardise((start + bytes(16))[:length])


REAL = [
    film(),
    film(kind="JPEG"),
    encoded(in_mode("RGBA")),
    encoded(in_mode("P")),
    encoded(np.full((40, 40), 4095, np.uint16)),
    oriented(6, "JPEG"),
    oriented(6, "PNG"),
    encoded(in_mode("RGB"), "JPEG", progressive=True),
    marked(grey()),
    *(DEEP_FILES[f"PNG in colour{more}"] for more in ("", " with transparency")),
    deep_tiff(channels(3), planes=True),
    *(encoded(grey(), kind) for kind in ("TIFF", "BMP", "WEBP")),
    encoded(grey(), "TIFF", big_tiff=True),
]


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(REAL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_a_file_with_bytes_changed_and_cut_off_is_never_more_than_unreadable(data, changes, cut):
    changed = bytearray(data)
    for where, value in changes:
        changed[int(where * len(changed))] = value
    never_fails_otherwise(bytes(changed[: max(1, round(cut * len(changed)))]))


@pytest.mark.parametrize(
    ("orientation", "done"),
    [(1, None), (2, "mirrored"), (3, "turned"), (4, "mirrored and turned"), (6, "turned"), (9, None)],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_film_that_was_turned_by_its_tag_says_so(orientation, done, kind):
    notes = standardise(oriented(orientation, kind)).signs.notes
    said = f"Stored {done}; shown upright, as the file's orientation tag says."
    assert notes == (() if done is None else (said,))
