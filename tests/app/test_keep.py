"""Keep and report on the Read screen: nothing before a button, one case a film, questions where it counts."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.support.brief import MODEL
from tests.support.dicoms import dicom
from tests.support.films import encoded, grey
from tests.support.privacy import FILE, everywhere
from tests.support.screens import choose, listed, read_all, readings, uploader, written
from tests.support.serving import ROOT
from tests.support.waiting import eventually
from xraylab import actions, records
from xraylab.app.samples import samples
from xraylab.app.screens.read import explain
from xraylab.reading.faithfulness import Faithfulness
from xraylab.reading.heatmap import Heatmap

pytest_plugins = ["tests.support.trained", "tests.support.decodes"]


@pytest.fixture
def read(monkeypatch, trained):
    """Read a film in a session of its own, with the log open."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)

    def read(data=None, name="film.png"):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        app.session_state["model in use"] = MODEL
        app.session_state["cases kept"] = True
        app = app.switch_page("pages/read.py").run()
        return uploader(app).upload(name, data or samples()[0].film.data).run()

    return read


def by_prefix(elements, prefix):
    [found] = [element for element in elements if element.key and element.key.startswith(prefix)]
    return found


def press(app, key):
    return app.button(key=key).click().run()


def call(app, said):
    by_prefix(app.radio, "call ").set_value(said)
    return app


def test_nothing_is_kept_or_drawn_before_a_button_is_pressed(read, trained, monkeypatch):
    for name in ("film_pdf", "film_png", "deidentified_dicom", "study_dicom", "scores_csv", "cases_csv"):
        monkeypatch.setattr(f"xraylab.actions.{name}", lambda *_, **__: pytest.fail("drawn unasked"))
    app = read()
    assert not app.exception
    assert "No case has been kept yet" in written(app)
    assert records.all_cases(trained) == records.full_trail(trained) == []
    labels = {button.proto.label for button in app.get("download_button")}
    assert {"Report as PDF", "Report as PNG", "De-identified", "All films as CSV (1)"} <= labels


def test_a_case_is_saved_once_and_then_changed(read, trained):
    app = press(call(read(), "pneumonia"), "save case")
    assert not app.exception
    assert "Kept as case 1, without its picture." in written(app)
    assert app.button(key="save changes").disabled
    by_prefix(app.text_area, "note ").set_value("Rotated")
    app = press(call(app, "unsure").run(), "save changes")
    [case] = records.all_cases(trained)
    assert (case.content.call, case.content.note) == ("unsure", "Rotated")
    assert [entry.action for entry in records.full_trail(trained)] == ["created", "call", "note"]
    assert "Rotated" in written(app)


def test_reader_and_model_that_differ_are_said_to_differ(read, trained):
    lock = actions.lock(trained, MODEL, "value:0.0", actor="test")
    assert lock.threshold == 0
    app = press(call(read(), "no pneumonia"), "save case")
    assert "Your call and the model differ." in written(app)
    assert "reader and model agree on 0 of 1" in written(app)


def test_the_picture_is_kept_only_after_somebody_has_looked(read, trained):
    app = read()
    by_prefix(app.checkbox, "pixels ").check()
    app = press(app.run(), "save case")
    assert not trained.cases.exists()
    app = read(encoded(grey(4)))
    by_prefix(app.checkbox, "pixels ").check()
    app.run()
    by_prefix(app.checkbox, "looked before keeping ").check()
    press(app.run(), "save case")
    assert [file.name for file in (trained.cases / "2").iterdir() if file.suffix == ".png"] == ["film.png"]


def test_a_telling_file_name_reaches_neither_database_nor_log(read, trained):
    app = press(call(read(name=FILE), "unsure"), "save case")
    assert not app.exception
    assert "DOE" in listed(app)[0]["name"]
    kept = everywhere(trained.home)
    assert [part for part in ("DOE-JANE", "MRN5550123", FILE) if part.encode() in kept] == []


def test_two_sessions_keep_two_cases_and_each_changes_its_own(read, trained):
    one, two = press(read(), "save case"), press(read(), "save case")
    assert "Kept as case 1" in written(one)
    assert "Kept as case 2" in written(two)
    press(call(two, "unsure").run(), "save changes")
    assert [case.content.call for case in records.all_cases(trained)] == [None, "unsure"]


def test_a_case_deleted_elsewhere_is_said_to_be_gone_and_can_be_kept_anew(read, trained):
    app = press(read(), "save case")
    actions.delete_case(trained, 1, actor="another")
    app.run()
    assert not app.exception
    assert "Case 1 was deleted." in written(app)
    assert "Kept as case 2" in written(press(app, "save case"))


