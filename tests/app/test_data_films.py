"""The films on Data: bars, average films, the grid with its filters, and one film over the screen."""

import numpy as np
import pytest

from tests.support.films import kermany, write_zip
from tests.support.screens import grids, written
from xraylab import actions
from xraylab.app import film_dialog, thumbnails, widgets
from xraylab.app.glossary import CALIBRATED
from xraylab.app.screens.data import films, pictures
from xraylab.audit.features import features_of_dataset
from xraylab.audit.found import Found
from xraylab.audit.kept import keep
from xraylab.data.averages import average_films
from xraylab.data.datasets import load_dataset
from xraylab.formats import DASH, NARROW_SPACE
from xraylab.imaging.facts import CAPTION_ROWS, SIDE

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def dataset(imported):
    [folder] = imported.datasets.iterdir()
    return load_dataset(imported, folder.name)


@pytest.fixture
def shown(monkeypatch):
    """Return the rows that the grid shows, as the last run of the screen drew it."""
    rows = []

    def drawn(dataset, shown, *arguments, **options):
        rows[:] = shown.tolist()
        return made(dataset, shown, *arguments, **options)

    made = thumbnails.thumbnails
    monkeypatch.setattr(films, "thumbnails", drawn)
    return rows


def test_every_class_of_every_split_is_a_bar_with_its_numbers(show, dataset):
    words = written(show("data"))
    for split in ("train", "validation", "test"):
        assert split in words
        counts = dataset.info.splits[split]
        for name in dataset.info.finding.classes:
            assert f"{counts[name]} {name}" in words
        assert f"{counts['patients']} patients" in words


def test_films_come_mixed_and_are_filtered_and_ordered(show, dataset, shown):
    app, name, catalog = show("data"), dataset.info.name, dataset.catalog
    assert len(shown) == min(films._PAGE, len(catalog))
    assert set(catalog["label"].iloc[shown[:12]]) == {0, 1}

    app.selectbox(key=f"grid split {name}").select("validation").run()
    app.selectbox(key=f"grid label {name}").select("PNEUMONIA").run()
    met = (catalog["split"] == "validation") & (catalog["label"] == 1)
    assert sorted(shown) == np.flatnonzero(met).tolist()
    assert f"{met.sum()} films" in written(app)

    app.selectbox(key=f"grid order {name}").select("sharpness").run()
    assert shown == sorted(shown, key=catalog["sharpness"].tolist().__getitem__)

    some = catalog["path"].iloc[shown[1]].rpartition("/")[2]
    app.multiselect(key=f"grid filters {name}").select("path").run()
    app.text_input(key=f"grid path {name}").input(some).run()
    assert [catalog["path"].iloc[row].rpartition("/")[2] for row in shown] == [some]
    app.text_input(key=f"grid path {name}").input("no such [film").run()
    assert not app.exception
    assert "No film meets all of these" in written(app)


def test_the_films_of_a_finding_come_in_its_order(show, dataset, shown):
    worst = dataset.catalog["image_id"].iloc[[9, 2, 5]]
    keep(
        dataset,
        [
            Found(check="duplicates", severity="high", figure=3, sentence="Three.", films=tuple(worst)),
            Found(check="unreadable", severity="low", figure=1, sentence="One.", films=("not a film.png",)),
        ],
    )
    app = show("data")
    chosen = app.selectbox(key=f"grid finding {dataset.info.name}")
    assert chosen.options == ["all", "Identical pictures (3)"]
    chosen.select("Identical pictures").run()
    assert shown == [9, 2, 5]


