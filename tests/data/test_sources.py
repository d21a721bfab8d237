"""Sources: the labelled films of a folder or archive, whatever else lies there."""

import contextlib
import os
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dicoms import dicom
from tests.support.films import film, grey, kermany, write_folder, write_zip
from tests.support.hostile import overlapping
from xraylab.data.archives import danger, read_member
from xraylab.data.intake import films_at
from xraylab.data.sources import Source, open_source
from xraylab.errors import DatasetError, NotFoundError, UnreadableImageError

CLUTTER = {
    "__MACOSX/chest_xray/train/NORMAL/._IM-0000-0001.png": b"mac",
    "chest_xray/.DS_Store": b"mac",
    "chest_xray/train/NORMAL/.DS_Store": b"mac",
    "chest_xray/train/NORMAL/.ipynb_checkpoints/NORMAL/IM-0000-0001.png": film(),
    "chest_xray/train/NORMAL/Thumbs.db": b"windows",
    "chest_xray/train/PNEUMONIA/notes.txt": b"text",
    "chest_xray/readme": b"text",
    "chest_xray/train/NORMAL/README": b"text",
    "chest_xray/cover.png": film(),
    "chest_xray/train/OTHER/IM-0000-0001.png": film(),
}
MEMBER = "chest_xray/train/NORMAL/bomb.png"


@pytest.fixture(params=["folder", "archive"])
def made(request, tmp_path):
    """A function that puts files into a folder or archive, either of which must be understood alike."""

    def make(files: dict[str, bytes]) -> Path:
        if request.param == "folder":
            return write_folder(tmp_path / "films", files)
        return write_zip(tmp_path / "films.zip", files)

    return make


def listed(path: Path) -> Source:
    with open_source(path) as source:
        return source


def contents(path: Path) -> dict[str, bytes]:
    with open_source(path) as source:
        return {file.path: file.read() for file in source.files}


