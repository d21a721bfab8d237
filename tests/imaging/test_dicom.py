"""DICOM: brought to grey as a screen shows it, told without names, refused in a sentence."""

import io
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.processing import apply_windowing
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from tests.support.damaged import stress
from tests.support.dicoms import BUNDLED, bundled, dataset, dicom, written
from tests.support.films import encoded, grey, passes
from xraylab.errors import UnreadableImageError
from xraylab.imaging import is_film
from xraylab.imaging.decoding import dicom_shape
from xraylab.imaging.decoding.dicom_shape import to_scale
from xraylab.imaging.decoding.dicom_signs import signs_of
from xraylab.imaging.decoding.pixels import decode, decode_dicom, standardise
from xraylab.imaging.facts import is_lateral

DEEP = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)
NO_GREY_SCALE = "names no grey scale"
BYTES = grey(5)
WORDS = BYTES.astype(np.uint16) * 16 + 7  # 12 bits
PLAIN_WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def rle_of(stored: np.ndarray) -> bytes:
    ds = dataset(stored)
    ds.compress(RLELossless)
    return get_frame(ds.PixelData, 0, number_of_frames=1)


def lut(values, first: int, bits: int, *, vr: str = "US", entries: int | None = None) -> Dataset:
    """An item of a LUT sequence; its descriptor may claim another number of entries."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values) if entries is None else entries, first & 0xFFFF, bits])
    item.add_new(
        "LUTData", vr, [int(v) for v in values] if vr == "US" else np.asarray(values, "<u2").tobytes()
    )
    return item


# How it is packed


def test_every_way_of_packing_gives_the_same_film():
    plain = decode(bundled("MR_small.dcm"))
    assert plain.shape == (64, 64)
    assert np.unique(plain).size > 50
    packed = ["RLE", "bigendian", "implicit", "jp2klossless", "jpeg_ls_lossless", "expb", "padded"]
    for name in packed:
        np.testing.assert_array_equal(decode(bundled(f"MR_small_{name}.dcm")), plain, name)


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_jpeg_gdcm.dcm",  # JPEG lossless
        "SC_rgb_rle.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_gdcm_KY.dcm",  # JPEG 2000
        "SC_rgb_jpeg_dcmtk.dcm",  # JPEG baseline
        "SC_rgb_jls_lossy_sample.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_colour_is_reduced_to_its_luma_however_it_is_packed(name):
    read = standardise(bundled(name))
    lossless = decode(bundled("SC_rgb_rle.dcm")).astype(int)
    assert np.abs(decode(bundled(name)) - lossless).mean() < 1
    assert read.signs.colour == pytest.approx(113, abs=2)
    assert read.facts.format == "DICOM"


@pytest.mark.parametrize("name", ["image_dfl.dcm", "examples_palette.dcm", "JPEG2000.dcm", "693_J2KI.dcm"])
def test_a_file_of_pydicom_is_read_as_pydicom_reads_its_size(name):
    ds = dcmread(BUNDLED / name)
    assert decode(bundled(name)).shape == (ds.Rows, ds.Columns)


# Containers that contradict themselves

END = bytes.fromhex("feffdde000000000")
JPEG_BYTES = encoded(BYTES, "JPEG", quality=95)
JPEG_GREYS = np.asarray(Image.open(io.BytesIO(JPEG_BYTES)))


def under(syntax: UID, value: bytes, stored: np.ndarray = BYTES, *, bits: int | None = None) -> bytes:
    """A film of this transfer syntax whose pixel data are these bytes, of known length."""
    ds = dataset(stored, bits=bits, **(PLAIN_WINDOW if bits == 12 else {}))
    raw, tag = written(ds), b"\xe0\x7f\x10\x00"
    value += bytes(len(value) % 2)
    raw = raw[: raw.index(tag)] + tag + b"OB\0\0" + struct.pack("<I", len(value)) + value
    return renamed(raw, syntax)


def renamed(raw: bytes, syntax: UID) -> bytes:
    """The same file, which names another transfer syntax."""
    at = raw.index(b"\x02\x00\x10\x00UI") + 8
    length = int.from_bytes(raw[at - 2 : at], "little")
    uid = syntax.encode() + bytes(len(syntax) % 2)
    return raw[: at - 2] + struct.pack("<H", len(uid)) + uid + raw[at + length :]


def in_fragments(
    frames: list[bytes], syntax: UID, stored: np.ndarray = BYTES, *, table=False, **fields
) -> bytes:
    ds = dataset(stored, **fields)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate(frames, has_bot=table)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return written(ds)


def compressed(syntax: UID) -> bytes:
    ds = dataset(WORDS, bits=12, **PLAIN_WINDOW)
    ds.compress(syntax)
    return written(ds)


COMPRESSED = {uid.name: compressed(uid) for uid in (RLELossless, JPEGLSLossless, JPEG2000Lossless)}
COMPRESSED["JPEG"] = in_fragments([JPEG_BYTES], JPEGBaseline8Bit)


UNENDED = "The end of the file's compressed pixels is missing; the picture itself is whole."


@pytest.mark.parametrize("name", COMPRESSED)
def test_fragments_without_an_end_are_read_if_the_picture_is_whole_or_said_to_be_cut_off(name):
    whole = COMPRESSED[name]
    assert whole.endswith(END)
    for missing in (8, 5):
        read = standardise(whole[:-missing])
        np.testing.assert_array_equal(read.pixels, standardise(whole).pixels)
        assert read.signs.notes == (UNENDED,)
    for missing in (9, 30, 400):
        with pytest.raises(
            UnreadableImageError, match="is cut off: its compressed picture isn't there to its"
        ):
            standardise(whole[:-missing])


def test_a_picture_in_many_fragments_is_cut_off_if_the_last_ones_are_missing():
    ds = dataset(BYTES)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([JPEG_BYTES], fragments_per_frame=4, has_bot=False)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    whole = written(ds)
    np.testing.assert_array_equal(decode(whole), JPEG_GREYS)
    np.testing.assert_array_equal(decode(whole[:-8]), JPEG_GREYS)
    with pytest.raises(UnreadableImageError, match="is cut off"):
        standardise(whole[: whole.rindex(bytes.fromhex("feff00e0"))])


@pytest.mark.parametrize("left", [0.3, 0.6, 0.99])
def test_an_uncompressed_film_that_was_cut_off_is_said_to_be(left):
    whole = dicom(BYTES)
    with pytest.raises(UnreadableImageError, match="cut off"):
        standardise(whole[: round(left * len(whole))])


def test_a_file_that_ends_before_its_pixels_is_said_to():
    whole = dicom(BYTES)
    at = whole.index(b"\xe0\x7f\x10\x00")
    for end in (at, at + 3):
        with pytest.raises(
            UnreadableImageError, match="ends before its pixels: it was cut off, or saved without"
        ):
            standardise(whole[:end])


BARE = "The file's compressed picture doesn't lie in fragments; it was read all the same."
IN_FRAGMENTS = "The file's uncompressed pixels lie in fragments; they were read all the same."


def otherwise(said: str, kind: str) -> str:
    return f"The file's pixels aren't packed as it says ({said}) but as {kind}; they were read so."


PACKED_OTHERWISE = {
    "JPEG not in fragments": (under(JPEGBaseline8Bit, JPEG_BYTES), JPEG_GREYS, [BARE]),
    "plain pixels under a JPEG syntax": (
        under(JPEGBaseline8Bit, BYTES.tobytes()),
        BYTES,
        [otherwise("JPEG Baseline (Process 1)", "plain pixels")],
    ),
    "plain pixels of 12 bits under a JPEG 2000 syntax": (
        under(JPEG2000Lossless, WORDS.tobytes(), WORDS, bits=12),
        BYTES,
        [otherwise(JPEG2000Lossless.name, "plain pixels")],
    ),
    "JPEG under a JPEG 2000 syntax": (
        in_fragments([JPEG_BYTES], JPEG2000Lossless),
        JPEG_GREYS,
        [otherwise(JPEG2000Lossless.name, "JPEG")],
    ),
    "JPEG under run lengths": (
        in_fragments([JPEG_BYTES], RLELossless),
        JPEG_GREYS,
        [otherwise("RLE Lossless", "JPEG")],
    ),
    "JPEG in fragments, named uncompressed": (
        in_fragments([JPEG_BYTES], ExplicitVRLittleEndian),
        JPEG_GREYS,
        [otherwise("Explicit VR Little Endian", "JPEG")],
    ),
    "JPEG not in fragments, named uncompressed": (
        under(ExplicitVRLittleEndian, JPEG_BYTES),
        JPEG_GREYS,
        [BARE, otherwise("Explicit VR Little Endian", "JPEG")],
    ),
    "plain pixels in fragments": (
        in_fragments([BYTES.tobytes()], ExplicitVRLittleEndian),
        BYTES,
        [IN_FRAGMENTS],
    ),
    **{
        f"{name} under a JPEG syntax": (
            renamed(COMPRESSED[name], JPEGBaseline8Bit),
            BYTES,
            [otherwise("JPEG Baseline (Process 1)", kind)],
        )
        for name, kind in (
            (RLELossless.name, "run lengths"),
            (JPEGLSLossless.name, "JPEG-LS"),
            (JPEG2000Lossless.name, "JPEG 2000"),
        )
    },
}


@pytest.mark.parametrize("name", PACKED_OTHERWISE)
def test_pixels_that_plainly_show_how_they_are_packed_are_read_so_and_said(name):
    data, seen, notes = PACKED_OTHERWISE[name]
    np.testing.assert_array_equal(decode(data), seen)
    assert list(standardise(data).signs.notes) == notes


def test_pixels_that_are_packed_in_no_known_way_are_refused_by_name():
    noise = np.random.default_rng(0).bytes(1000)
    for data in (under(JPEGBaseline8Bit, noise), in_fragments([noise], JPEGBaseline8Bit)):
        with pytest.raises(
            UnreadableImageError, match=r"as it says \(JPEG Baseline \(Process 1\)\), nor in another"
        ):
            standardise(data)
    with pytest.raises(UnreadableImageError, match="doesn't say how its pixels are packed"):
        standardise(in_fragments([noise], ExplicitVRLittleEndian))


SEVERAL = {
    "plain": (under(ExplicitVRLittleEndian, BYTES.tobytes() * 2), 2),
    "plain, three of 12 bits": (under(ExplicitVRLittleEndian, WORDS.tobytes() * 3, WORDS, bits=12), 3),
    "plain under a JPEG syntax": (under(JPEGBaseline8Bit, BYTES.tobytes() * 2), 2),
    "JPEG": (in_fragments([JPEG_BYTES] * 2, JPEGBaseline8Bit), 2),
    "JPEG, with a table": (in_fragments([JPEG_BYTES] * 3, JPEGBaseline8Bit, table=True), 3),
    "JPEG, said to be one": (in_fragments([JPEG_BYTES] * 2, JPEGBaseline8Bit, NumberOfFrames=1), 2),
    "JPEG, without an end": (in_fragments([JPEG_BYTES] * 2, JPEGBaseline8Bit)[:-8], 2),
    "run lengths": (in_fragments([rle_of(BYTES)] * 2, RLELossless), 2),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_more_pictures_than_said_have_one_answer_however_they_are_packed(name):
    data, number = SEVERAL[name]
    with pytest.raises(UnreadableImageError) as caught:
        standardise(data)
    assert str(caught.value) == (
        f"The DICOM file holds {number} pictures, and a film is one. Export the one to read on its own."
    )


@pytest.mark.parametrize("wbits", [-15, 15, 9, 31])
def test_a_deflated_file_is_read_by_how_it_begins(wbits):
    whole = dicom(WORDS, bits=12, **PLAIN_WINDOW)
    at = whole.index(b"\x08\x00\x16\x00")
    packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
    body = packer.compress(whole[at:]) + packer.flush()
    data = renamed(whole[:at], DeflatedExplicitVRLittleEndian) + body
    np.testing.assert_array_equal(decode(data), BYTES)
    headed = ("The file is deflated with a header that DICOM doesn't allow; it was read all the same.",)
    assert standardise(data).signs.notes == (() if wbits < 0 else headed)
    with pytest.raises(UnreadableImageError, match="is cut off: its deflated data have no end"):
        standardise(data[:-20])


def test_bytes_in_another_order_than_said_are_read_as_they_are():
    ds = dataset(WORDS, bits=12, **PLAIN_WINDOW)
    little = renamed(written(ds), ExplicitVRBigEndian)
    np.testing.assert_array_equal(decode(little), BYTES)
    big = written(ds, little=False, meta=False)
    at = little.index(b"\x08\x00\x16\x00")
    other = renamed(little[:at], ExplicitVRLittleEndian) + big
    np.testing.assert_array_equal(decode(other), BYTES)
    for data in (little, other):
        assert standardise(data).signs.notes == (
            "The file's bytes aren't in the order that it says; they were read as they are.",
        )


def test_colours_of_full_resolution_that_are_said_to_be_half_are_read():
    ds = dataset(np.dstack([BYTES, np.full_like(BYTES, 128), np.full_like(BYTES, 128)]))
    ds.PhotometricInterpretation = "YBR_FULL_422"
    np.testing.assert_array_equal(decode(written(ds)), BYTES)
    (note,) = standardise(written(ds)).signs.notes
    assert "YBR_FULL_422" in note


@pytest.mark.parametrize(("implicit", "little"), [(False, True), (True, True), (False, False)])
def test_a_file_without_file_meta_is_known_by_its_first_element(implicit, little):
    ds = dataset(DEEP, bits=12, WindowCenter=2048, WindowWidth=4096)
    bare = written(ds, implicit=implicit, little=little, meta=False)
    assert bare[128:132] != b"DICM"
    np.testing.assert_array_equal(
        decode(bare), decode(dicom(DEEP, bits=12, WindowCenter=2048, WindowWidth=4096))
    )


def test_a_tiff_that_is_a_dicom_file_too_is_read_as_dicom():
    data = dicom(grey())
    both = b"II*\x00" + data[4:]
    np.testing.assert_array_equal(decode(both), decode(data))


def test_what_films_are_is_seen_by_their_content():
    assert is_film(dicom(grey()))
    assert is_film(written(dataset(grey()), meta=False))
    assert is_film(encoded(grey()))
    assert not is_film(b"a text")
    assert not is_film(b"")


# The grey scale


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1500, 600), (100, 1), (1000.5, 33.5)])
def test_a_window_is_that_of_pydicom(function, centre, width):
    stored = DEEP.astype(np.int16)
    fields = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    ds = dataset(stored, bits=13, RescaleSlope=2, RescaleIntercept=-1024, **fields)
    with np.errstate(over="ignore"):  # far from the centre of a sigmoid
        shown = apply_windowing(stored.astype(np.float64) * 2 - 1024, ds)
    low, high = -(2**12) * 2 - 1024, (2**12 - 1) * 2 - 1024  # what pydicom lets the window span
    expected = (shown - low) / (high - low) * 255
    assert np.abs(decode(written(ds)) - expected).max() <= 0.5 + 1e-6


def test_the_first_of_several_windows_is_used_and_said():
    several = standardise(dicom(DEEP, bits=12, WindowCenter=[1000, 3000], WindowWidth=[500, 900]))
    one = standardise(dicom(DEEP, bits=12, WindowCenter=1000, WindowWidth=500))
    np.testing.assert_array_equal(several.pixels, one.pixels)
    assert one.signs.notes == ()
    assert "the first was used" in several.signs.notes[0]


def test_a_voi_lut_comes_before_a_window():
    values = [0, 10, 200, 255]
    fields = {"VOILUTSequence": [lut(values, 100, 8)], "WindowCenter": 7, "WindowWidth": 2}
    stored = np.tile(np.array([0, 100, 101, 102, 103, 4000], np.uint16), (36, 8))
    assert decode(dicom(stored, **fields))[0, :6].tolist() == [0, 0, 10, 200, 255, 255]


IN_PAIRS = np.arange(256, dtype=np.uint8).view("<u2")  # a table of 8 bits, two entries in a word
ODD = "holds entries of other bits than it says"
UNUSABLE = "table can't be used: it is empty, too short or holds a single value"


@pytest.mark.parametrize(
    ("stored", "bits", "table", "note"),
    [
        (WORDS, 12, lut([v >> 4 for v in range(4096)], 0, 8), None),
        (WORDS, 12, lut([v >> 4 for v in range(4096)], 0, 8, vr="OW"), None),
        (WORDS, 12, lut(range(4096), 0, 12), None),
        (WORDS, 12, lut(range(4096), 0, 16), ODD),
        (WORDS, 12, lut(range(4096), 0, 8), ODD),
        (WORDS, 12, lut([v >> 3 for v in range(4096)], 0, 9), None),
        (WORDS, 12, lut([v << 4 for v in range(4096)], 0, 16, vr="OW"), None),
        (BYTES, 8, lut(range(256), 0, 8), None),
        (BYTES, 8, lut(IN_PAIRS, 0, 8, entries=256), None),
        (BYTES, 8, lut(IN_PAIRS, 0, 8, vr="OW", entries=256), None),
        (BYTES, 8, lut(IN_PAIRS, 0, 16, entries=256, vr="OW"), UNUSABLE),
        (WORDS.astype(np.int16) - 2048, 12, lut(range(4096), -2048, 12), None),
        (BYTES.astype(np.int16) - 128, 16, lut(range(256), -128, 8), None),
    ],
)
def test_a_voi_lut_is_read_as_its_data_say(stored, bits, table, note):
    read = standardise(written(dataset(stored, bits=bits, VOILUTSequence=[table])))
    np.testing.assert_array_equal(decode(written(dataset(stored, bits=bits, VOILUTSequence=[table]))), BYTES)
    assert [note in said for said in read.signs.notes] == ([True] if note else [])


@pytest.mark.parametrize(
    ("stored", "first", "rescale"),
    [
        (WORDS, 0, {}),
        (WORDS, -1024, {"RescaleIntercept": -1024, "RescaleSlope": 1}),
        (WORDS.astype(np.int16), 0, {}),
        (WORDS.astype(np.int16) - 2048, -2048, {}),
        (WORDS + 40000, 40000, {}),  # unsigned, though it would be negative as a signed number
    ],
)
def test_a_part_of_the_values_is_mapped_from_the_first_one_whatever_its_sign(stored, first, rescale):
    table = lut(np.linspace(0, 4095, 2065).astype(int), first + 736, 16)
    seen = np.rint(np.clip((WORDS.astype(int) - 736) / 2064, 0, 1) * 255)
    read = decode(written(dataset(stored, VOILUTSequence=[table], **rescale)))
    np.testing.assert_array_equal(read, seen)


@pytest.mark.parametrize(
    "kind", [{"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}]
)
def test_white_is_the_largest_entry_and_an_inverted_film_is_the_negative(kind):
    table = lut([v >> 1 for v in range(4096)], 0, 12)  # up to 2047
    plain = decode(written(dataset(WORDS, bits=12, VOILUTSequence=[table]))).astype(int)
    turned = decode(written(dataset(WORDS, bits=12, VOILUTSequence=[table], **kind)))
    assert plain.max() == BYTES.max()
    assert np.abs(turned - (255 - plain)).max() <= 1


def test_a_table_in_a_file_with_the_big_end_first_is_the_same():
    for table in (lut([v >> 4 for v in range(4096)], 0, 8, vr="OW"), lut(range(4096), 0, 12)):
        ds = dataset(WORDS, bits=12, VOILUTSequence=[table])
        if table["LUTData"].VR == "OW":
            table.LUTData = np.frombuffer(table.LUTData, "<u2").astype(">u2").tobytes()
        np.testing.assert_array_equal(decode(written(ds, little=False, meta=False)), BYTES)


EMPTY = Dataset()
UNUSABLE_TABLES = {
    "empty": EMPTY,
    "one entry short": lut(range(4095), 0, 12, entries=4096),
    "far too short for 65536 entries": lut(range(4096), 0, 16, entries=0),
    "all entries alike": lut([7] * 4096, 0, 12),
    "a single entry": lut([7], 0, 12),
}


@pytest.mark.parametrize("name", UNUSABLE_TABLES)
def test_a_table_that_cannot_be_used_gives_way_to_the_numbers_and_says_so(name):
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    for sequence in ("VOILUTSequence", "ModalityLUTSequence"):
        fields = window | {sequence: [UNUSABLE_TABLES[name]]}
        read = standardise(written(dataset(WORDS, bits=12, **fields)))
        np.testing.assert_array_equal(decode(written(dataset(WORDS, bits=12, **fields))), BYTES)
        (note,) = read.signs.notes
        assert UNUSABLE in note
        assert ("modality" in note) == (sequence == "ModalityLUTSequence")


def test_without_a_window_beside_it_an_unusable_table_leaves_the_film_its_own_range():
    notes = standardise(written(dataset(WORDS, bits=12, VOILUTSequence=[EMPTY]))).signs.notes
    assert [UNUSABLE in notes[0], NO_GREY_SCALE in notes[1], len(notes)] == [True, True, 2]
    np.testing.assert_array_equal(decode(written(dataset(BYTES, VOILUTSequence=[EMPTY]))), BYTES)


def test_the_first_table_that_can_be_used_is_used():
    both = [EMPTY, lut(range(4096), 0, 12)]
    notes = standardise(written(dataset(WORDS, bits=12, VOILUTSequence=both))).signs.notes
    np.testing.assert_array_equal(decode(written(dataset(WORDS, bits=12, VOILUTSequence=both))), BYTES)
    assert UNUSABLE in notes[0]


@pytest.mark.parametrize(
    ("stored", "bits", "table", "odd"),
    [
        (WORDS, 12, lut(range(4096), 0, 16), False),
        (WORDS, 12, lut(range(4096), 0, 12), True),
        (WORDS, 12, lut(range(4096), 0, 10, vr="OW"), True),
        (WORDS.astype(np.int16) - 2048, 12, lut(range(4096), -2048, 16), False),
        (BYTES, 8, lut([v * 16 + 7 for v in range(256)], 0, 16), False),
    ],
)
def test_a_modality_lut_is_read_as_its_data_say(stored, bits, table, odd):
    fields = {"ModalityLUTSequence": [table], "WindowCenter": 2048, "WindowWidth": 4096}
    np.testing.assert_array_equal(decode(written(dataset(stored, bits=bits, **fields))), BYTES)
    notes = standardise(written(dataset(stored, bits=bits, **fields))).signs.notes
    assert [ODD in note for note in notes] == ([True] if odd else [])


def test_a_modality_lut_of_8_bits_in_pairs_is_unpacked():
    fields = {"WindowCenter": 128, "WindowWidth": 256}
    fields["ModalityLUTSequence"] = [lut(IN_PAIRS, 0, 8, vr="OW", entries=256)]
    np.testing.assert_array_equal(decode(written(dataset(BYTES, **fields))), BYTES)


def test_the_modality_comes_first_by_table_or_by_numbers():
    stored = np.tile(np.array([0, 1, 2, 3], np.uint16), (36, 10))
    window = {"WindowCenter": 500, "WindowWidth": 1000, "VOILUTFunction": "LINEAR_EXACT"}
    table = decode(dicom(stored, ModalityLUTSequence=[lut([0, 1000, 500, 250], 0, 16)], **window))
    assert table[0, :4].tolist() == [0, 255, 128, 64]
    numbers = decode(dicom(stored, RescaleSlope=250, RescaleIntercept=250, **window))
    assert numbers[0, :4].tolist() == [64, 128, 191, 255]


def test_a_film_is_inverted_once_however_often_the_file_says_so():
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    plain = decode(dicom(DEEP, bits=12, **window)).astype(int)
    for said in (
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    ):
        turned = decode(dicom(DEEP, bits=12, **window, **said))
        assert np.abs(turned - (255 - plain)).max() <= 1  # a half may be rounded either way
        assert turned[0, 0] == 255


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [None, 62000])
def test_padding_is_black_and_does_not_move_the_grey_scale(photometric, limit):
    stored = DEEP.copy()
    stored[:8] = 65000
    stored[:4] = 65000 if limit is None else 63000
    fields = {"PhotometricInterpretation": photometric, "PixelPaddingValue": 65000}
    fields |= {"PixelPaddingRangeLimit": limit} if limit else {}
    read = decode(dicom(stored, **fields))
    assert read[:8].max() == 0
    rest = decode(dicom(stored[8:], PhotometricInterpretation=photometric))
    np.testing.assert_array_equal(read[8:], rest)
    assert (rest.min(), rest.max()) == (0, 255)


def test_padding_of_signed_pixels_below_zero_is_found():
    stored = DEEP.astype(np.int16)
    stored[:8] = -2000
    ds = dataset(stored, WindowCenter=0, WindowWidth=8000)
    ds.add_new("PixelPaddingValue", "US", 65536 - 2000)  # as the wrong type, which is common
    assert decode(written(ds))[:8].max() == 0
    assert decode(written(ds))[8:].min() > 100


def test_without_a_window_the_range_of_the_film_is_used_and_said():
    read = standardise(dicom(DEEP + 3000, bits=13))
    assert (read.pixels.min(), read.pixels.max()) == (0, 255)
    assert NO_GREY_SCALE in read.signs.notes[0]


def test_eight_bits_without_a_window_are_as_they_were_shown():
    read = standardise(dicom(grey()))
    np.testing.assert_array_equal(read.pixels, standardise(encoded(grey())).pixels)
    assert read.signs.notes == ()


def test_a_window_that_makes_no_sense_is_said():
    read = standardise(dicom(DEEP, bits=12, WindowCenter=100, WindowWidth=0))
    assert "makes no sense" in read.signs.notes[0]
    assert read.pixels.max() == 255


def test_raw_data_of_the_detector_is_said():
    assert standardise(dicom(grey(), PresentationIntentType="FOR PROCESSING")).signs.raw
    assert not standardise(dicom(grey(), PresentationIntentType="FOR PRESENTATION")).signs.raw
    assert not standardise(dicom(grey())).signs.raw


def test_a_film_is_the_same_as_either_kind_of_dicom_and_as_a_png_of_what_is_shown():
    stored = (grey(5, width=300, height=260).astype(np.uint16) * 16) + 7
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    two = dicom(stored, bits=12, **window)
    one = dicom(4095 - stored, bits=12, PhotometricInterpretation="MONOCHROME1", **window)
    png = encoded(decode(two))
    np.testing.assert_array_equal(standardise(one).pixels, standardise(two).pixels)
    np.testing.assert_array_equal(standardise(png).pixels, standardise(two).pixels)


# The bits of a word, and elements that are missing

OTHER_BITS = (
    "More bits are in use than the 12 that the file says are stored (Bits Stored); the others were left"
)


@pytest.mark.parametrize("bits", [16, 14, 12, 10])
@pytest.mark.parametrize("signed", [False, True])
def test_the_value_of_a_pixel_is_the_stored_bits_that_end_at_the_high_bit(bits, signed):
    low = -(2 ** (bits - 1)) if signed else 0
    values = np.rint(BYTES / 255 * (2**bits - 1)).astype(np.int64) + low
    window = {"WindowCenter": low + 2 ** (bits - 1), "WindowWidth": 2**bits}
    for high in range(bits - 1, 16):
        words = (values << (high + 1 - bits)).astype(np.int16 if signed else np.uint16)
        made = dicom(words, bits=bits, HighBit=high, **window)
        np.testing.assert_array_equal(decode(made), BYTES)
        assert standardise(made).signs.notes == ()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("precision", [12, 16])
def test_a_compressed_film_is_shifted_only_if_its_whole_words_were_compressed(syntax, precision):
    if syntax == RLELossless and precision == 12:
        return  # it states no precision: its words are always whole
    ds = dataset(WORDS << (precision - 12), bits=precision, **PLAIN_WINDOW)
    ds.compress(syntax)
    ds.BitsStored, ds.HighBit = 12, 15
    np.testing.assert_array_equal(decode(written(ds)), BYTES)
    assert standardise(written(ds)).signs.notes == ()


@pytest.mark.parametrize("signed", [False, True])
def test_bits_beyond_the_stored_ones_are_left_out_and_said(signed):
    words = WORDS.astype(np.int16 if signed else np.uint16)
    if signed:
        words -= 2048
    window = {"WindowCenter": 0, "WindowWidth": 4096} if signed else PLAIN_WINDOW
    plain = dicom(words, bits=12, **window)
    drawn = words.copy()
    drawn[5:9, 7:20] ^= 0x3000  # an overlay in unused bits
    read = standardise(dicom(drawn, bits=12, **window))
    np.testing.assert_array_equal(decode(dicom(drawn, bits=12, **window)), decode(plain))
    assert [note.startswith(OTHER_BITS) for note in read.signs.notes] == [True]
    assert standardise(plain).signs.notes == ()
    # A sign that isn't repeated in the unused bits is no other use of them.
    assert standardise(dicom(words & 0x0FFF, bits=12, **window)).signs.notes == ()
    np.testing.assert_array_equal(decode(dicom(words & 0x0FFF, bits=12, **window)), decode(plain))


def test_bits_below_the_stored_ones_are_left_out_and_said():
    words = (WORDS << 4) | 3
    made = dicom(words, bits=12, HighBit=15, **PLAIN_WINDOW)
    np.testing.assert_array_equal(decode(made), BYTES)
    assert [note.startswith(OTHER_BITS) for note in standardise(made).signs.notes] == [True]


def lacking(keyword: str, **fields: object) -> bytes:
    ds = dataset(WORDS, bits=12, **PLAIN_WINDOW | fields)
    del ds[keyword]
    return written(ds)


ASSUMED = {
    "PhotometricInterpretation": "The file lacks Photometric Interpretation, so MONOCHROME2 was assumed.",
    "PixelRepresentation": "The file lacks Pixel Representation, so 0 (unsigned) was assumed.",
    "BitsStored": "The file lacks Bits Stored, so 16 (all bits allocated) was assumed.",
    "HighBit": "The file lacks High Bit, so 11 was assumed.",
    "SamplesPerPixel": "The file lacks Samples per Pixel, so 1 was assumed.",
}


@pytest.mark.parametrize("keyword", ASSUMED)
def test_a_missing_or_empty_element_has_the_usual_default_and_says_so(keyword):
    ds = dataset(WORDS, bits=12, **PLAIN_WINDOW)
    ds[keyword].value = None
    for made in (lacking(keyword), written(ds)):
        assert standardise(made).signs.notes == (ASSUMED[keyword],)
        np.testing.assert_array_equal(decode(made), BYTES)


@pytest.mark.parametrize(
    ("fields", "name", "assumed"),
    [
        ({"PhotometricInterpretation": "MONOCHROME"}, "Photometric Interpretation", "MONOCHROME2"),
        ({"PhotometricInterpretation": "monochrome2"}, "Photometric Interpretation", "MONOCHROME2"),
        ({"PhotometricInterpretation": "RGB"}, "Photometric Interpretation", "MONOCHROME2"),
        ({"PhotometricInterpretation": "ANNA"}, "Photometric Interpretation", "MONOCHROME2"),
        ({"PixelRepresentation": 2}, "Pixel Representation", "0 (unsigned)"),
        ({"BitsStored": 0}, "Bits Stored", "16 (all bits allocated)"),
        ({"BitsStored": 17}, "Bits Stored", "16 (all bits allocated)"),
        ({"HighBit": 10}, "High Bit", "11"),
        ({"HighBit": 16}, "High Bit", "11"),
    ],
)
def test_an_element_that_makes_no_sense_has_the_usual_default_and_says_so(fields, name, assumed):
    ds = dataset(WORDS, bits=12, **PLAIN_WINDOW)
    set_unchecked(ds, fields)
    read = standardise(written(ds))
    assert read.signs.notes == (f"The file's {name} makes no sense, so {assumed} was assumed.",)
    np.testing.assert_array_equal(decode(written(ds)), BYTES)


def test_an_oddly_spelled_monochrome1_is_still_inverted():
    ds = dataset(WORDS, bits=12, **PLAIN_WINDOW)
    ds["PhotometricInterpretation"].value = "MONOCHROME 1"
    plain = decode(dicom(WORDS, bits=12, **PLAIN_WINDOW)).astype(int)
    assert np.abs(decode(written(ds)) - (255 - plain)).max() <= 1


@pytest.mark.parametrize("keyword", ["PhotometricInterpretation", "PlanarConfiguration", "SamplesPerPixel"])
def test_a_film_in_colour_has_defaults_too(keyword):
    ds = dataset(np.dstack([BYTES, BYTES, BYTES // 2]))
    expected = decode(written(ds))
    del ds[keyword]
    read = standardise(written(ds))
    (note,) = read.signs.notes
    assert note.startswith(f"The file lacks {dictionary_description(keyword)}, so ")
    np.testing.assert_array_equal(decode(written(ds)), expected)


@pytest.mark.parametrize(
    ("keyword", "name"), [("Rows", "Rows"), ("Columns", "Columns"), ("BitsAllocated", "Bits Allocated")]
)
def test_an_element_without_a_default_is_named(keyword, name):
    with pytest.raises(UnreadableImageError, match=f"lacks {name}, without which"):
        standardise(lacking(keyword))


def test_colours_that_are_not_read_are_named():
    ds = dataset(np.dstack([BYTES] * 3))
    ds.PhotometricInterpretation = "HSV"
    with pytest.raises(UnreadableImageError, match="Photometric Interpretation HSV"):
        standardise(written(ds))


def test_a_file_that_lacks_everything_that_has_a_default_is_read():
    ds = dataset(WORDS, bits=16, WindowCenter=2048, WindowWidth=4096)
    for keyword in ASSUMED:
        del ds[keyword]
    assert len(standardise(written(ds)).signs.notes) == 4  # High Bit goes with Bits Stored
    np.testing.assert_array_equal(decode(written(ds)), BYTES)


# Pixels that aren't square


@pytest.mark.parametrize(
    ("fields", "shape", "note"),
    [
        ({"PixelAspectRatio": [2, 1]}, (96, 64), "height : width = 2)"),
        ({"PixelAspectRatio": [1, 2]}, (48, 128), "height : width = 0.5)"),
        ({"PixelAspectRatio": [4, 3]}, (64, 64), "height : width = 1.33)"),
        ({"PixelAspectRatio": [1, 1]}, (48, 64), None),
        ({"PixelSpacing": [0.3, 0.15]}, (96, 64), "height : width = 2)"),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, (48, 128), "height : width = 0.5)"),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, (96, 64), "height : width = 2)"),
        ({"ImagerPixelSpacing": [0.139, 0.139]}, (48, 64), None),
        ({"ImagerPixelSpacing": [0.1390, 0.1391]}, (48, 64), None),
        ({"PixelAspectRatio": [0, 1]}, (48, 64), "makes no sense, so the film is drawn as it is stored"),
        ({"PixelAspectRatio": [1000, 1]}, (48, 64), "makes no sense, so the film is drawn as it is stored"),
        ({"PixelSpacing": 0.1}, (48, 64), None),
    ],
)
def test_a_film_whose_pixels_are_not_square_is_drawn_to_scale_and_scored_as_it_is_stored(fields, shape, note):
    made = dicom(BYTES, **fields)
    drawn, standard = decode_dicom(made)
    assert drawn.shape == decode(made).shape == shape
    assert (standard.facts.width, standard.facts.height) == (64, 48)
    np.testing.assert_array_equal(standard.pixels, standardise(dicom(BYTES)).pixels)
    assert [note in said for said in standard.signs.notes] == ([True] if note else [])


def test_what_is_drawn_to_scale_is_the_same_film(monkeypatch):
    tall = decode(dicom(BYTES, PixelAspectRatio=[2, 1]))
    assert np.abs(tall[::2].astype(int) - BYTES).mean() < 3
    assert np.abs(tall[1::2].astype(int) - BYTES).mean() < 3
    monkeypatch.setattr(dicom_shape, "MAX_PIXELS", 10_000)
    assert 9_000 < to_scale(BYTES, 10.0).size <= 10_000


# What it says of the film


@pytest.mark.parametrize(
    ("fields", "age"),
    [
        ({"PatientAge": "003Y"}, 3),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "005W"}, 35 / 365.25),
        ({"PatientAge": "010D"}, 10 / 365.25),
        ({"PatientAge": "103Y"}, 90),
        ({"PatientAge": "51"}, 51),
        ({"PatientAge": "051"}, 51),
        ({"PatientAge": "4"}, 4),
        ({"PatientAge": "62 Y"}, 62),
        ({"PatientAge": "062y"}, 62),
        ({"PatientAge": "62.5Y"}, 62.5),
        ({"PatientAge": "2,5 years"}, 2.5),
        ({"PatientAge": "18 months"}, 1.5),
        ({"PatientAge": "6 wks"}, 42 / 365.25),
        ({"PatientAge": "51", "PatientBirthDate": "19690101"}, 51),
        ({"PatientAge": "young"}, None),
        ({"PatientAge": "5X"}, None),
        ({"PatientAge": "-5"}, None),
        ({"PatientAge": "1234"}, None),
        ({"PatientAge": "5X", "PatientBirthDate": "20200101", "StudyDate": "20230101"}, 3.0),
        ({"PatientBirthDate": "20200101", "StudyDate": "20230101"}, 3.0),
        ({"PatientBirthDate": "20200101", "AcquisitionDate": "20200702"}, 0.5),
        ({"PatientBirthDate": "20240101", "StudyDate": "20230101"}, None),
        ({"PatientBirthDate": "20200101"}, None),
        ({}, None),
    ],
)
def test_the_age_is_in_years(fields, age):
    ds = dataset(grey())
    set_unchecked(ds, fields)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = written(ds)
    assert standardise(made).signs.age == (age if age is None else pytest.approx(age, abs=0.006))


def code_of(value: str, meaning: str = "", scheme: str = "SCT") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def test_the_view_comes_from_its_name_or_its_code():
    ap = code_of("399348003", "antero-posterior")
    assert standardise(dicom(grey(), ViewPosition="PA")).signs.view == "PA"
    assert standardise(dicom(grey(), ViewCodeSequence=[ap])).signs.view == "AP"
    assert standardise(dicom(grey())).signs.view is None


FRONTAL = {"AnteroPosterior", "PosteroAnterior", "Frontal"}
SIDES = {"LateralProjection", "LeftLateral", "RightLateral", "LateralMedial", "MedioLateralProjection"}
TURNED = ("oblique", "lateral", "sagittal", "axial")


@pytest.mark.parametrize("scheme", ["SCT", "SRT"])
def test_every_code_of_a_view_in_dicoms_own_list_is_known(scheme):
    older = {new: old for old, new in mapping["SRT"].items()}
    views = {}
    for name in cid_concepts[4010]["SCT"]:
        for code in concepts["SCT"][name]:
            made = code_of(code if scheme == "SCT" else older[code], scheme=scheme)
            views[name] = signs_of(dataset_with(ViewCodeSequence=[made]), colour=0.0, notes=()).view
    assert {name for name, view in views.items() if view in ("AP", "PA", "FRONTAL")} == FRONTAL
    assert all(is_lateral(views[name] or "") for name in SIDES)
    turned = [name for name in views if any(word in name.lower() for word in TURNED)]
    assert len(turned) > 25
    assert all(views[name] for name in turned)


def dataset_with(**fields: object) -> Dataset:
    ds = Dataset()
    set_unchecked(ds, fields)
    return ds


def set_unchecked(ds: Dataset, fields: dict[str, object]) -> None:
    """Set elements as files hold them, whether DICOM allows their values or not."""
    for keyword, value in fields.items():
        ds[keyword] = DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE)


@pytest.mark.parametrize(
    ("fields", "view"),
    [
        ({"ViewPosition": "OBLIQUE"}, "OBLIQUE"),
        ({"ViewPosition": "PA LAT"}, "LAT"),
        ({"ViewPosition": "pa"}, "PA"),
        ({"ViewPosition": "PA", "ViewCodeSequence": [code_of("399067008")]}, "LATERAL"),
        ({"ViewCodeSequence": [code_of("L1", "Thorax lateral", "99HOSPITAL")]}, "LATERAL"),
        ({"ViewCodeSequence": [code_of("L1", "Jane Doe", "99HOSPITAL")]}, None),
    ],
)
def test_a_view_that_is_not_frontal_is_never_hidden_by_another_tag(fields, view):
    assert signs_of(dataset_with(**fields), colour=0.0, notes=()).view == view


def test_a_modifier_of_a_view_counts():
    ap = code_of("399348003")
    ap.ViewModifierCodeSequence = [code_of("399182000")]
    assert standardise(dicom(grey(), ViewCodeSequence=[ap])).signs.view == "OBLIQUE"


@pytest.mark.parametrize(
    ("kind", "modality", "raw"),
    [
        (CTImageStorage, "CT", False),
        (MRImageStorage, "MR", False),
        (DigitalXRayImageStorageForPresentation, "DX", False),
        (DigitalXRayImageStorageForProcessing, "DX", True),
        (DigitalMammographyXRayImageStorageForProcessing, "MG", True),
        (XRayRadiofluoroscopicImageStorage, "RF", False),
        (SecondaryCaptureImageStorage, None, False),
    ],
)
def test_the_kind_of_object_speaks_if_the_tags_are_silent(kind, modality, raw):
    silent = signs_of(dataset_with(SOPClassUID=kind), colour=0.0, notes=())
    assert (silent.modality, silent.raw) == (modality, raw)
    stated = {"Modality": "CR", "PresentationIntentType": "FOR PRESENTATION"}
    spoken = signs_of(dataset_with(SOPClassUID=kind, **stated), colour=0.0, notes=())
    assert (spoken.modality, spoken.raw) == ("CR", False)


def test_modality_and_body_part_are_told():
    signs = standardise(dicom(grey(), Modality="DX", BodyPartExamined="PORT CHEST")).signs
    assert (signs.modality, signs.body_part) == ("DX", "CHEST")
    assert standardise(bundled("CT_small.dcm")).signs.modality == "CT"


WHO = {
    "PatientName": "DOE^JANE",
    "PatientID": "ID-4711",
    "PatientBirthDate": "20190203",
    "PatientAddress": "Elm Street",
    "StudyDate": "20220304",
    "StudyTime": "101112",
    "AccessionNumber": "ACC815",
    "InstitutionName": "St Elsewhere",
    "ReferringPhysicianName": "ROE^RICHARD",
    "OperatorsName": "POE^EDGAR",
    "StudyInstanceUID": "1.2.840.99.1",
    "SeriesInstanceUID": "1.2.840.99.2",
    "SOPInstanceUID": "1.2.840.99.3",
    "StationName": "ROOM7",
    "DeviceSerialNumber": "SN-9",
    "StudyDescription": "Chest of Jane Doe",
    "BodyPartExamined": "DOE JANE",
    "ViewPosition": "JANE",
    "Modality": "DOE",
    "ImageComments": "Jane, room 7",
}


def test_nothing_that_names_anybody_leaves():
    read = standardise(dicom(grey(), **WHO))
    told = f"{read.facts} {read.signs}".lower()
    words = {
        word.lower() for value in WHO.values() for word in value.replace("^", " ").split() if len(word) > 2
    }
    assert [word for word in words if word in told] == []
    assert read.signs.age == pytest.approx(3.08, abs=0.01)
    assert (read.signs.view, read.signs.body_part, read.signs.modality) == (None, None, None)


@pytest.mark.parametrize("lost", ["PixelData", "Rows", "BitsAllocated"])
def test_no_sentence_names_anybody(lost):
    ds = dataset(grey(), **WHO)
    del ds[lost]
    with pytest.raises(UnreadableImageError) as caught:
        standardise(written(ds))
    assert not any(value.lower() in str(caught.value).lower() for value in WHO.values())


# What can't be read


def changed(**fields: object) -> bytes:
    return dicom(grey(), **fields)


def of_syntax(uid: str) -> bytes:
    said = uid.encode() + b"\0" * (len(uid) % 2)
    was = b"UI\x14\x001.2.840.10008.1.2.1\x00"
    return dicom(grey()).replace(was, b"UI" + struct.pack("<H", len(said)) + said)


def jpeg_of(width: int, height: int, *, claims: tuple[int, int]) -> bytes:
    """A JPEG in a DICOM file whose header claims another size (columns, rows)."""
    return packed(encoded(grey(width=width, height=height), "JPEG"), claims)


def packed(jpeg: bytes, claims: tuple[int, int]) -> bytes:
    ds = dataset(grey())
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.Columns, ds.Rows = claims
    ds.PixelData = encapsulate([jpeg])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return written(ds)


def inflating(size: int) -> bytes:
    whole = dicom(grey())
    meta = whole.index(b"\x08\x00\x16\x00")
    head = of_syntax(DeflatedExplicitVRLittleEndian)[: meta + 2]  # the name is longer by two
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return head + packer.compress(whole[meta:] + bytes(size)) + packer.flush()


BAD = {
    "an ECG": (bundled("waveform_ecg.dcm"), "12-lead ECG Waveform” and holds no picture"),
    "a report": (bundled("test-SR.dcm"), "Comprehensive SR” and holds no picture"),
    "a plan": (bundled("rtplan.dcm"), "RT Plan” and holds no picture"),
    "a plan without meta": (bundled("ExplVR_BigEndNoMeta.dcm"), "holds no picture"),
    "several frames": (bundled("SC_rgb_rle_2frame.dcm"), "holds 2 pictures, and a film is one"),
    "a segmentation": (bundled("liver_1frame.dcm"), "Samples of 1 bits"),
    "12 bits of JPEG": (bundled("JPGExtended.dcm"), "a JPEG of 12 bits"),
    "cut off": (bundled("MR_truncated.dcm"), "damaged or cut off"),
    "tiny": (bundled("SC_rgb_small_odd.dcm"), "3 × 3 pixels, too few"),
    "a video": (of_syntax("1.2.840.10008.1.2.4.102"), "MPEG-4"),
    "a private packing": (of_syntax("1.3.46.670589.33.1.4.1"), "transfer syntax 1.3.46.670589.33.1.4.1"),
    "huge": (changed(Rows=20000, Columns=20000), "20000 × 20000 pixels, more than 100 million"),
    "huge in colour": (changed(Rows=9000, Columns=9000, SamplesPerPixel=3), "too many pixels"),
    "no rows": (changed(Rows=0), "too few"),
    "two samples": (changed(SamplesPerPixel=2), "2 samples per pixel"),
    "a picture of another size": (jpeg_of(64, 48, claims=(64, 64)), "not of the size"),
    "a picture larger than it says": (jpeg_of(640, 480, claims=(64, 48)), "not of the size"),
    "a picture of very many passes": (packed(passes(500), (64, 48)), "passes, and more than 100"),
    "a mark and nothing else": (bytes(128) + b"DICM", "no pixels"),
}


@pytest.mark.parametrize("read", [standardise, decode])
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_plain_sentence(name, read):
    data, sentence = BAD[name]
    with pytest.raises(UnreadableImageError, match=sentence) as caught:
        read(data)
    assert str(caught.value).endswith((".", ")."))
    assert "\n" not in str(caught.value)


def test_a_jpeg_of_the_size_it_says_is_read():
    assert decode(jpeg_of(64, 48, claims=(64, 48))).shape == (48, 64)


def test_a_deflated_bomb_is_unpacked_only_so_far(monkeypatch):
    assert decode(inflating(0)).shape == (48, 64)
    bomb = inflating(60 * 2**20)
    assert len(bomb) < 2**18
    from xraylab.imaging.decoding import dicom_file as module

    monkeypatch.setattr(module, "_MAX_INFLATED", 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImageError, match="would unpack to more than 1 MB"):
            standardise(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_pydicom_is_loaded_only_for_dicom():
    root = Path(__file__).parents[2]
    code = (
        "import sys, io; from PIL import Image; from xraylab.imaging.decoding.pixels import standardise;"
        "out = io.BytesIO();"
        "Image.new('L', (64, 64)).save(out, 'PNG'); standardise(out.getvalue());"
        "print('pydicom' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"


def test_gdcm_is_asked_for_lossless_jpeg_alone():
    from xraylab.imaging.decoding import dicom as module

    asked = {uid.name for uid, plugin in module._PLUGINS.items() if plugin == "gdcm"}
    assert all(name.startswith("JPEG Lossless") for name in asked)
    assert len(asked) == 2


def test_damaged_files_of_every_kind_give_a_film_or_a_sentence():
    counts = stress(0, 200)
    assert 20 < counts["read"] < 400
    assert (counts["stopped"], counts["too_long"]) == (0, 0)
