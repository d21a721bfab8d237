"""Keeping and reporting what was read: nothing that tells whose film it is goes into the home or a log."""

import contextlib
import csv
import io
import json
import os
from dataclasses import replace

import pypdfium2
import pytest
from PIL import Image

from tests.support.brief import BOTH, MODEL
from tests.support.dicoms import dicom
from tests.support.film_reports import IDENTITY, a_report, a_source
from tests.support.films import encoded, grey
from tests.support.privacy import FILE, everywhere
from xraylab import actions
from xraylab.app.samples import samples
from xraylab.errors import NotConfirmedError, NotFoundError, StorageError
from xraylab.evaluation.thresholds import threshold_table
from xraylab.imaging import Film, Signs, is_dicom
from xraylab.models import load_model
from xraylab.reading.read import read_film
from xraylab.reports import film_words

pytest_plugins = ["tests.support.averaged", "tests.support.decodes"]
EXIF = {"Artist": "Jane-Doe-Artist", "Make": "ACME-4711", "GPS": "N-48-8566"}


@pytest.fixture
def loaded(trained):
    return actions.load_for_reading(trained, MODEL)


def telling_film():
    """A film whose EXIF, text and comment tell whose it is."""
    image = Image.fromarray(grey(2, width=200, height=160))
    exif = image.getexif()
    exif[0x013B], exif[0x010F] = EXIF["Artist"], EXIF["Make"]
    exif.get_ifd(0x8825)[1] = EXIF["GPS"]
    return encoded(image, "JPEG", exif=exif, comment=b"Jane-Doe-Comment", quality=95)


