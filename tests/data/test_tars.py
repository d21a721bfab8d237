"""Tar archives: the same films as in a folder, and the same dangers as in a zip."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.support.films import film, kermany
from xraylab.data.listing import open_listing
from xraylab.data.sources import open_source
from xraylab.errors import DatasetError


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")],
)
def test_a_tar_archive_holds_the_films_of_its_folder(tmp_path, name, mode):
    films = kermany(3, 3)
    (tmp_path / "room").mkdir()
    with open_listing(write_tar(tmp_path / name, films, mode), tmp_path / "room") as listing:
        assert {entry.path: entry.read() for entry in listing.entries} == films
    with open_source(tmp_path / name) as source:
        assert {file.path: file.read() for file in source.files} == films
    assert list((tmp_path / "room").iterdir()) == []  # nothing is left of the decompressed archive


def test_links_in_a_tar_archive_are_counted_and_the_later_of_two_names_counts(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for data in (b"old", b"new"):
            member = tarfile.TarInfo("./NORMAL/a.png")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("NORMAL/b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with open_source(tmp_path / "a.tar") as source:
        assert [(file.path, file.read()) for file in source.files] == [("NORMAL/a.png", b"new")]
    assert source.ignored == {"link in an archive": 1}


@pytest.mark.parametrize("name", ["../evil.png", "/NORMAL/evil.png", "NORMAL/../../evil.png", "C:\\evil.png"])
def test_a_path_that_leads_outside_is_a_sentence(tmp_path, name):
    archive = write_tar(tmp_path / "a.tar.gz", kermany(1, 1) | {name: film()}, "w:gz")
    with pytest.raises(DatasetError, match="its path leads outside the archive"), open_source(archive):
        pass


def test_a_bomb_is_a_sentence(tmp_path):
    films = {f"NORMAL/{number}.png": bytes(70 * 2**20) for number in range(3)}
    write_tar(tmp_path / "a.tar.gz", films, "w:gz")
    with pytest.raises(DatasetError, match="too much for its size"), open_source(tmp_path / "a.tar.gz"):
        pass


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_that_was_cut_off_is_a_sentence(tmp_path, mode):
    archive = write_tar(tmp_path / "a.tar", kermany(8, 8), mode)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(DatasetError, match=r"a\.tar is damaged or was cut off"), open_source(archive):
        pass
