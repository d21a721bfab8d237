"""What the Read screen says of ensembles and of kinds of pneumonia."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.brief import BOTH
from tests.browser.serving import ROOT
from xraylab.app import phantoms
from xraylab.models import load_model

pytest_plugins = ["tests.averaged"]
CAVEAT = "from file names; films don't reliably tell bacterial from viral"


@pytest.fixture
def read(monkeypatch):
    """Read a fresh phantom with the model in use."""
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)

    def read(model):
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        app.session_state["model in use"] = model
        app = app.switch_page("pages/read.py").run()
        film = phantoms.fresh_phantom_png()
        return app.file_uploader(key="films").upload("film.png", film, "image/png").run()

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


def test_an_ensemble_shows_how_far_its_models_are_apart_and_no_kind(read, averaged):
    app = read(BOTH)
    assert not app.exception
    assert "Disagreement between its 2 models" in words(app)
    assert CAVEAT not in words(app)


def test_a_single_model_shows_no_disagreement(read, averaged):
    assert "Disagreement" not in words(read("one"))


@pytest.mark.parametrize("page", ["models", "threshold"])
def test_screens_of_numbers_show_an_ensemble_whose_member_is_gone(averaged, monkeypatch, page):
    monkeypatch.setattr("xraylab.runs.launch.ensure_worker", lambda *_: False)
    (averaged.models / "one" / "card.json").unlink()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    app.session_state["model in use"] = BOTH
    app = app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error
