"""What the Read screen says of ensembles, of kinds of pneumonia and of a review band."""

import io
import zipfile
from html import escape

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.support.brief import BOTH
from tests.support.films import encoded, grey
from tests.support.screens import choose, chosen, read_all, readings, thumbnails, uploader
from tests.support.screens import listed as rows
from tests.support.serving import ROOT
from xraylab import actions, trail
from xraylab.app import loaded, session_films
from xraylab.app.samples import samples
from xraylab.app.screens.read import listed
from xraylab.audit.features import features_of_dataset
from xraylab.data.datasets import load_dataset
from xraylab.errors import XRayLabError
from xraylab.evaluation.thresholds import threshold_table
from xraylab.formats import DASH, interval, percent, score
from xraylab.models import load_model
from xraylab.reports import film_words
from xraylab.reports.pdf_lock import lock_lines

pytest_plugins = ["tests.support.averaged"]
OTHER = ("other.png", encoded(grey(1)), "image/png")  # no phantom
CAVEAT = "from file names; films don't reliably tell bacterial from viral"


@pytest.fixture
def read(monkeypatch):
    """Read a fresh phantom with the model in use."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)

    def read(model):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        app.session_state["model in use"] = model
        app = app.switch_page("pages/read.py").run()
        film = samples()[0].film.data
        return uploader(app).upload("film.png", film, "image/png").run()

    return read


def words(app):
    return " ".join(element.value for element in (*app.caption, *app.markdown))


def html(app):
    return " ".join(element.proto.body for element in app.get("html"))


@pytest.mark.parametrize(("threshold", "told"), [(0.0, True), (1.0, False)])
def test_the_kind_is_shown_below_a_positive_decision_only(read, kinds, threshold, told):
    load_model(kinds, "three-1").write_lock(threshold, f"value:{threshold}", actor="app")
    app = read("three-1")
    assert not app.exception
    assert (CAVEAT in words(app)) is told
    assert ("Bacterial" in html(app)) is told
    if told:
        assert html(app).index("xl-decision") < html(app).index("Bacterial")


@pytest.mark.parametrize(
    ("cuts", "said", "listed"),
    [
        (
            (0.0, 1.0),
            "Needs a reader<small>Pneumonia score between the two thresholds, 0.000 and 1.000. ",
            "needs a reader",
        ),
        ((0.999999, 1.0), "Pneumonia score below both thresholds<small>", "below"),
        ((0.0, 0.000001), "Pneumonia score above both thresholds", "above"),
        ((None, 1.0), "Pneumonia score below the threshold<small>", "below"),
    ],
)
def test_a_review_band_is_told_by_its_zones_and_never_clears_a_film(read, averaged, cuts, said, listed):
    review_from, threshold = cuts
    model = load_model(averaged, "one")
    model.write_lock(threshold, f"value:{threshold}", actor="app", review_from=review_from)
    app = read("one")
    assert not app.exception
    assert said in html(app)
    assert ("No other finding was looked for." in html(app)) is (listed != "above")
    [row] = rows(read_all(app))
    assert (row["detail"], row["name"]) == (listed, "film.png")
    assert ("Pneumonias below both thresholds" in html(app)) is (review_from is not None)


def test_the_share_that_needs_a_reader_and_the_misses_below_are_those_of_the_validation_films(read, averaged):
    scores = load_model(averaged, "one").films("validation").scores
    low, high = (round(float(cut), 3) for cut in np.quantile(scores, [0.4, 0.8]))
    locked = actions.lock(averaged, "one", f"value:{high}", actor="app", review=f"value:{low}")
    app, band = read("one"), locked.val.band
    for name, number in (
        ("Needs a reader from", f"{low:.3f}"),
        ("Films that need a reader", percent(band.review.share)),
        ("Pneumonias below both thresholds", percent(band.missed_rate)),
    ):
        assert f">{name}</span><strong>{number}</strong>" in html(app)
    assert interval(*band.missed_ci) in html(app)


@pytest.mark.parametrize(("threshold", "warned"), [(0.0, True), (None, False)])
def test_a_lock_that_decides_every_film_alike_is_a_warning_wherever_it_acts(
    read, averaged, threshold, warned
):
    rule = "youden" if threshold is None else f"value:{threshold}"
    locked = actions.lock(averaged, "one", rule, actor="test")
    said = "validation films lie above the threshold, so every film gets the same decision"
    assert (said in (locked.one_decision or "")) is warned
    app = read("one")
    assert any(said in warning.value for warning in app.warning) is warned
    assert said not in words(app)
    [reading] = readings(app)
    assert any(said in note for note in reading.notes) is warned  # so documents say it too
    assert (reading.decision is not None) or not warned
    app = app.switch_page("pages/threshold.py").run()
    assert any(said in warning.value for warning in app.warning) is warned
    assert (said in actions.model_card(averaged, "one")) is warned
    document = actions.evaluation_report(averaged, "one")
    assert (said in (document.lock.one_decision or "")) is warned
    assert any(said in line for line in lock_lines(document)) is warned


def test_an_ensemble_shows_how_far_its_models_are_apart_and_no_kind(read, averaged):
    app = read(BOTH)
    assert not app.exception
    assert "Disagreement between its 2 models" in words(app)
    assert CAVEAT not in words(app)


def test_a_single_model_shows_no_disagreement(read, averaged):
    assert "Disagreement" not in words(read("one"))


def test_a_film_stays_on_the_screen_when_its_words_in_the_list_change(read, averaged):
    films = [("film.png", samples()[0].film.data, "image/png"), OTHER]
    app = uploader(read("one")).set_value(films).run()
    before = rows(choose(app, 1))
    app.button(key="decide anyway").click().run()
    assert rows(app)[1]["title"] != before[1]["title"]
    assert chosen(app) == 1
    app.session_state["model in use"] = "two"
    assert chosen(app.run()) == 1


def away_and_back(app):
    """Look at another screen, and come back."""
    return app.switch_page("pages/models.py").run().switch_page("pages/read.py").run()


def field(elements, prefix):
    [found] = [element for element in elements if element.key and element.key.startswith(prefix)]
    return found


def test_films_and_what_was_typed_stay_while_another_screen_is_shown(read, averaged, monkeypatch):
    films = [("film.png", samples()[0].film.data, "image/png"), OTHER]
    app = uploader(read("one")).set_value(films).run()
    choose(app, 1).button(key="decide anyway").click().run()
    field(app.radio, "call ").set_value("unsure")
    field(app.text_area, "note ").set_value("Rotated").run()
    listed = rows(read_all(app))
    monkeypatch.setattr("xraylab.actions.read_films", lambda *_, **__: pytest.fail("read again"))
    for _ in range(2):
        app = away_and_back(app)
        assert not app.exception
        assert rows(app) == listed
        assert chosen(app) == 1
        assert film_words.OVERRIDDEN in words(app)
        assert field(app.radio, "call ").value == "unsure"
        assert field(app.text_area, "note ").value == "Rotated"
    choose(choose(app, 0), 1)
    assert field(app.text_area, "note ").value == "Rotated"


def test_films_of_an_earlier_visit_are_joined_by_new_ones(read, averaged):
    app = uploader(away_and_back(read("one"))).upload(*OTHER).run()
    assert [row["name"] for row in rows(app)] == ["film.png", "other.png"]


def test_a_film_or_an_archive_is_removed_with_its_memory_and_its_note(read, averaged, monkeypatch):
    freed = []
    monkeypatch.setattr("xraylab.app.serving.release_uploads", freed.extend)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("1.txt", "2.txt"):
            made.writestr(name, "no film")
    app = read("one")
    field(app.text_area, "note ").set_value("Rotated").run()
    app = uploader(away_and_back(app)).upload("more.zip", archive.getvalue()).run()
    assert chosen(app) == 1  # what was just dropped is shown
    choose(app, 0)
    ids = list(app.session_state["uploads kept"])
    app = app.button(key="remove upload").click().run()
    assert freed == ids[:1]
    assert "Rotated" not in str(app.session_state["typed"])
    assert app.button(key="remove upload").label == "Remove archive (2 films)"
    assert "remove uploads" not in {button.key for button in app.button}
    app = away_and_back(app)
    app = app.button(key="remove upload").click().run()
    assert freed == ids
    assert not app.exception
    assert app.session_state["uploads kept"] == app.session_state["unpacked films"] == {}
    assert "Drop films anywhere" in words(app)


def test_all_films_are_removed_at_once(read, averaged):
    app = uploader(read("one")).set_value([OTHER, OTHER]).run()
    app = app.button(key="remove uploads").click().run()
    assert "Drop films anywhere" in words(app)
    assert away_and_back(app).session_state["uploads kept"] == {}


def test_a_film_that_is_not_decided_shows_its_score_only_in_the_details(read, averaged):
    app = uploader(read("one")).set_value([OTHER]).run()
    assert not app.exception
    assert "Pneumonia score" not in html(app)
    assert "No decision<small>The film is unusual for this model." in html(app)
    [details] = [part for part in app.expander if part.label == "What the score means"]
    [small] = [part.proto.body for part in details.get("html") if "xl-undecided" in part.proto.body]
    assert "which decides nothing here." in small
    assert "normal validation films score this high" in " ".join(part.value for part in details.markdown)
    [row] = rows(read_all(app))
    assert (row["title"], row["detail"], row["score"]) == (DASH, "not decided", None)
    before = trail.entries(averaged, subject="film")
    assert {(entry.action, entry.actor, entry.name) for entry in before} == {("read", "app", "one")}
    app.button(key="decide anyway").click().run()
    [*same, overridden] = trail.entries(averaged, subject="film")
    assert (same, overridden.action) == (before, "overridden")
    assert ">Pneumonia score</span><strong>" in html(app)
    assert "which decides nothing here." not in html(app)


def test_the_score_is_shown_at_the_prevalence_that_the_reader_sets(read, averaged):
    app = read(BOTH)
    table = load_model(averaged, BOTH).table("validation")
    app.slider(key="read prevalence").set_value(30).run()
    assert app.session_state["prevalence"] == 0.3
    [reading] = readings(app)
    there = film_words.at_prevalence(reading.score, table.positives, table.n, 0.3)
    assert f">At 30.0\u202f% prevalence</span><strong>{html_score(there)}</strong>" in html(app)
    lock = load_model(averaged, BOTH).lock
    below = film_words.below(table, lock.threshold, lock.review_from, prevalence=0.3, split="validation")
    assert below in words(app).replace("\\", "")
    assert film_words.NOT_MOVED not in words(app)


def test_an_uncalibrated_score_is_not_moved_and_says_so(read, averaged):
    app = read("one")
    assert film_words.NOT_MOVED in words(app)
    assert "prevalence</span><strong>" not in html(app)


def html_score(value):
    return escape(score(value))


def test_films_of_one_name_and_score_can_be_told_apart_and_chosen(read, averaged):
    app = read_all(uploader(read("one")).set_value([OTHER, OTHER]).run())
    one, two = rows(app)
    assert one["key"] != two["key"]
    assert {name: value for name, value in one.items() if name != "key"} == {
        name: value for name, value in two.items() if name != "key"
    }
    assert chosen(choose(app, 1)) == 1


@pytest.mark.parametrize(("model", "calibrated"), [("one", False), (BOTH, True)])
def test_the_screen_says_of_a_score_what_documents_say(read, averaged, model, calibrated):
    of = load_model(averaged, model)
    films = of.films("validation")
    table = threshold_table(films.labels, films.scores, films.groups)
    said = words(read(model))
    assert film_words.prevalence(table.positives, table.n, calibrated=calibrated) in said
    standing = actions.standing_of(of, of.lock)
    assert standing.prevalence_words in said
    assert "normal validation films score this high or higher" in said


def test_the_sidebar_names_the_model_that_is_chosen_on_the_screen(read, averaged):
    app = read("one")
    for name in ("two", BOTH):
        app.selectbox(key="read model").set_value(name).run()
        assert f">{name}</strong>" in html(app).partition("Reads films")[2]


def test_the_model_that_reads_is_loaded_before_its_first_film(averaged):
    model = load_model(averaged, BOTH)
    actions.use_for_reading(averaged, BOTH, actor="test")
    assert not loaded.is_loaded(model)
    loaded.load_ahead(averaged)
    assert loaded.is_loaded(model)
    assert not loaded.is_loading()


def test_a_screen_that_waits_for_the_model_says_so(read, averaged, monkeypatch):
    def wait(ahead, key, on_look):
        on_look(0)
        raise XRayLabError("The film can't be read.")

    monkeypatch.setattr("xraylab.app.ahead.Ahead.wait", wait)
    monkeypatch.setattr("xraylab.app.screens.read.is_loaded", lambda model: False)
    assert "Loading the model, once after each start" in html(read("one"))
    monkeypatch.setattr("xraylab.app.screens.read.is_loaded", lambda model: True)
    assert "Reading the film" in html(read("one"))


def test_the_size_that_the_screen_states_is_the_one_that_the_uploader_takes(averaged):
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app = app.switch_page("pages/read.py").run()
    most = uploader(app).proto.max_upload_size_mb
    assert f"up to {most} MB a file" in words(app)
    assert most * 2**20 == session_films.MOST_BYTES


def test_an_error_is_told_over_the_film_and_not_below_the_window(read, averaged, monkeypatch):
    def broken(*_, **__):
        raise XRayLabError("The film can't be drawn.")

    monkeypatch.setattr("xraylab.app.screens.read.film.film_viewer", broken)
    app = read("one")
    assert [error.value for error in app.error] == ["The film can't be drawn\\."]
    [station] = [block for block in app.main.children.values() if _holds(block, "error")]
    assert _holds(station, "selectbox"), "the model is chosen in the station too"


def _holds(node, kind):
    children = getattr(node, "children", None)
    if children is None:
        return node.type == kind
    return any(_holds(child, kind) for child in children.values())


@pytest.mark.parametrize("page", ["models", "threshold"])
def test_screens_of_numbers_show_an_ensemble_whose_member_is_gone(averaged, monkeypatch, page):
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)
    (averaged.models / "one" / "card.json").unlink()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.session_state["model in use"] = BOTH
    app = app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error


def test_films_that_look_like_the_one_read_come_from_the_datasets_that_were_described(read, averaged):
    app = read("one")
    assert not thumbnails(app)  # nothing is searched before somebody asks
    app.session_state["read alike"] = True
    app = app.run()
    assert "No dataset on this machine can be searched yet" in words(app)
    [folder] = averaged.datasets.iterdir()
    dataset = load_dataset(averaged, folder.name)
    features_of_dataset(averaged, dataset)
    app = app.run()
    assert not app.exception
    shown = thumbnails(app)
    assert len(shown) == 8
    assert {film["key"] for film in shown} <= set(dataset.catalog["image_id"])
    distances = [float(film["title"].split(" ·")[0]) for film in shown]
    assert distances == sorted(distances)
    assert "need not have the same finding" in words(app)


def test_what_was_made_of_a_film_is_gone_once_it_is_removed(read, averaged):
    app = uploader(read("one")).set_value([("film.png", samples()[0].film.data, "image/png"), OTHER]).run()
    app = read_all(app)
    made = [app.session_state[name] for name in ("heatmaps", "pictures", "thumbnails")]
    assert all(results.keys() for results in made)
    app = app.button(key="remove uploads").click().run()
    assert [results.keys() for results in made] == [[], [], []]
    app = read_all(uploader(app).upload("film.png", samples()[0].film.data, "image/png").run())
    [row] = rows(app)  # its reading was kept, and its thumbnail is made anew
    assert row["url"].startswith("data:image/jpeg")


def test_a_choice_in_the_list_is_followed_before_time_is_spent_on_its_rows(read, averaged, monkeypatch):
    made, row = [], listed._row
    monkeypatch.setattr(listed, "_row", lambda *args: made.append(1) or row(*args))
    films = [("film.png", samples()[0].film.data, "image/png"), OTHER]
    app = read_all(uploader(read(BOTH)).set_value(films).run())
    second = rows(app)[1]["key"]
    made.clear()
    app.session_state["film list"] = {"chosen": second}
    app = app.run()
    assert not app.exception
    assert app.session_state["film chosen"] == second
    assert len(made) == 2, "the rows of the run that shows the film, and of no other"


def test_a_film_that_is_not_in_the_list_cannot_be_chosen(read, averaged):
    app = read_all(read(BOTH))
    first = app.session_state["film chosen"]
    app.session_state["film list"] = {"chosen": "another", "beside": "another"}
    app = app.run()
    assert not app.exception
    assert app.session_state["film chosen"] == first