def test_pages_go_through_all_films_once(show, dataset, shown, monkeypatch):
    monkeypatch.setattr(films, "_PAGE", 7)
    app, seen = show("data"), []
    pages = -(-dataset.info.n // 7)
    for page in range(1, pages + 1):
        app.number_input(key=f"grid page {dataset.info.name}").set_value(page).run()
        seen += shown
    assert sorted(seen) == list(range(dataset.info.n))
    app.selectbox(key=f"grid split {dataset.info.name}").select("test").run()
    assert not app.exception  # there are fewer pages now


def test_a_click_opens_a_film_with_facts_history_patient_and_films_alike(
    show, dataset, imported, monkeypatch
):
    chosen = dataset.catalog["image_id"].iloc[3]
    monkeypatch.setattr(films, "film_grid", lambda *_, **__: chosen)
    words = written(show("data"))
    assert "History" in words
    assert "Imported on" in words
    assert "once the labels of this dataset were checked" in words
    features_of_dataset(imported, dataset)
    grids = []
    monkeypatch.setattr(film_dialog, "film_grid", lambda films, **_: grids.append(films))
    words = written(show("data"))
    assert "Films that look alike need not have the same finding" in words
    assert len(grids[-1]) == 12
    assert chosen not in {thumbnail.key for thumbnail in grids[-1]}


def test_a_film_that_is_gone_is_a_sentence(show, dataset, monkeypatch):
    monkeypatch.setattr(films, "film_grid", lambda *_, **__: "gone.png")
    assert "This film is no longer in the dataset." in written(show("data"))


def test_counts_stand_below_each_other_and_words_from_outside_stay_words(monkeypatch):
    drawn = []
    monkeypatch.setattr(widgets.st, "html", drawn.append)
    widgets.table(("Name", "Films"), [("12", "1\u2009234"), ("<b>", "7")])
    assert "<th scope='col' class=\"xl-number\"" in drawn[0]
    assert drawn[0].count('class="xl-number"') == 3  # not those of the first column, where not all are counts
    widgets.table(
        ("Score", "Share", "Slope", "Rule", "AUC"),
        [
            (">0.999", f"95.1{NARROW_SPACE}%", "+5.411", "0.4 · f1", ("0.9", "0.8–1.0, not calibrated")),
            (DASH, f"4.0{NARROW_SPACE}%", "\N{MINUS SIGN}0.2", "0.5", ("0.9", "0.8–1.0")),
        ],
    )
    numbers = drawn.pop()
    assert numbers.count("<th scope='col' class=\"xl-number\"") == 3
    assert f'<td class="xl-number">{DASH}</td>' in numbers
    assert CALIBRATED[:20] in numbers, "terms are explained in small type too"
    widgets.class_bars([("<i>site</i>", (3, 1), "2 patients")], ("NORMAL", "<u>"))
    assert "&lt;i&gt;site&lt;/i&gt;" in drawn[1]
    assert "1 &lt;u&gt;" in drawn[1]
    assert "25.0" in drawn[1]


def test_a_finding_shows_its_first_films_and_a_click_opens_one(show, dataset, monkeypatch):
    worst = tuple(dataset.catalog["image_id"].iloc[[9, 2, 5, 7, 8, 1, 0, 3]])
    keep(
        dataset,
        [
            Found(check="duplicates", severity="high", figure=4, sentence="Four.", films=worst),
            Found(check="patient_leakage", severity="none", figure=0, sentence="None.", films=worst),
            Found(check="unreadable", severity="low", figure=1, sentence="One.", films=("not a film.png",)),
        ],
    )
    strip, *_ = grids(app := show("data"))
    assert [film["key"] for film in strip] == list(worst[:6])
    assert len(grids(app)) == 2  # that of the finding, and that of all films
    clicks = [worst[0]]
    monkeypatch.setattr("xraylab.app.audit_view.film_grid", lambda *_, **__: clicks.pop() if clicks else None)
    monkeypatch.setattr(film_dialog, "film_grid", lambda *_, **__: None)
    app.run()
    assert "History" in written(app)


def test_two_datasets_stand_side_by_side_with_what_differs(show, dataset, imported, tmp_path):
    actions.import_dataset(imported, write_zip(tmp_path / "own.zip", kermany(30, 34)), "own")
    app = show("data")
    app.session_state["beside"] = True
    app = app.selectbox(key="data dataset").select(dataset.info.name).run()
    assert not app.exception
    words = written(app)
    assert f"of the films of “{dataset.info.name}”" in words
    assert "of the films of “own”" in words
    assert "are with pneumonia" in words
    assert "Sharpness, middle half" in words
    assert "Width, middle half" in words


def test_the_average_of_phantoms_says_that_it_is_synthetic(show, dataset, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures.widgets, "picture", lambda picture, *_, **__: drawn.append(picture))
    show("data")
    averages = average_films(dataset)
    assert [picture.shape for picture in drawn] == [(SIDE + CAPTION_ROWS, SIDE)] * 2
    for picture, average in zip(drawn, averages, strict=True):
        np.testing.assert_array_equal(picture[:SIDE], average.picture)