def cells(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_nothing_that_tells_whose_film_it_is_is_kept_even_with_its_pixels(trained, loaded):
    before = everywhere(trained.home)
    data = telling_film()
    secrets = [FILE, "DOE-JANE", "5550123", "Jane-Doe", *EXIF.values()]
    assert all(value.encode() in data for value in EXIF.values())
    reading = read_film(loaded, Film(FILE, data))
    number = actions.keep_case(
        trained, loaded.model, reading, actor="app", call="unsure", film=Film(FILE, data), looked=True
    )
    actions.cases_csv(trained, actor="app")
    actions.cases_json(trained, actor="app")
    kept = everywhere(trained.home)
    assert [secret for secret in secrets if secret.encode() in kept and secret.encode() not in before] == []
    with Image.open(trained.cases / str(number) / "film.png") as picture:
        assert picture.info == {}
        assert picture.size == (200, 160)
    assert sorted(file.name for file in trained.cases.rglob("*.*")) == ["film.json", "film.png"]


def test_nothing_of_a_dicom_upload_is_kept_but_the_listed_words(trained, loaded, monkeypatch):
    source = a_source()
    signs = Signs(
        modality="DX", view=IDENTITY["PatientName"], body_part="CHEST", age=6.7, notes=("MRN-778812",)
    )
    reading = read_film(loaded, Film("IM-" + IDENTITY["PatientID"], encoded(grey())))
    monkeypatch.setattr(Film, "signs", signs)
    monkeypatch.setattr(Film, "picture", grey())
    film = Film("IM-" + IDENTITY["PatientID"], source)
    number = actions.keep_case(trained, loaded.model, reading, actor="app", film=film, looked=True)
    kept = everywhere(trained.home)
    assert [value for value in IDENTITY.values() if len(value) > 3 and value.encode() in kept] == []
    told = json.loads((trained.cases / str(number) / "film.json").read_text())
    assert (told["modality"], told["view"], told["body_part"], told["age_years"]) == ("DX", None, "CHEST", 6)


def test_pixels_are_kept_only_when_asked_for(trained, loaded):
    reading = read_film(loaded, Film(FILE, telling_film()))
    actions.keep_case(trained, loaded.model, reading, actor="app")
    assert not trained.cases.exists()


def test_a_picture_that_nobody_looked_at_is_not_kept_nor_its_case(trained, loaded):
    data = telling_film()
    reading = read_film(loaded, Film(FILE, data))
    with pytest.raises(NotConfirmedError, match="Look at the film first"):
        actions.keep_case(trained, loaded.model, reading, actor="app", film=Film(FILE, data))
    assert not trained.cases.exists()
    assert actions.list_cases(trained) == []


def test_the_dicom_actions_need_a_persons_word():
    film = Film("film.dcm", a_source())
    for make in (actions.deidentified_dicom, actions.study_dicom):
        with pytest.raises(NotConfirmedError):
            make(a_report(), film)
    assert is_dicom(actions.deidentified_dicom(a_report(), film, looked=True))
    assert is_dicom(actions.study_dicom(a_report(), film, confirmed=True))


def test_the_exported_log_is_the_log_and_runs_nothing_in_a_spreadsheet(trained, loaded):
    reading = read_film(loaded, Film("a.png", samples()[0].film.data))
    for note in ("=cmd|' /C calc'!A0", "+1", "-1", "@x", "plain"):
        actions.keep_case(trained, loaded.model, reading, actor="app", call="pneumonia", note=note)
    actions.delete_case(trained, 5, actor="app")
    rows = cells(actions.cases_csv(trained, actor="app"))
    assert [row["note"] for row in rows] == ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@x", ""]
    assert float(rows[0]["score"]) == reading.score
    assert rows[0]["agrees"] == ("yes" if reading.decision == "positive" else "no")
    assert (rows[4]["case"], rows[4]["model"], bool(rows[4]["deleted_at"])) == ("5", "", True)
    log = json.loads(actions.cases_json(trained, actor="app"))
    assert [case["note"] for case in log["cases"]][:2] == ["=cmd|' /C calc'!A0", "+1"]
    assert log["cases"][4] | {"deleted_at": 0, "made_at": 0, "changed_at": 0} == dict.fromkeys(
        log["cases"][4]
    ) | {"case": 5, "deleted_at": 0, "made_at": 0, "changed_at": 0}
    assert [line["action"] for line in log["trail"]] == ["created"] * 5 + ["deleted", "exported", "exported"]


def test_a_blind_call_is_in_both_exports_and_in_the_trail(trained, loaded):
    reading = read_film(loaded, Film("a.png", samples()[0].film.data))
    for blind in (True, False, True):
        actions.keep_case(trained, loaded.model, reading, actor="app", call="pneumonia", blind=blind)
    actions.keep_case(trained, loaded.model, reading, actor="app")
    actions.change_case(trained, 3, call="unsure", note="", actor="app")
    assert [row["blind"] for row in cells(actions.cases_csv(trained, actor="app"))] == [
        "yes",
        "no",
        "no",
        "no",
    ]
    log = json.loads(actions.cases_json(trained, actor="app"))
    assert [case["blind"] for case in log["cases"]] == [True, False, False, False]
    assert [line["changed"] for line in log["trail"]][:5] == [
        "call pneumonia, made before the score was shown",
        "call pneumonia",
        "call pneumonia, made before the score was shown",
        "call none",
        "pneumonia to unsure, after the score was shown",
    ]


def test_two_sessions_change_one_case_and_both_are_in_the_trail(trained, loaded):
    reading = read_film(loaded, Film("a.png", samples()[0].film.data))
    number = actions.keep_case(trained, loaded.model, reading, actor="one")
    actions.change_case(trained, number, call="pneumonia", note="", actor="one")
    after = actions.change_case(trained, number, call="unsure", note="", actor="two")
    assert (after.content.call, after.agrees) == ("unsure", None)
    actions.delete_case(trained, number, actor="one")
    with pytest.raises(NotFoundError, match="was deleted"):
        actions.change_case(trained, number, call=None, note="", actor="two")
    log = json.loads(actions.cases_json(trained, actor="one"))
    assert [line["actor"] for line in log["trail"]] == ["one", "one", "two", "one", "one"]


def test_predict_writes_a_page_a_film_and_the_scores(run, trained, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    (films / "A broken.png").write_bytes(b"no film")
    (films / FILE).write_bytes(samples()[0].film.data)
    out = tmp_path / "out"
    rows = run("predict", "--model", MODEL, films, "--report", out)
    assert [row["report"] for row in rows] == [None, str(out / "00002.pdf")]
    assert sorted(file.name for file in out.iterdir()) == ["00002.pdf", "scores.csv"]
    with pypdfium2.PdfDocument(out / "00002.pdf") as pdf:
        [page] = list(pdf)
        words = " ".join(page.get_textpage().get_text_range().split())
    assert f"Pneumonia score {rows[1]['score']:.3f}" in words
    assert "SYNTHETIC" in words
    assert "DOE" not in words
    told = cells((out / "scores.csv").read_bytes().decode())
    assert [row["file"] for row in told] == [row["file"] for row in rows]
    assert told[0]["score"] == ""
    assert told[0]["refused"] == rows[0]["refused"]
    assert float(told[1]["score"]) == rows[1]["score"]


def test_predict_writes_heatmaps_and_reports_of_more_films_than_a_batch(run, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("xraylab.reading.read.BATCH", 2)
    monkeypatch.setattr("xraylab.actions.film_reports.film_pdf", lambda report: report.film_sha256.encode())
    from hashlib import sha256

    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(encoded(grey(number)))
    files = [tmp_path / f"{number}.png" for number in range(5)]
    rows = run("predict", "--model", MODEL, *files, "--report", tmp_path / "r", "--heatmaps", tmp_path / "h")
    assert len(list((tmp_path / "h").iterdir())) == 5
    for file, row in zip(files, rows, strict=True):
        with open(row["report"]) as written:  # noqa: PTH123
            assert written.read() == sha256(file.read_bytes()).hexdigest()


def test_names_that_are_hostile_or_no_text_are_rows_of_the_table_and_run_nothing(run, trained, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    names = [b"=cmd().png", b"+1;2.png", b'a,"b\nc.png', b"\xff\xfe.png", "肺炎\u202e😀.png".encode()]
    for name in names:
        (films / os.fsdecode(name)).write_bytes(encoded(grey(1)))
    with contextlib.chdir(films):
        rows = run(
            "predict", "--model", MODEL, *map(os.fsdecode, names), "--report", "out", "--heatmaps", "maps"
        )
    assert len(names) == len(rows) == len(list((films / "out").glob("*.pdf")))
    told = cells((films / "out" / "scores.csv").read_bytes().decode())
    assert [row["file"] for row in told] == [
        "'=cmd().png",
        "'+1;2.png",
        'a,"b c.png',
        r"\udcff\udcfe.png",
        "肺炎\ufffd😀.png",
    ]
    assert len(list((films / "maps").iterdir())) == len(names)


def test_the_table_of_a_batch_has_the_notes_and_the_disagreement(loaded):
    reading = replace(
        read_film(loaded, Film("a.png", samples()[0].film.data)),
        notes=("Age unknown.", "No VOI window."),
        spread=0.25,
        review_from=0.125,
    )
    [row] = cells(actions.scores_csv(loaded.model, [actions.predicted(reading)]))
    assert (row["notes"], row["disagreement"]) == ("Age unknown. No VOI window.", "0.25")
    assert (row["review_from"], row["synthetic"]) == ("0.125", "yes")


def test_what_predict_reports_is_what_the_reading_says(run, averaged, tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(grey(1)))
    [row] = run("predict", "--model", BOTH, tmp_path / "a.png", "--report", tmp_path / "out")
    with pypdfium2.PdfDocument(row["report"]) as pdf:
        words = " ".join(" ".join(page.get_textpage().get_text_range() for page in pdf).split())
    films = load_model(averaged, BOTH).films("validation")
    table = threshold_table(films.labels, films.scores, films.groups)
    for said in (
        *row["warnings"],
        *row["notes"],
        film_words.NOT_DECIDED,
        film_words.undecided(row["score"]),
        film_words.prevalence(table.positives, table.n, calibrated=True),
        film_words.disagreement(row["spread"], 2),
        "Grad-CAM on the network's own grid of 16 × 16",
    ):
        assert " ".join(said.replace("'", "’").split()) in words.replace("'", "’")
    assert row["warnings"]
    assert row["notes"]


def test_reports_cannot_go_where_a_file_is(trained, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(StorageError, match="no reports can go there"):
        actions.predict(trained, MODEL, [str(tmp_path)], report=tmp_path / "out")


def test_the_standing_is_that_of_the_validation_films_at_the_lock(trained):
    model = load_model(trained, MODEL)
    told = actions.standing_of(model, model.lock)
    films = model.films("validation")
    called = films.scores >= model.lock.threshold
    assert told.sensitivity == pytest.approx(called[films.labels == 1].mean())
    assert told.specificity == pytest.approx((~called)[films.labels == 0].mean())
    assert (told.positives, told.n) == ((films.labels == 1).sum(), len(films.labels))
    assert (told.calibrated, told.models) == (False, 1)


@pytest.mark.parametrize(("kind", "counted"), [("DICOM", "read"), ("PNG", "opened")])
def test_a_film_that_is_read_reported_and_kept_is_decoded_twice(trained, loaded, decodes, kind, counted):
    data = (
        dicom(grey(2, width=200, height=160)) if kind == "DICOM" else encoded(grey(2, width=200, height=160))
    )
    film = Film(FILE, data)
    reading = read_film(loaded, film)
    report = actions.film_report(actions.standing_of(loaded.model, None), reading, film)
    assert actions.film_pdf(report).startswith(b"%PDF")
    actions.keep_case(trained, loaded.model, reading, actor="app", film=film, looked=True)
    assert is_dicom(actions.deidentified_dicom(report, film, looked=True))
    assert decodes == {counted: 2}


def test_predict_decodes_a_film_twice_for_its_heatmap_and_report(run, trained, tmp_path, decodes):
    (tmp_path / "a.dcm").write_bytes(dicom(grey(2, width=200, height=160)))
    run(
        "predict",
        "--model",
        MODEL,
        tmp_path / "a.dcm",
        "--report",
        tmp_path / "r",
        "--heatmaps",
        tmp_path / "h",
    )
    assert decodes == {"read": 2}
