"""Archives on the Read screen: every film in them, and a reason for every file that is none."""

import io
import zipfile

from tests.support.screens import choose, listed, read_all, uploader
from xraylab import actions
from xraylab.app.samples import samples
from xraylab.data.intake import films_in

pytest_plugins = ["tests.support.shipped"]


def test_an_archive_is_read_film_by_film_and_what_is_wrong_in_it_is_a_row(show, newcomer):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("good/film.png", samples()[0].film.data)
        made.writestr("<script>.txt", "no film")
        made.writestr("../out.png", samples()[0].film.data)
        made.writestr("bomb.png", b"0" * 8 * 2**20)
        made.writestr("__MACOSX/film.png", "a system's own")
    app = show("read")
    uploader(app).upload("films.zip", archive.getvalue(), "application/zip")
    app.run()
    assert not app.exception
    rows = listed(read_all(app))
    assert len(rows) == 4
    assert sum(row["mark"] == "unreadable" for row in rows) == 3
    good = next(place for place, row in enumerate(rows) if "good" in row["name"])
    assert not choose(app, good).error
    assert choose(app, (good + 1) % 4).error
    assert not app.exception


def test_more_films_than_a_page_can_hold_are_left_to_the_command_line(show, newcomer, monkeypatch):
    monkeypatch.setattr("xraylab.app.session_films._MOST_FILMS", 3)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for number in range(5):
            made.writestr(f"{number}.txt", "no film")
    app = show("read")
    uploader(app).upload("films.zip", archive.getvalue(), "application/zip")
    app.run()
    assert len(listed(app)) == 3
    assert "reads 3 films at once" in app.warning[0].value


def test_a_film_with_an_archive_behind_it_is_a_film(newcomer, tmp_path):
    film, archive = samples()[0].film.data, io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("hidden.png", film)
    both = film + archive.getvalue()
    assert [read.name for read in films_in("both.png", both)] == ["both.png"]
    (tmp_path / "both.png").write_bytes(both)
    rows = actions.predict(newcomer, "cnn", [str(tmp_path / "both.png")])
    assert [row.file for row in rows] == [str(tmp_path / "both.png")]
    assert rows[0].score is not None


def test_films_that_had_no_room_are_read_once_others_are_taken_away(show, newcomer, monkeypatch):
    monkeypatch.setattr("xraylab.app.session_films._MOST_FILMS", 3)
    app = show("read")
    uploader(app).set_value([(f"{number}.txt", b"no film", "text/plain") for number in range(5)]).run()
    uploads = uploader(app)._get_files_to_register()  # AppTest has no cross to press
    assert [row["name"] for row in listed(app)] == [f"{n}.txt" for n in range(3)]
    uploader(app)._files = uploads[1:]
    app.run()
    assert [row["name"] for row in listed(app)] == [f"{n}.txt" for n in range(1, 4)]


def test_of_two_files_with_the_same_bytes_each_is_told_by_its_own_name(show, newcomer, monkeypatch):
    told = []
    table = "xraylab.app.screens.read.keep.draw_table"
    monkeypatch.setattr(table, lambda settings, model, batch, films: told.append(batch()))
    film = samples()[0].film.data
    files = {"one.png": film, "two.png": film, "three.txt": b"no film", "four.txt": b"no film", "5.txt": b""}
    app = show("read")
    uploader(app).set_value([(*file, "") for file in files.items()]).run()
    assert not app.exception
    assert [reading.name for reading in told[-1]] == list(files)
    assert told[-1][0].score == told[-1][1].score
    uploader(app).set_value([("again.png", film, "")]).run()
    assert [reading.name for reading in told[-1]] == ["again.png"]