def bomb(path: Path, *, member: str = MEMBER, megabytes: int = 300) -> Path:
    """An archive of 300 KB that holds 300 MB of nothing beside a real film."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("chest_xray/train/NORMAL/a.png", film())
        with archive.open(member, "w") as out:
            for _ in range(megabytes):
                out.write(bytes(2**20))
    return path


def with_sizes(path: Path, *, was: int, is_now: int) -> None:
    """Let an archive lie about the unpacked size of its members."""
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", was), struct.pack("<I", is_now)))


# The layout


def test_labels_and_folders_come_from_the_path(made):
    source = listed(
        made(
            {
                "x/train/NORMAL/a.png": b"1",
                "x/val/PNEUMONIA/b.jpg": b"2",
                "x/Validation/pneumonia/c.JPEG": b"3",
                "x/valid/Normal/d.PNG": b"4",
                "x/test/PNEUMONIA/e.jpeg": b"5",
                "NORMAL/f.png": b"6",
                "test/x/train/NORMAL/g.png": b"7",
                "site a/NORMAL/h.i.png": b"8",
            }
        )
    )
    assert [(f.path, f.label, f.folder, f.stem) for f in source.files] == [
        ("NORMAL/f.png", 0, None, "f"),
        ("site a/NORMAL/h.i.png", 0, None, "h.i"),
        ("test/x/train/NORMAL/g.png", 0, "train", "g"),
        ("x/Validation/pneumonia/c.JPEG", 1, "val", "c"),
        ("x/test/PNEUMONIA/e.jpeg", 1, "test", "e"),
        ("x/train/NORMAL/a.png", 0, "train", "a"),
        ("x/val/PNEUMONIA/b.jpg", 1, "val", "b"),
        ("x/valid/Normal/d.PNG", 0, "val", "d"),
    ]
    assert source.ignored == {}


@pytest.mark.parametrize(
    ("train", "test"),
    [("Training", "Testing"), ("train", "eval"), ("TRAIN", "Hold-out"), ("train_images", "test_images")],
)
def test_folders_of_splits_are_known_by_their_words(made, train, test):
    source = listed(made({f"{train}/NORMAL/a.png": b"1", f"{test}/PNEUMONIA/b.png": b"2"}))
    assert {file.path.split("/")[0]: file.folder for file in source.files} == {train: "train", test: "test"}
    assert source.notes == []


def test_a_folder_above_the_labels_that_is_known_as_no_split_is_named(made):
    films = {f"x/{site}/NORMAL/{site}{n}.png": b"" for site in ("site a", "blind") for n in range(2)}
    source = listed(made(films | {"x/blind/PNEUMONIA/b.png": b"", "x/train/NORMAL/c.png": b""}))
    assert source.notes == [
        "Folders beside the labels whose names say no split were taken for none: “blind” (films: 3), "
        "“site a” (films: 2)."
    ]


def test_of_many_unknown_folders_a_few_are_named(made):
    films = {f"site{n}/NORMAL/{n}.png": b"" for n in range(8)} | {
        f"{n}/NORMAL/a{n}.png": b"" for n in range(8)
    }
    assert listed(made(films)).notes[0].endswith("“site4” (films: 1) and 3 others.")


def test_a_folder_that_holds_everything_gets_no_note(made):
    assert listed(made(kermany(2, 2, prefix="my films/2024/"))).notes == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a permission on Windows")
def test_links_to_folders_and_files_are_followed_once_and_others_are_counted(tmp_path):
    store = write_folder(tmp_path / "store", {"NORMAL/a.png": b"1", "test/NORMAL/b.png": b"2"})
    folder = write_folder(
        tmp_path / "films", {"train/PNEUMONIA/c.png": b"3", "train/real/x/NORMAL/d.png": b"4"}
    )
    links = {
        "train/NORMAL": store / "NORMAL",
        "test": store / "test",
        "train/PNEUMONIA/e.png": store / "NORMAL/a.png",
        "again": folder / "train/real",  # listed under its own name already
        "train/circle": folder,
        "root": tmp_path,
        "train/PNEUMONIA/gone.png": tmp_path / "gone.png",
        "train/PNEUMONIA/loop.png": folder / "train/PNEUMONIA/loop.png",
    }
    for place, target in links.items():
        (folder / place).symlink_to(target)
    assert contents(folder) == {
        "test/NORMAL/b.png": b"2",
        "train/NORMAL/a.png": b"1",
        "train/PNEUMONIA/c.png": b"3",
        "train/PNEUMONIA/e.png": b"1",
        "train/real/x/NORMAL/d.png": b"4",
    }
    assert listed(folder).ignored == {
        "link to a folder that is listed already": 1,
        "link to a folder above": 2,
        "broken link": 2,
    }


def test_what_is_no_film_is_ignored_and_counted(made):
    films = kermany(2, 3)
    source = made(films | CLUTTER)
    assert contents(source) == dict(sorted(films.items()))
    assert listed(source).ignored == {
        "system file": 4,
        "not an image": 4,
        "in no folder of a label": 1,
        "labelled “OTHER”, which is neither present nor absent": 1,
    }


def test_every_format_is_known_by_all_of_its_endings(made):
    endings = [
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "jif",
        "jfi",
        "JFIF",
        "png",
        "tif",
        "tiff",
        "tf2",
        "tf8",
        "btf",
        "bmp",
        "dib",
        "webp",
        "dcm",
        "dicom",
        "dic",
    ]
    films = {f"PNEUMONIA/a{n}{ending}": film(n) for n, ending in enumerate(endings)}
    source = made(films | {"NORMAL/a.gif": film(), "NORMAL/a.svg": film()})
    assert contents(source) == dict(sorted(films.items()))
    assert listed(source).ignored == {"not an image": 2}


@pytest.mark.parametrize(
    "name", ["a.dcm", "a.DICOM", "a.tif", "a.TIFF", "a.bmp", "a.webp", "IM0001", "1.2.840.113619.2.5"]
)
def test_a_film_may_be_of_any_format_and_a_dicom_file_without_a_name_for_it(made, name):
    data = dicom(grey()) if name[0] in "I1" or name[2:5].lower() in ("dcm", "dic") else film()
    source = made({f"NORMAL/{name}": data, "NORMAL/1.2.3": b"text", "NORMAL/notes": b"text"})
    assert contents(source) == {f"NORMAL/{name}": data}
    assert listed(source).ignored == {"not an image": 2}


def test_a_copy_nested_in_itself_counts_once(made):
    films = kermany(2, 3)
    nested = {f"chest_xray/{path}": data for path, data in films.items()}
    unsplit = {path.replace("/train", ""): data for path, data in films.items()}
    source = made(films | nested | unsplit)
    read = contents(source)
    assert sorted(read.values()) == sorted(films.values())
    assert all(path.count("/") == 2 for path in read)  # the outermost of the three
    assert listed(source).ignored == {"nested copy": 10}


def test_two_films_of_one_name_are_both_kept(made):
    films = {"a/NORMAL/1.png": b"one", "a/b/NORMAL/1.png": b"two", "PNEUMONIA/1.png": b"one"}
    assert contents(made(films)) == dict(sorted(films.items()))


def test_one_film_in_two_official_splits_is_listed_twice(made):
    films = {"train/NORMAL/1.png": b"one", "test/NORMAL/1.png": b"one"}
    assert contents(made(films)) == dict(sorted(films.items()))


def test_a_folder_called_as_a_label_can_be_given_itself(tmp_path):
    write_folder(tmp_path / "NORMAL", {"a.png": b"1"})
    assert contents(tmp_path / "NORMAL") == {"NORMAL/a.png": b"1"}


def test_a_source_without_films_is_a_sentence(made):
    for files in (CLUTTER, {"x.txt": b""}):
        with pytest.raises(DatasetError, match=r"contains no labelled radiographs.*NORMAL and PNEUMONIA"):
            listed(made(files))


def test_an_empty_folder_and_an_empty_archive_are_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", write_zip(tmp_path / "empty.zip", {})):
        with pytest.raises(DatasetError, match="contains no labelled radiographs"):
            listed(source)


@pytest.mark.parametrize("name", ["nowhere", "no/where", "x" * 5000, "nul\0byte"])
def test_a_path_that_does_not_exist_is_a_sentence(tmp_path, name):
    with pytest.raises(NotFoundError, match="doesn't exist"):
        listed(tmp_path / name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_is_spelled_out(tmp_path):
    folder = tmp_path / "films" / "NORMAL"
    folder.mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(folder) + b"/a\xff.png")).write_bytes(b"1")
    assert contents(tmp_path / "films") == {r"NORMAL/a\udcff.png": b"1"}


def test_a_file_that_vanishes_is_unreadable_alone(tmp_path):
    with open_source(write_folder(tmp_path / "films", kermany(1, 1))) as source:
        (tmp_path / "films" / source.files[0].path).unlink()
        with pytest.raises(UnreadableImageError, match="can't be opened"):
            source.files[0].read()
        assert source.files[1].read()


# Archives


def test_an_archive_written_by_windows_is_understood(tmp_path):
    films = kermany(1, 1)
    archive = write_zip(
        tmp_path / "films.zip", {path.replace("/", "\\"): data for path, data in films.items()}
    )
    assert contents(archive) == films


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_later_counts(tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.writestr("NORMAL/a.png", b"old")
        archive.writestr("NORMAL/a.png", b"new")
    assert contents(tmp_path / "films.zip") == {"NORMAL/a.png": b"new"}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "chest_xray/../../NORMAL/evil.png",
        "/NORMAL/evil.png",
        "..\\NORMAL\\evil.png",
        "NORMAL\\..\\..\\evil.png",
        "\\NORMAL\\evil.png",
        "C:\\NORMAL\\evil.png",
        "c:/NORMAL/evil.png",
        "../evil.txt",
    ],
)
def test_a_path_that_leads_outside_is_a_sentence(tmp_path, name):
    archive = write_zip(tmp_path / "films.zip", kermany(1, 1) | {name: film()})
    with pytest.raises(DatasetError, match="its path leads outside the archive"):
        listed(archive)
    assert [file.name for file in tmp_path.iterdir()] == ["films.zip"]


@pytest.mark.parametrize("member", [MEMBER, "readme.txt"])
def test_a_bomb_is_a_sentence(tmp_path, member):
    archive = bomb(tmp_path / "films.zip", member=member)
    with pytest.raises(DatasetError, match="would unpack to 300 MB, too much for a radiograph"):
        listed(archive)


def test_a_small_bomb_is_known_by_how_far_it_shrank(tmp_path):
    with pytest.raises(DatasetError, match="would unpack to 5 MB"):
        listed(bomb(tmp_path / "films.zip", megabytes=5))


def test_a_bomb_that_says_it_is_small_is_not_unpacked_further(tmp_path):
    archive = bomb(tmp_path / "films.zip", megabytes=64)
    with_sizes(archive, was=64 * 2**20, is_now=50_000)
    with open_source(archive) as source:
        tracemalloc.start()
        try:
            with pytest.raises(UnreadableImageError, match="damaged"):
                next(file for file in source.files if file.path == MEMBER).read()
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


def test_a_member_that_says_it_is_larger_than_it_is_is_damaged(tmp_path):
    archive = bomb(tmp_path / "films.zip", megabytes=1)
    with_sizes(archive, was=2**20, is_now=2**20 - 1)
    with_sizes(archive, was=2**20 - 1, is_now=2**20 + 1)
    with zipfile.ZipFile(archive) as opened, pytest.raises(UnreadableImageError, match="damaged"):
        read_member(opened, opened.getinfo(MEMBER))


def test_a_password_is_a_sentence(tmp_path):
    archive = write_zip(tmp_path / "films.zip", kermany(1, 1))
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the directory at the end
    archive.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match="protected with a password"):
        listed(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_unpacks_without_bound_is_a_sentence(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "films.zip", "w", method) as archive:
        archive.writestr("NORMAL/a.png", film())
    with pytest.raises(DatasetError, match="its compression method isn't supported"):
        listed(tmp_path / "films.zip")


def test_a_radiograph_that_compresses_well_is_no_bomb():
    member = zipfile.ZipInfo("NORMAL/a.png")
    member.file_size, member.compress_size = 20 * 2**20, 2**20
    assert danger(member) is None


@pytest.mark.parametrize(
    "data", [b"", b"text", b"PK\x03\x04", b"PK\x05\x06" + bytes(10), bytes(range(256)) * 50]
)
def test_what_is_no_archive_is_a_sentence(tmp_path, data):
    (tmp_path / "films.zip").write_bytes(data)
    with pytest.raises(DatasetError, match=r"films.zip is not a zip or tar archive, or it is damaged"):
        listed(tmp_path / "films.zip")


def test_an_archive_cut_off_is_a_sentence(tmp_path):
    archive = write_zip(tmp_path / "films.zip", kermany(2, 2))
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DatasetError, match="is not a zip or tar archive, or it is damaged"):
        listed(archive)


def test_a_damaged_member_is_unreadable_alone(tmp_path):
    films = kermany(2, 2)
    archive = write_zip(tmp_path / "films.zip", films)
    data = archive.read_bytes()
    broken = films["chest_xray/train/NORMAL/IM-0001-0001.png"]
    archive.write_bytes(data.replace(broken, broken[:50] + bytes(20) + broken[70:]))
    with open_source(archive) as source:
        for file in source.files:
            if "IM-0001" in file.path:
                with pytest.raises(UnreadableImageError, match="part of the archive is damaged"):
                    file.read()
            else:
                assert file.read() == films[file.path]


def test_a_damaged_member_that_has_a_namesake_is_kept_to_be_refused(tmp_path):
    archive = write_zip(tmp_path / "films.zip", {"NORMAL/a.png": b"one" * 30, "b/NORMAL/a.png": b"two" * 30})
    archive.write_bytes(archive.read_bytes().replace(b"two" * 30, b"twX" * 30))
    assert [file.path for file in listed(archive).files] == ["NORMAL/a.png", "b/NORMAL/a.png"]


@settings(deadline=None, max_examples=150)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    cut=st.floats(0.5, 1),
)
def test_an_archive_with_bytes_changed_is_never_more_than_a_sentence(tmp_path_factory, changes, cut):
    path = tmp_path_factory.getbasetemp() / "changed.zip"
    data = bytearray(
        write_zip(path, {"NORMAL/a.png": b"one", "x/NORMAL/a.png": b"two", "y/b.txt": b""}).read_bytes()
    )
    for where, value in changes:
        data[int(where * len(data))] = value
    path.write_bytes(bytes(data[: round(cut * len(data))]))
    with contextlib.suppress(DatasetError), open_source(path) as source:
        for file in source.files:
            with contextlib.suppress(UnreadableImageError):
                file.read()


def test_members_that_share_their_bytes_are_counted_together(tmp_path):
    archive = tmp_path / "hostile.zip"
    archive.write_bytes(overlapping(np.random.default_rng(0), b""))
    words = "it would unpack to 146.5 GB, too much for its size"
    with pytest.raises(DatasetError, match=words), open_source(archive):
        pass
    [refused] = films_at(str(archive))
    assert refused.why == f"The archive was not read: {words}."
