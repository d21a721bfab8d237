"""Archives on the Read screen: every film in them, and a reason for every file that is none."""

import io
import zipfile

from xraylab import actions
from xraylab.app import phantoms
from xraylab.data.intake import films_in

pytest_plugins = ["tests.support.shipped"]


def test_an_archive_is_read_film_by_film_and_what_is_wrong_in_it_is_a_row(show, newcomer):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("good/film.png", phantoms.fresh_phantom_png())
        made.writestr("<script>.txt", "no film")
        made.writestr("../out.png", phantoms.fresh_phantom_png())
        made.writestr("bomb.png", b"0" * 8 * 2**20)
        made.writestr("__MACOSX/film.png", "a system's own")
    app = show("read")
    app.file_uploader(key="films").upload("films.zip", archive.getvalue(), "application/zip")
    app.run()
    assert not app.exception
    listed = app.radio(key="film chosen").options
    assert len(listed) == 4
    assert sum("unreadable" in row for row in listed) == 3
    assert not any("<script>" in row for row in listed)
    good = next(place for place, row in enumerate(listed) if "good" in row)
    app.radio(key="film chosen").set_value(good).run()
    assert not app.error
    app.radio(key="film chosen").set_value((good + 1) % 4).run()
    assert app.error
    assert not app.exception


def test_more_films_than_a_page_can_hold_are_left_to_the_command_line(show, newcomer, monkeypatch):
    monkeypatch.setattr("xraylab.app.screens.read._MOST_FILMS", 3)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for number in range(5):
            made.writestr(f"{number}.txt", "no film")
    app = show("read")
    app.file_uploader(key="films").upload("films.zip", archive.getvalue(), "application/zip")
    app.run()
    assert len(app.radio(key="film chosen").options) == 3
    assert "reads 3 films at once" in app.warning[0].value


def test_a_film_with_an_archive_behind_it_is_a_film(newcomer, tmp_path):
    film, archive = phantoms.fresh_phantom_png(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("hidden.png", film)
    both = film + archive.getvalue()
    assert [read.name for read in films_in("both.png", both)] == ["both.png"]
    (tmp_path / "both.png").write_bytes(both)
    rows = actions.predict(newcomer, "cnn", [str(tmp_path / "both.png")])
    assert [row.file for row in rows] == [str(tmp_path / "both.png")]
    assert rows[0].score is not None


def test_films_that_had_no_room_are_read_once_others_are_taken_away(show, newcomer, monkeypatch):
    monkeypatch.setattr("xraylab.app.screens.read._MOST_FILMS", 3)
    app = show("read")
    uploader = app.file_uploader(key="films")
    uploader.set_value([(f"{number}.txt", b"no film", "text/plain") for number in range(5)]).run()
    uploads = app.file_uploader(key="films")._get_files_to_register()  # AppTest has no cross to press
    assert [row[-6:] for row in app.radio(key="film chosen").options] == [f"{n}\\.txt" for n in range(3)]
    app.file_uploader(key="films")._files = uploads[1:]
    app.run()
    assert [row[-6:] for row in app.radio(key="film chosen").options] == [f"{n}\\.txt" for n in range(1, 4)]


def test_of_two_files_with_the_same_bytes_each_is_told_by_its_own_name(show, newcomer, monkeypatch):
    told = []
    monkeypatch.setattr("xraylab.app.screens.read.keep.draw", lambda *_, batch, **__: told.append(batch))
    film = phantoms.fresh_phantom_png()
    files = {"one.png": film, "two.png": film, "three.txt": b"no film", "four.txt": b"no film", "5.txt": b""}
    app = show("read")
    app.file_uploader(key="films").set_value([(*file, "") for file in files.items()]).run()
    assert not app.exception
    assert [reading.name for reading in told[-1]] == list(files)
    assert told[-1][0].score == told[-1][1].score
    app.file_uploader(key="films").set_value([("again.png", film, "")]).run()
    assert [reading.name for reading in told[-1]] == ["again.png"]