def test_a_case_is_deleted_after_a_question_and_stays_as_a_tombstone(read, trained):
    app = press(press(read(), "save case"), "delete case")
    assert records.find(trained, 1)
    assert "Case 1 will be deleted" in written(app)
    app = press(app, "delete case for good")
    assert [case.content for case in records.all_cases(trained)] == [None]


def test_what_tells_whose_film_it_is_needs_a_dicom_upload_and_the_deidentified_file_a_look(read):
    app = read()
    assert app.button(key="dicom study").disabled
    [dicom] = [button for button in app.get("download_button") if button.proto.label == "De-identified"]
    assert dicom.proto.disabled
    [box] = [box for box in app.checkbox if box.key.startswith("looked ")]
    box.check().run()
    [dicom] = [button for button in app.get("download_button") if button.proto.label == "De-identified"]
    assert not dicom.proto.disabled


def test_going_back_to_the_study_asks_first(read):
    app = press(read(dicom(grey()), "film.dcm"), "dicom study")
    assert "Send it only to the archive the film came from" in written(app)
    [button] = [one for one in app.get("download_button") if one.proto.label == "Save with patient and study"]
    assert button.proto.disabled


def test_a_refused_film_has_no_case_and_no_report(read):
    app = read(b"no film")
    assert not app.exception
    assert not [button for button in app.button if button.key == "save case"]
    assert [button.proto.label for button in app.get("download_button")] == ["All films as CSV (1)"]


def test_what_was_found_of_the_heatmap_goes_into_the_report(read, monkeypatch):
    drawn = Heatmap("grad-cam", np.ones((8, 8), np.float32), ((7, 7),), fixed=True)
    monkeypatch.setattr(explain, "heatmaps", lambda *_: (drawn,))
    monkeypatch.setattr(explain, "_judge", lambda *_: Faithfulness(1.0, (0.5, 2.0, 0.1, 0.0)))
    handed = []
    documents = "xraylab.app.screens.read.keep.draw_documents"
    monkeypatch.setattr(documents, lambda *given, **_: handed.append(given[4]))
    app = read()
    assert (handed[-1].method, handed[-1].grids, handed[-1].faithful) == ("Grad-CAM", ((7, 7),), None)
    app = press(app, "faithful")
    assert handed[-1].faithful == (3, 4)
    for words in handed[-1].words.split(". "):
        assert words.strip(".") in written(app)


def test_a_note_is_shown_as_it_is_written(read, trained):
    app = read()
    by_prefix(app.text_area, "note ").set_value("<img src=x onerror=alert(1)>")
    app = press(app, "save case")
    assert "<img" not in " ".join(element.proto.body for element in app.get("html"))
    assert json.loads(actions.cases_json(trained, actor="t"))["cases"][0]["note"].startswith("<img")


@pytest.mark.parametrize(("kind", "counted"), [("DICOM", "read"), ("PNG", "opened")])
def test_a_film_that_is_read_reported_and_kept_is_decoded_twice(
    read, trained, monkeypatch, decodes, kind, counted
):
    offers = {}
    monkeypatch.setattr(
        "xraylab.app.screens.read.keep._offer", lambda label, make, *_, **__: offers.update({label: make})
    )
    app = read(dicom(grey(4)) if kind == "DICOM" else encoded(grey(4)))
    by_prefix(app.checkbox, "pixels ").check().run()
    by_prefix(app.checkbox, "looked before keeping ").check()
    app = press(app.run(), "save case")
    assert records.find(trained, 1).pixels_kept
    assert offers["Report as PDF"]().startswith(b"%PDF")
    assert offers["Report as PNG"]().startswith(b"\x89PNG")
    assert decodes == {counted: 2}


def test_only_the_film_on_the_screen_keeps_its_picture(read, trained, monkeypatch):
    monkeypatch.setattr("xraylab.app.screens.read.readings.MOST_STANDARD", 2)
    app = read()
    files = [(f"{number}.png", encoded(grey(number)), "image/png") for number in range(4)]
    app = choose(read_all(uploader(app).set_value(files).run()), 1)
    assert not app.exception
    films = [film for upload in app.session_state["unpacked films"].values() for film in upload]
    eventually(lambda: [film._standard for film in films[2:]] == [None, None])
    assert [film._picture is not None for film in films if film is not films[1]] == [False] * 3
    assert all(reading.film is None for reading in readings(app))
