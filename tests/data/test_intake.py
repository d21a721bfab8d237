"""From paths and uploads to films: each file once, in order, or the reason why it can't be read."""

import os
import sys
from itertools import islice

import pytest
from PIL import Image

from tests.actions.test_reading_bad_files import FILM, NO_FILE, archive
from tests.support.films import encoded, grey, write_folder
from xraylab.data import archives, intake
from xraylab.data.intake import films_at, films_in
from xraylab.imaging import Film, Refused


def test_a_file_is_called_as_its_path_was_typed(tmp_path):
    (tmp_path / "a.png").write_bytes(FILM)
    for path in (f"{tmp_path}/a.png", f"{tmp_path}/./a.png"):
        [film] = films_at(path)
        assert (film.name, film.data) == (path, FILM)


def test_a_folder_gives_all_below_it_by_name_and_nothing_hidden(tmp_path):
    write_folder(tmp_path, dict.fromkeys(("b.png", "a/c.png", ".hidden.png", ".cache/d.png", "a.png"), FILM))
    names = [film.name.removeprefix(f"{tmp_path}/") for film in films_at(str(tmp_path))]
    assert names == ["a/c.png", "a.png", "b.png"]


def test_an_archive_gives_its_members_on_the_disk_and_as_an_upload(tmp_path):
    data = archive(
        {"b.png": FILM, "a/c.png": FILM, "__MACOSX/._b.png": b"x", "again.zip": archive({"a": b""})}
    )
    (tmp_path / "films.zip").write_bytes(data)
    for name, read in (
        (str(tmp_path / "films.zip"), films_at(str(tmp_path / "films.zip"))),
        ("up.zip", films_in("up.zip", data)),
    ):
        first, nested, last = read
        assert [first.name, nested.name, last.name] == [
            f"{name}::{member}" for member in ("a/c.png", "again.zip", "b.png")
        ]
        assert first.data == last.data == FILM
        assert nested == Refused(
            f"{name}::again.zip", "An archive inside an archive isn't opened. Unpack it first."
        )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pipes as Linux has them")
def test_a_pipe_is_refused_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert list(films_at(str(tmp_path))) == [Refused(f"{tmp_path}/pipe.png", NO_FILE)]


def test_an_upload_larger_than_any_film_is_a_reason_and_is_not_kept(monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_FILE", 1000)
    monkeypatch.setattr(intake, "LARGEST_FILE", 1000)
    large, small = FILM + bytes(1000), encoded(Image.fromarray(grey(width=40, height=40)), "JPEG")[:999]
    [refused] = films_in("large.png", large)
    assert isinstance(refused, Refused)
    assert refused.why.startswith("The file has more than")
    [film] = films_in("small", small)
    assert (film.name, film.data) == ("small", small)


def test_an_archive_without_files_is_a_row():
    for members in ({}, {"folder/": b""}, {"__MACOSX/._a.png": b""}):
        assert list(films_in("a.zip", archive(members))) == [
            Refused("a.zip", "There is no file in the archive.")
        ]


@pytest.mark.parametrize("field", [4, 8, 10, 12, 16, 20])
@pytest.mark.parametrize("lie", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x01\x00\x00\x00"])
def test_an_archive_whose_end_lies_is_a_row_or_what_is_in_it(field, lie):
    whole = archive({"a.png": FILM})
    end = whole.rindex(b"PK\x05\x06") + field
    rows = list(films_in("a.zip", whole[:end] + lie[: len(whole) - end] + whole[end + 4 :]))
    assert all(isinstance(row, Film) or row.why.endswith(".") for row in rows)


def test_members_that_share_their_bytes_are_each_read_and_no_further_than_they_say():
    """An archive of a few kilobytes whose directory names one film thousands of times."""
    whole = archive({"a.png": FILM})
    start, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    entries = whole[start:end] * 2000
    tail = whole[end : end + 8] + (2000).to_bytes(2, "little") * 2 + len(entries).to_bytes(4, "little")
    made = whole[:start] + entries + tail + start.to_bytes(4, "little") + bytes(2)
    films = islice(films_in("a.zip", made), 5)
    assert [(film.name, film.data) for film in films] == [("a.zip::a.png", FILM)] * 5
