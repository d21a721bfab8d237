"""The screens with the models that come with XRayLab, whose films aren't in the home."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support import screens
from tests.support.brief import MODEL, SHIPPED
from tests.support.screens import uploader
from tests.support.serving import ROOT
from xraylab import actions
from xraylab.app.components.threshold_cockpit import Chosen
from xraylab.app.samples import samples
from xraylab.models import FILMS_FILE, load_model
from xraylab.networks.registry import network
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.shipped"]
SCREENS = ["", "data", "train", "threshold", "compare", "read", "models"]
WELCOME = [
    "Explore the threshold",
    "Train",
    "Tour, 2 minutes",
    "Try it on teaching phantoms",
    "Bring your own films",
]


def written(app):
    return " ".join(screens.written(app).split())


def labels(app):
    return [button.label for button in app.button]


def press(app, label):
    return next(button for button in app.button if button.label.startswith(label)).click().run()


def chosen(app, name):
    return app.selectbox(key=f"{name} model")


@pytest.mark.parametrize("name", SCREENS)
def test_a_fresh_home_with_shipped_models_is_no_fault(show, newcomer, name):
    app = show(name)
    assert not app.exception
    assert not app.error
    assert "Reads films ensemble · shipped" in written(app)
    assert not newcomer.models.exists()


@pytest.mark.parametrize("name", ["", "threshold", "read", "models"])
def test_shipped_models_are_shown_from_a_home_that_cannot_be_written(newcomer, monkeypatch, tmp_path, name):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "file" / "home"))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app = app.switch_page(f"pages/{name}.py").run() if name else app
    assert not app.exception
    [error] = app.error  # in the sidebar, which looks for trainings
    assert "choose another folder with XRAYLAB_HOME" in error.value.replace("\\", "")
    assert chosen(app, name).value == SHIPPED[0] if name else labels(app) == WELCOME


@pytest.mark.parametrize("name", ["threshold", "read", "models"])
def test_without_a_model_of_ones_own_the_shipped_ensemble_is_in_use(show, newcomer, name):
    box = chosen(show(name), name)
    assert box.value == SHIPPED[0]
    assert box.options == [f"{shipped} · shipped" for shipped in SHIPPED]


def test_the_newest_of_ones_own_is_listed_first_but_does_not_take_over(show, settled):
    app = show("threshold")
    assert chosen(app, "threshold").value == SHIPPED[0]
    assert chosen(app, "threshold").options[:2] == [MODEL, "ensemble · shipped"]
    assert "Reads films ensemble · shipped" in written(app)
    chosen(app, "threshold").set_value("cnn").run()
    app = app.switch_page("pages/models.py").run()
    assert chosen(app, "models").value == "cnn", "looked at"
    app = app.switch_page("pages/read.py").run()
    assert chosen(app, "read").value == SHIPPED[0], "who looks at a model's numbers doesn't let it read"


def test_the_model_that_somebody_chose_reads_in_every_session(show, settled):
    app = show("models")
    chosen(app, "models").set_value(MODEL).run()
    app = app.button(key="use for reading").click().run()
    assert not app.error
    assert f"Reads films {MODEL}" in written(app)
    assert f"{MODEL} reads films from now on." in written(app).replace("\\", "")
    assert f"{MODEL} · reads films" in written(app)
    assert "use for reading" not in [button.key for button in app.button]
    for _ in range(2):  # new sessions
        assert chosen(show("read"), "read").value == MODEL
    app = show("read")
    chosen(app, "read").set_value("cnn").run()
    assert "Reads films cnn" in written(app)
    assert chosen(show("read"), "read").value == MODEL, "Read's own box holds for its session"


def test_few_validation_films_are_a_badge_wherever_the_model_is_judged(show, settled):
    n = len(load_model(settled, MODEL).films("validation").scored)
    badge = f"{n} validation films: too few to judge"
    actions.use_for_reading(settled, MODEL, actor="test")
    for name in ("", "models"):
        assert badge in written(show(name))


def test_without_an_ensemble_another_shipped_model_is_in_use(show, newcomer, starter):
    (starter / "ensemble" / "card.json").unlink()
    assert chosen(show("threshold"), "threshold").value == "mobilenet_v2"


def test_a_newcomer_sees_films_first_then_the_threshold_a_training_and_the_tour(show, newcomer):
    app = show("")
    assert labels(app) == WELCOME
    [grid] = screens.grids(app)
    assert [film["title"] for film in grid] == ["Sample 1", "Sample 2", "Sample 3", "Sample 4"]
    assert "2 Model ensemble · shipped AUC" in written(app)
    app = press(app, WELCOME[0])
    assert not app.exception
    assert [title.value for title in app.title] == ["Threshold"]
    assert chosen(app, "threshold").value == SHIPPED[0]


def test_without_shipped_models_none_is_offered(show, tmp_path, monkeypatch):
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    app = show("")
    assert labels(app) == WELCOME
    assert not screens.grids(app)
    app = press(app, WELCOME[0])
    assert "There is no model yet" in written(app)


def test_a_home_with_films_and_no_model_of_its_own_is_told_to_train_one(show, imported, starter):
    app = show("")
    assert not app.error
    [link] = [link for link in app.main.get("page_link") if link.proto.label.startswith(("Train", "Move"))]
    assert link.proto.label == "Train a network"


def test_a_shipped_model_is_locked_and_opened_on_the_screen_and_counted_without_its_films(show, newcomer):
    app = show("threshold")
    app = press(app, "Reveal test results (recorded) …")
    assert "On record, no results on these test films have been revealed." in written(app)
    app = app.button(key="open test").click().run()
    assert not app.error
    assert "were revealed once, for 1 model" in written(app)
    app.session_state[f"threshold {load_model(newcomer, 'ensemble').card.model_sha256}"] = Chosen(0.25)
    app = press(app.run(), "Lock ")
    assert load_model(newcomer, "ensemble").lock.threshold != 0.25, "an opening alone replaces no lock"
    app = app.button(key="lock anyway").click().run()
    assert load_model(newcomer, "ensemble").lock.threshold == 0.25
    assert "changed after test results were seen" in written(app)
    assert [file.name for file in newcomer.models.rglob("*") if file.is_file()] == ["lock.json"]


def test_a_lock_of_a_shipped_model_asks_once_and_the_shipped_threshold_can_be_restored(show, newcomer):
    shipped = load_model(newcomer, "ensemble").lock
    store = f"threshold {load_model(newcomer, 'ensemble').card.model_sha256}"
    app = show("threshold")
    assert "Restore the shipped threshold" not in labels(app)
    app.session_state[store] = Chosen(0.25)
    app = press(app.run(), "Lock ")
    assert not newcomer.models.exists(), "one click replaces nothing"
    words = written(app).replace("\\", "")
    assert (
        f"ensemble came with the threshold {shipped.threshold:.3f}. Your lock at 0.250 replaces it" in words
    )
    app = app.button(key="lock anyway").click().run()
    assert load_model(newcomer, "ensemble").lock.threshold == 0.25
    app.session_state[store] = Chosen(0.5)
    app = press(app.run(), "Lock ")
    assert load_model(newcomer, "ensemble").lock.threshold == 0.5, "asked once"
    app = press(app, "Restore the shipped threshold")
    assert not app.error
    assert load_model(newcomer, "ensemble").lock == shipped
    assert f"The shipped threshold {shipped.threshold:.3f} is valid again." in written(app)
    assert app.session_state[store].threshold == shipped.threshold
    assert "Restore the shipped threshold" not in labels(app)


def test_a_film_is_read_by_the_shipped_ensemble_and_decided_at_the_lock_of_the_home(show, newcomer):
    app = show("read")
    uploader(app).upload("film.png", samples()[0].film.data, "image/png")
    app.run()
    assert not app.error
    assert "Disagreement between its 2 models" in written(app)
    for threshold, words in ((0.0, "above the threshold"), (1.0, "below the threshold")):
        actions.lock(newcomer, "ensemble", f"value:{threshold}", actor="test")
        assert f"Pneumonia score {words}" in written(app.run())


def test_two_homes_of_one_server_keep_their_own_locks_on_a_shipped_model(newcomer, tmp_path, monkeypatch):
    from xraylab.app.loaded import loaded

    actions.lock(newcomer, "cnn", "value:0.1", actor="test")
    assert loaded(load_model(newcomer, "cnn")).model.lock.threshold == 0.1
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "other"))
    other = load_model(load_settings(), "cnn")
    assert loaded(other).model.lock == other.lock_as_made


def test_what_was_done_before_a_model_was_shipped_is_not_what_was_done_last(show, imported, starter):
    assert "Locked ensemble" not in written(show(""))
    actions.open_test(imported, "ensemble", actor="app")
    said = written(show(""))
    assert "Revealed the test results of ensemble" in said
    assert "Locked ensemble" not in said
    actions.lock(imported, "ensemble", "value:0.25", actor="app")
    assert "Locked ensemble at 0.250" in written(show(""))


def test_the_models_screen_marks_the_shipped_ones(show, settled):
    app = show("models")
    said = written(app)
    assert all(f"{name} · shipped" in said for name in SHIPPED)
    assert f"{MODEL} · shipped" not in said
    chosen(app, "models").set_value("ensemble").run()
    assert not app.error
    assert "Members" in [heading.value for heading in app.subheader]


def test_a_training_may_start_from_a_shipped_model_of_its_network(show, imported, starter):
    app = show("train")
    app.selectbox(key="train network").set_value(network("small_cnn")).run()
    box = app.selectbox(key="train weights small_cnn")
    assert box.options[1:3] == ["the model mobilenet_v2 · shipped", "the model cnn · shipped"]
    box.set_value("cnn").run()
    assert not app.error
    assert "Starts from cnn" in written(app)


@pytest.mark.parametrize("name", ["", "threshold", "models"])
def test_a_damaged_shipped_model_is_a_sentence_and_the_rest_of_the_screen_stays(
    show, newcomer, starter, name
):
    (starter / "ensemble" / "predictions.parquet").unlink()
    app = show(name)
    assert not app.exception
    [error] = app.error
    assert "Install XRayLab again" in error.value.replace("\\", "")
    assert labels(app) == WELCOME if not name else chosen(app, name).options


def test_a_dataset_of_that_name_is_not_opened_for_a_shipped_model_of_other_films(show, imported, starter):
    for name in SHIPPED:
        file = starter / name / "card.json"
        file.write_text(
            file.read_text().replace(load_model(imported, name).card.dataset.pixel_hash, "of other films")
        )
        (starter / name / FILMS_FILE).unlink()
    app = press(show("threshold"), "Reveal test results (recorded) …").button(key="open test").click().run()
    assert not app.error
    assert "On record, results on these test films were revealed once" in written(app)
    assert actions.list_datasets(imported)[0].test_openings == 0
