"""DICOM: brought to grey as a screen shows it, told without names, refused in a sentence."""

import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit

from tests.support.damaged import stress
from tests.support.dicoms import BUNDLED, bundled, dataset, dicom, written
from tests.support.films import encoded, grey, passes
from xraylab.errors import UnreadableImageError
from xraylab.imaging import is_film
from xraylab.imaging.decoding.pixels import decode, standardise

DEEP = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)
NO_GREY_SCALE = "names no grey scale"


def lut(values: list[int], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), first, bits])
    item.add_new("LUTData", "US", values)
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


# What it says of the film


@pytest.mark.parametrize(
    ("fields", "age"),
    [
        ({"PatientAge": "003Y"}, 3),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "005W"}, 35 / 365.25),
        ({"PatientAge": "010D"}, 10 / 365.25),
        ({"PatientAge": "103Y"}, 90),
        ({"PatientBirthDate": "20200101", "StudyDate": "20230101"}, 3.0),
        ({"PatientBirthDate": "20200101", "AcquisitionDate": "20200702"}, 0.5),
        ({"PatientBirthDate": "20240101", "StudyDate": "20230101"}, None),
        ({"PatientBirthDate": "20200101"}, None),
        ({}, None),
    ],
)
def test_the_age_is_in_years(fields, age):
    assert standardise(dicom(grey(), **fields)).signs.age == (
        age if age is None else pytest.approx(age, abs=0.006)
    )


def test_the_view_comes_from_its_name_or_its_code():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399348003", "SCT", "antero-posterior"
    assert standardise(dicom(grey(), ViewPosition="PA")).signs.view == "PA"
    assert standardise(dicom(grey(), ViewCodeSequence=[code])).signs.view == "AP"
    assert standardise(dicom(grey())).signs.view is None


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
    from pydicom.encaps import encapsulate

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
    from xraylab.imaging.decoding import dicom as module

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
